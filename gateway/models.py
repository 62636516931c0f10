"""Keys, the answers that were given to writes, and exports that a key has asked for."""

from __future__ import annotations

from datetime import datetime

from django.db import models


class ExportStatus(models.TextChoices):
    WAITING = "WAITING", "Waiting for a worker"
    DONE = "DONE", "Ready"
    FAILED = "FAILED", "Failed"
    EXPIRED = "EXPIRED", "Deleted after a day"


class ApiKey(models.Model):
    """
    A key to the REST API. Only its hash is kept; the key itself was shown once.

    `source_ids` are ids of customers.Source without a foreign key, because this app is below that
    one; empty means all. `own_source_id` is the source that the key's writes are kept under when
    they name none; it is made when first needed.
    """

    name = models.CharField(max_length=80, unique=True)
    prefix = models.CharField(max_length=12, help_text="The first letters, by which staff know it.")
    key_sha256 = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    source_ids = models.JSONField(
        "sources", default=list, blank=True, help_text="Empty: all sources, also future ones."
    )
    own_source_id = models.BigIntegerField(null=True, editable=False)
    per_minute = models.PositiveIntegerField(
        "requests a minute", default=600, help_text="More are answered 429 and may be tried again."
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.name

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    @property
    def is_restricted(self) -> bool:
        """Whether the key sees some sources only."""
        return bool(self.source_ids)

    def sees(self, source_id: int | None) -> bool:
        return not self.source_ids or source_id in self.visible_ids

    @property
    def visible_ids(self) -> list[int]:
        """Of a restricted key: the ids of the sources it sees."""
        own = [] if self.own_source_id is None else [self.own_source_id]
        return [*self.source_ids, *own]

    def is_valid(self, *, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class IdempotentReply(models.Model):
    """
    A write that was asked for under an `Idempotency-Key`, and its answer.

    A row without an answer is of an earlier release, which wrote it before the write and gave it a lease
    (`leased_until`) and an `epoch`; now row and write are one transaction.
    """

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="replies")
    token = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    created_at = models.DateTimeField()
    leased_until = models.DateTimeField()
    epoch = models.PositiveIntegerField(default=1)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "idempotent replies"
        constraints = [models.UniqueConstraint(fields=["key", "token"], name="idempotency_key")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return f"{self.pk}: {self.status or 'in flight'}"


class Export(models.Model):
    """A file of what a key may read, written by a worker and deleted after a day."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="exports")
    kind = models.CharField(max_length=20)
    settings = models.JSONField(default=dict, help_text="What was asked for; no personal data.")
    with_pii = models.BooleanField(default=False)
    status = models.CharField(
        max_length=10, choices=ExportStatus.choices, default=ExportStatus.WAITING
    )
    rows = models.PositiveBigIntegerField(default=0)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    stored_file = models.CharField(
        max_length=100, blank=True, help_text="Under COTERIE_HOME/exports."
    )
    error = models.CharField(max_length=300, blank=True)
    mark = models.CharField(
        max_length=30, blank=True, db_default="", help_text="Stands in every row of the file."
    )
    people = models.PositiveBigIntegerField(default=0, db_default=0)
    numbers = models.BinaryField(
        null=True, editable=False, help_text="Customers in the file, packed: core.watermarks."
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                name="export_waiting",
                condition=models.Q(status=ExportStatus.WAITING),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind.capitalize()} {self.pk}"
