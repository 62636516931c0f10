"""The ledger of consent, its current state and the suppression list."""

from __future__ import annotations

from django.db import models

from consent.enums import Act, Basis, Channel, Purpose, SuppressionReason
from customers.models import Customer


class Wording(models.Model):
    """A text that people agreed to, kept as it was shown. Never edited: a change is a new version."""

    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    version = models.CharField(max_length=50)
    language = models.CharField(max_length=10, default="en")
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["purpose", "channel", "version", "language"], name="wording_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.version}"


class ConsentEvent(models.Model):
    """One act of consent or withdrawal with its evidence; append-only, a trigger refuses the rest."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    act = models.CharField(max_length=10, choices=Act.choices)
    basis = models.CharField(max_length=10, choices=Basis.choices)
    wording = models.ForeignKey(Wording, on_delete=models.PROTECT, null=True, related_name="+")
    method = models.CharField(max_length=50, help_text="form, import, one-click, admin, …")
    evidence = models.JSONField(default=dict)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    ledger_event_id = models.BigIntegerField(
        null=True, unique=True, help_text="The customers.Event this was read from, if any."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="grant_has_wording",
                condition=~models.Q(act=Act.GRANTED) | models.Q(wording__isnull=False),
            )
        ]
        indexes = [
            models.Index(
                fields=["customer", "purpose", "channel", "happened_at"], name="consent_event_fold"
            )
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.purpose} {self.pk}"


class ConsentState(models.Model):
    """
    The fold of the events of one person, purpose and channel; a cache that can be rebuilt.

    The hand-over statement locks this row FOR SHARE, so a withdrawal that has committed
    cannot be overtaken by a message.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    is_granted = models.BooleanField()
    since = models.DateTimeField()
    event = models.ForeignKey(ConsentEvent, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "purpose", "channel"], name="consent_state_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {'yes' if self.is_granted else 'no'}"


class Suppression(models.Model):
    """An address nobody may be mailed at, known only by its keyed hash: it outlives the customer."""

    address_hmac = models.CharField(max_length=64)
    channel = models.CharField(max_length=10, choices=Channel.choices, default=Channel.EMAIL)
    reason = models.CharField(max_length=20, choices=SuppressionReason.choices)
    detail = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    lifted_at = models.DateTimeField(
        null=True, blank=True, help_text="Set by a fresh consent given after the suppression."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["address_hmac", "channel"],
                condition=models.Q(lifted_at__isnull=True),
                name="suppression_address",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} {self.address_hmac[:8]}"
