"""Who asked to be written to and has not confirmed yet, and the messages that ask them to."""

from __future__ import annotations

from django.db import models


class SignUp(models.Model):
    """
    Somebody entered an address and what it is to get; nothing is allowed before the address confirms.

    The address is kept until then, or until the link has run out; the row for a month. What lasts is
    the act of consent in the ledger with its evidence. There is no address of the network in it.
    """

    address = models.CharField(max_length=320, blank=True, help_text="Emptied when it has served.")
    address_hmac = models.CharField(max_length=64)
    mailbox_hmac = models.CharField(
        max_length=64, help_text="Keyed hash without +tag and dots: what is counted against floods."
    )
    wordings = models.ManyToManyField("consent.Wording", related_name="+")
    language = models.CharField(max_length=10)
    form = models.CharField(
        max_length=100, help_text="Where it was asked for: a page, or a shop's form."
    )
    evidence = models.JSONField(default=dict, help_text="What the shop sent along as proof.")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    nonce = models.BinaryField(max_length=16, help_text="What the link is made from, with our key.")
    token_sha256 = models.CharField(max_length=64, unique=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "sign-up"
        indexes = [
            models.Index(fields=["mailbox_hmac", "asked_at"], name="sign_up_flood"),
            models.Index(fields=["address_hmac"], name="sign_up_address"),
        ]

    def __str__(self) -> str:
        return f"sign-up {self.pk}"


class ServiceMessage(models.Model):
    """
    A message that somebody asked for themselves, waiting to leave; no marketing, so no consent is needed.

    It goes out at least once: after a crash again, with the same Message-ID. The lease runs by the
    database's clock; whoever lost it to another finds a higher epoch.
    """

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        SENT = "SENT", "Accepted by the mail server"
        FAILED = "FAILED", "Refused by the mail server"
        CAME_BACK = "CAME_BACK", "Came back: bounced, or reported as spam"
        SKIPPED = "SKIPPED", "Not sent: the address is suppressed, or it was too late"

    sign_up = models.OneToOneField(SignUp, on_delete=models.CASCADE, related_name="message")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    message_id = models.CharField(max_length=120, unique=True)
    created_at = models.DateTimeField()
    epoch = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    reply = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                name="service_message_waiting",
                condition=models.Q(state="WAITING"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.message_id}"
