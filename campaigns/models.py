"""Campaigns and their deliveries."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from campaigns.enums import (
    Arm,
    BounceClass,
    CampaignState,
    DeliveryState,
    ReportKind,
    SkipReason,
    Targeting,
)
from consent.enums import NEWSLETTER, Purpose
from consent.models import Topic
from customers.models import Customer
from segmentation.models import ModelVersion, Segment


def new_salt() -> str:
    return secrets.token_hex(8)


class Campaign(models.Model):
    name = models.CharField(max_length=150, unique=True)
    state = models.CharField(
        max_length=10, choices=CampaignState.choices, default=CampaignState.DRAFT
    )
    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="+")
    # What is said
    from_name = models.CharField(max_length=100)
    from_email = models.EmailField()
    subject = models.CharField(max_length=200, help_text="Liquid: {{ customer.first_name }}")
    body_html = models.TextField(help_text="Liquid. Must contain {{ unsubscribe_url }}.")
    # What for
    purpose = models.CharField(
        max_length=60,
        default=Purpose.MARKETING,
        db_default=Purpose.MARKETING,
        help_text="MARKETING, or NEWSLETTER: and the short name of a topic; who agreed to that may be mailed.",
    )
    with_soft_opt_ins = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Promotes own products like those bought: also to buyers who did not refuse.",
    )
    # To whom
    targeting = models.CharField(max_length=10, choices=Targeting.choices, default=Targeting.PROFIT)
    holdout_share = models.FloatField(
        default=0.1, validators=[MinValueValidator(0.01), MaxValueValidator(0.9)]
    )
    explore_share = models.FloatField(
        default=0.1,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Share of the rest that is assigned at random, so that the model keeps learning.",
    )
    min_days_between = models.PositiveSmallIntegerField(
        default=0, help_text="Skip customers mailed within this many days; 0 for no limit."
    )
    rest_after_bad_days = models.PositiveSmallIntegerField(
        default=14,
        validators=[MaxValueValidator(365)],
        help_text="Skip customers with a bad review, a complaint or a refund within this many days; 0 for no limit.",
    )
    # What it costs
    discount_percent = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(90)],
        help_text="Discount offered in the message, per cent of the order.",
    )
    contact_cost_cents = models.PositiveIntegerField(default=1)
    unsubscribe_cost_cents = models.PositiveIntegerField(
        default=0, help_text="What losing the right to mail one customer is worth."
    )
    outcome_days = models.PositiveSmallIntegerField(
        default=14, validators=[MinValueValidator(1), MaxValueValidator(90)]
    )
    # When
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_people = models.PositiveIntegerField(default=0, db_default=0)
    approved_digest = models.CharField(
        max_length=64, blank=True, db_default="", help_text="Of what was approved: approval.digest."
    )
    approved_rules = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="Segments to the versions of their rules when it was approved: approval.rules_behind.",
    )
    launched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    scheduled_at = models.DateTimeField(null=True, blank=True)
    frozen_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    salt = models.CharField(
        max_length=32,
        default=new_salt,
        help_text="Makes the random assignment of this campaign its own.",
    )
    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    audience = models.PositiveIntegerField(
        default=0, help_text="People in the segment when frozen."
    )
    note = models.TextField(blank=True, help_text="Why it was paused, or what the freeze decided.")
    reputation_errors = models.PositiveIntegerField(
        default=0,
        help_text="Refusals that are about us as a sender, since it last began to run; too many pause it.",
    )
    budget_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When staff last resumed it: bounces and complaints before count no more.",
    )

    class Meta:
        permissions = [("approve_campaign", "Can approve campaigns that somebody else launches")]

    def __str__(self) -> str:
        return self.name

    @property
    def newsletter(self) -> str:
        """The title of the newsletter that this is; "" for promotions."""
        if not self.purpose.startswith(NEWSLETTER):
            return ""
        slug = self.purpose.removeprefix(NEWSLETTER)
        return Topic.objects.filter(slug=slug).values_list("title", flat=True).first() or slug


class Delivery(models.Model):
    """
    One member of a campaign's segment and what became of them; made when the audience is frozen.

    `assignment_probability` is the probability with which this customer was assigned to TREATED,
    known at that moment; empty for those outside the experiment.
    """

    # without indexes of their own: others begin with them, and each message changes its row three times
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    arm = models.CharField(max_length=15, choices=Arm.choices)
    assignment_probability = models.FloatField(null=True)
    predicted_profit_cents = models.FloatField(
        null=True, help_text="What the model expected a message to earn."
    )
    state = models.CharField(max_length=10, choices=DeliveryState.choices)
    reason = models.CharField(max_length=20, choices=SkipReason.choices, blank=True)
    # Who holds it: a lease by the database's clock, fenced by the epoch
    owner = models.CharField(max_length=64, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    # What happened
    intent_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    message_id = models.CharField(max_length=120, blank=True)
    reply = models.CharField(max_length=300, blank=True)
    address_hmac = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        help_text="Keyed hash of the address it went to, whatever address the customer has now.",
    )

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["campaign", "customer"], name="delivery_once"),
            models.CheckConstraint(
                name="skipped_has_a_reason",
                condition=models.Q(state=DeliveryState.SKIPPED, reason__gt="")
                | ~models.Q(state=DeliveryState.SKIPPED) & models.Q(reason=""),
            ),
            models.CheckConstraint(
                name="experiment_has_a_probability",
                condition=models.Q(arm=Arm.EXCLUDED, assignment_probability__isnull=True)
                | ~models.Q(arm=Arm.EXCLUDED) & models.Q(assignment_probability__isnull=False),
            ),
        ]
        indexes = [
            # dispatch.claim: the rows that still have to go out
            models.Index(
                fields=["campaign", "id"],
                name="delivery_to_claim",
                condition=models.Q(state__in=["PLANNED", "DEFERRED"]),
            ),
            # sweeper: the rows somebody holds
            models.Index(
                fields=["leased_until"],
                name="delivery_leased",
                condition=models.Q(state__in=["CLAIMED", "SENDING"]),
            ),
            models.Index(fields=["customer", "accepted_at"], name="delivery_customer_accepted"),
            models.Index(fields=["campaign", "state"], name="delivery_campaign_state"),
            models.Index(
                fields=["address_hmac", "intent_at"],
                name="delivery_address_intent",
                condition=~models.Q(address_hmac=""),
            ),
            # a provider's number of a message, where there is a provider: returns.recording
            models.Index(
                fields=["reply"],
                name="delivery_provider_number",
                condition=models.Q(reply__startswith="accepted as "),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.customer_id} {self.state}"


class Link(models.Model):
    """A link of a campaign; clicks name it by number, so no foreign address travels in a URL."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="links")
    position = models.PositiveSmallIntegerField()
    url = models.URLField(max_length=2000)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "position"], name="link_position")
        ]

    def __str__(self) -> str:
        return self.url


