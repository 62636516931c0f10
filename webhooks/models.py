"""Where news goes, what it says, and how often it was tried."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from customers.models import Customer
from webhooks.enums import PostState, Topic


class Endpoint(models.Model):
    """An address of the shop's that wants to hear of some topics."""

    url = models.URLField(max_length=500, help_text="https only; no address inside a network.")
    description = models.CharField(max_length=200, blank=True)
    topics = ArrayField(models.CharField(max_length=50, choices=Topic.choices))
    sealed_secret = models.TextField(editable=False)
    sealed_old_secret = models.TextField(
        blank=True, editable=False, help_text="Signs as well until `old_secret_until`."
    )
    old_secret_until = models.DateTimeField(null=True, editable=False)
    is_active = models.BooleanField(default=True)
    stopped_because = models.CharField(max_length=200, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    rests_until = models.DateTimeField(
        null=True, editable=False, help_text="Left alone till then: it did not answer at all."
    )
    created_at = models.DateTimeField(editable=False)

    def __str__(self) -> str:
        return self.description or self.url


class Message(models.Model):
    """One piece of news. Written by triggers, in the transaction in which it happened."""

    message_id = models.CharField(max_length=50, unique=True, help_text="The header webhook-id.")
    topic = models.CharField(max_length=50, choices=Topic.choices)
    happened_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())
    customer = models.ForeignKey(
        Customer,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        help_text="Whom it is about: it goes when they are erased.",
    )
    data = models.JSONField(help_text="No names, no addresses: numbers of the shop's own.")

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="webhook_message_age")]

    def __str__(self) -> str:
        return self.message_id


class Post(models.Model):
    """One message on its way to one endpoint."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="posts")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="posts")
    state = models.CharField(
        max_length=10,
        choices=PostState.choices,
        default=PostState.PENDING,
        db_default=PostState.PENDING,
    )
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField(null=True)
    last_tried_at = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True, help_text="The answer's HTTP status.")
    last_error = models.CharField(max_length=300, blank=True, db_default="")
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "endpoint"], name="webhook_post")]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="webhook_post_due",
                condition=models.Q(state=PostState.PENDING),
            ),
            models.Index(fields=["endpoint", "-id"], name="webhook_post_of_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} to {self.endpoint_id}"
