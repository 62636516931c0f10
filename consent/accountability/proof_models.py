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
    """
    Somebody looked at, or took away, data about people; append-only, and holds none itself.

    `numbers` are the customers' numbers of ours, packed (core.watermarks); by them it can be said
    afterwards who is affected when a key or a login was stolen.
    """

    at = models.DateTimeField()
    via = models.CharField(
        max_length=10,
        choices=[("STAFF", "Staff"), ("KEY", "API key"), ("COMMAND", "Command line")],
        default="STAFF",
        db_default="STAFF",
    )
    actor = models.CharField(
        max_length=150, help_text="The staff member's name in the admin, or the name of the key."
    )
    action = models.CharField(
        max_length=10,
        choices=[("VIEW", "Looked at"), ("EXPORT", "Took away"), ("CHANGE", "Corrected")],
    )
    what = models.CharField(max_length=100, help_text="The page or file, by the name of its route.")
    customer_number = models.BigIntegerField(
        null=True, help_text="Of one customer; empty for lists of many."
    )
    people = models.PositiveBigIntegerField(default=1, db_default=1)
    numbers = models.BinaryField(null=True, editable=False)
    with_addresses = models.BooleanField(
        default=False, db_default=False, help_text="Whether names or addresses may have been shown."
    )
    mark = models.CharField(
        max_length=30, blank=True, db_default="", help_text="Stands in every row of the file."
    )

    class Meta:
        verbose_name = "look at personal data"
        verbose_name_plural = "access log"
        indexes = [
            models.Index(fields=["at"], name="personal_data_access_at"),
            models.Index(
                fields=["mark"], name="personal_data_access_mark", condition=~models.Q(mark="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.what}"


class Breach(models.Model):
    """
    Personal data came, or may have come, into the wrong hands: what was found, and the clock of 72 hours.

    `selection` is how it was asked (a key, a user, a mark, a span of time). Names no customer.
    """

    noticed_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="When the authority has to know: 72 hours later.")
    selection = models.JSONField(default=dict)
    people = models.PositiveBigIntegerField(default=0)
    looks = models.PositiveBigIntegerField(default=0)
    told_at = models.DateTimeField(null=True, help_text="When the authority was told.")
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "breaches"

    def __str__(self) -> str:
        return f"Breach {self.pk}"


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