class DeliveryReport(models.Model):
    """
    Something that came back about a message: a bounce, a complaint, a provider's word.

    Added and never changed, but for two things: a report of a message that we do not know yet is
    matched when we do, and an erasure empties what could name a person. A trigger sees to it.
    """

    key = models.CharField(
        max_length=64, unique=True, help_text="The same for each copy of one report."
    )
    source = models.CharField(max_length=20, help_text="smtp, dsn, arf, mail or a provider's name.")
    kind = models.CharField(max_length=15, choices=ReportKind.choices)
    bounce = models.CharField(max_length=10, choices=BounceClass.choices, blank=True)
    status = models.CharField(max_length=12, blank=True, help_text="Enhanced status code, RFC 3463")
    detail = models.CharField(max_length=300, blank=True)
    happened_at = models.DateTimeField()
    arrived_at = models.DateTimeField()
    delivery = models.ForeignKey(
        Delivery, on_delete=models.PROTECT, null=True, related_name="reports"
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, related_name="+")
    provider_number = models.CharField(
        max_length=250, blank=True, help_text="The provider's number of the message."
    )
    address_hmac = models.CharField(
        max_length=64, blank=True, help_text="Keyed hash of the address, where a provider names it."
    )

    class Meta:
        verbose_name_plural = "what came back"
        indexes = [
            models.Index(fields=["campaign", "kind", "bounce"], name="report_campaign_kind"),
            models.Index(
                fields=["provider_number"],
                name="report_waiting",
                condition=models.Q(delivery__isnull=True) & ~models.Q(provider_number=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}".strip()


class SendLimit(models.Model):
    """A limit's own row, which senders lock; `tail` is the last slot given to a message that waits."""

    key = models.CharField(max_length=255, primary_key=True, help_text="A domain, or * for all.")
    tail = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


class SendGrant(models.Model):
    """So many messages were let go at once; what campaigns.limits counts."""

    key = models.CharField(max_length=255)
    granted_at = models.DateTimeField()
    messages = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["key", "granted_at"], name="grant_key_moment")]

    def __str__(self) -> str:
        return f"{self.key}: {self.messages}"
