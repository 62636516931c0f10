"""The vocabulary of outgoing webhooks."""

from django.db import models


class Topic(models.TextChoices):
    """Names as Standard Webhooks wants them: what it is about, full stop, what happened."""

    SEGMENT_ENTERED = "segment.entered", "A customer entered a segment"
    SEGMENT_LEFT = "segment.left", "A customer left a segment"
    DELIVERY_SENT = "delivery.sent", "A message was accepted by the mail server"
    DELIVERY_CLICKED = "delivery.clicked", "A link in a message was clicked"
    DELIVERY_BOUNCED = "delivery.bounced", "A message bounced"
    DELIVERY_COMPLAINED = "delivery.complained", "A message was reported as spam"
    DELIVERY_UNSUBSCRIBED = "delivery.unsubscribed", "Somebody unsubscribed"
    CONSENT_CHANGED = "consent.changed", "A customer gave or withdrew consent"
    CUSTOMER_ERASED = "customer.erased", "A customer was erased: erase them too"
    TEST = "webhook.test", "A test that staff asked for"


class PostState(models.TextChoices):
    PENDING = "PENDING", "To be sent"
    DELIVERED = "DELIVERED", "Taken by the receiver"
    DEAD = "DEAD", "Given up"
