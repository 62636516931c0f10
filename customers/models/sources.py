"""Where shop data comes from, and the requests as they came."""

from __future__ import annotations

from django.db import models

from customers.enums import InboundStatus, Power, SourceKind


class Source(models.Model):
    """One place that shop data comes from; external ids are unique within it."""

    kind = models.CharField(max_length=20, choices=SourceKind.choices)
    name = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField()
    settings = models.JSONField(
        default=dict,
        blank=True,
        help_text="A simulated shop's parameters and seed; a CSV's mapping.",
    )
    outcomes_simulated = models.BooleanField(
        default=False,
        help_text="What follows a campaign is drawn from the simulator's response model, not observed.",
    )
    public_id = models.CharField(
        max_length=32,
        null=True,
        unique=True,
        help_text="Names the source in the address that its webhooks are sent to.",
    )
    sealed_secret = models.TextField(
        blank=True, help_text="The webhooks' signing secret, encrypted; see customers.intake.keys."
    )
    silent_after_hours = models.PositiveIntegerField(
        default=24, help_text="Warn when nothing has come in for so long; 0 never warns."
    )

    def __str__(self) -> str:
        return self.name


class SourceKey(models.Model):
    """A key with which a source's clients write. Only its hash is kept; it was shown once."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="keys")
    power = models.CharField(max_length=10, choices=Power.choices)
    prefix = models.CharField(max_length=12, help_text="The first letters, by which staff know it.")
    key_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}…"


class InboundRequest(models.Model):
    """
    A request that a source's client made, as it came: stored before it is answered, read afterwards.

    Items of it that were refused are RejectedRows. Once read,
    items = accepted + duplicates + rejected + the number of those that are waiting.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    topic = models.CharField(max_length=100, help_text="batch, identify, orders/create, …")
    power = models.CharField(max_length=10, choices=Power.choices, db_default=Power.SERVER)
    received_at = models.DateTimeField()
    headers = models.JSONField(
        default=dict, db_default={}, help_text="Those that say what the body is."
    )
    body = models.BinaryField(help_text="Inflated. Emptied after some days.")
    dedupe_key = models.CharField(max_length=100, null=True)
    status = models.CharField(
        max_length=10,
        choices=InboundStatus.choices,
        default=InboundStatus.RECEIVED,
        db_default=InboundStatus.RECEIVED,
    )
    reason = models.CharField(max_length=100, blank=True, db_default="")
    items = models.PositiveIntegerField(default=0, db_default=0)
    accepted = models.PositiveIntegerField(default=0, db_default=0)
    duplicates = models.PositiveIntegerField(default=0, db_default=0)
    rejected = models.PositiveIntegerField(default=0, db_default=0)
    waiting = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="Numbers of the items that wait for what they refer to; they alone are tried again.",
    )
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "dedupe_key"], name="inbound_dedupe_key")
        ]
        indexes = [
            models.Index(fields=["source", "-id"], name="inbound_of_source"),
            # the last day's activity; no BRIN, because retention lets new rows into old pages
            models.Index(fields=["source", "received_at"], name="inbound_by_time"),
            models.Index(
                fields=["id"],
                name="inbound_unread",
                condition=models.Q(status__in=[InboundStatus.RECEIVED, InboundStatus.WAITING]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}"
