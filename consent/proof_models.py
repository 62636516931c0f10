"""What proves that the promises are kept: seals of the ledger, who looked at whose data, probes."""

from __future__ import annotations

from django.db import models


class LedgerSeal(models.Model):
    """The acts up to one, counted and hashed with the seal before; append-only. See chain.py."""

    last_event_id = models.BigIntegerField(unique=True)
    acts = models.BigIntegerField(help_text="Acts since the seal before.")
    digest = models.BinaryField()
    sealed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"acts up to {self.last_event_id}: {bytes(self.digest).hex()[:12]}"


class PersonalDataAccess(models.Model):
    """Somebody looked at, or took away, data about people; append-only, and holds none itself."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=150, help_text="The staff member's name in the admin.")
    action = models.CharField(
        max_length=10, choices=[("VIEW", "Looked at"), ("EXPORT", "Took away")]
    )
    what = models.CharField(max_length=100, help_text="The page or file, by the name of its route.")
    customer_number = models.BigIntegerField(
        null=True, help_text="Of one customer; empty for lists of many."
    )

    class Meta:
        verbose_name = "look at personal data"
        verbose_name_plural = "access log"
        indexes = [models.Index(fields=["at"], name="personal_data_access_at")]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.what}"


class OptOutProbe(models.Model):
    """Whether somebody who pressed unsubscribe would have been left alone, tried out on the live path."""

    at = models.DateTimeField()
    failed = models.CharField(
        max_length=300, blank=True, help_text="The step that failed; empty: none."
    )

    class Meta:
        verbose_name = "opt-out probe"
        verbose_name_plural = "opt-out probe"
        indexes = [models.Index(fields=["-at"], name="opt_out_probe_at")]

    def __str__(self) -> str:
        return self.failed or "works"
