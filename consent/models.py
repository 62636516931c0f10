"""The ledger of consent, its current state, the suppression list, and what people ask of their data."""

from __future__ import annotations

from django.db import models

from consent import purposes
from consent.accountability.proof_models import Breach, LedgerSeal, OptOutProbe, PersonalDataAccess
from consent.enums import (
    Act,
    Basis,
    Channel,
    GrantRefusal,
    Provenance,
    Purpose,
    RequestKind,
    RequestStatus,
    SuppressionReason,
)
from consent.interlock.logbook_models import LogbookMark
from consent.pepper_models import AddressKey, Pepper
from consent.public.choice_models import Preference, Topic
from consent.public.sign_up_models import ServiceMessage, SignUp
from customers.models import Customer, Source


__all__ = [
    "AddressKey",
    "Breach",
    "ConsentEvent",
    "ConsentState",
    "DataRequest",
    "LedgerSeal",
    "LogbookMark",
    "OptOutProbe",
    "Pepper",
    "PersonalDataAccess",
    "Preference",
    "ServiceMessage",
    "SignUp",
    "Suppression",
    "Topic",
    "Wording",
]


class Wording(models.Model):
    """A text that people agreed to, kept as it was shown. Never edited: a change is a new version."""

    purpose = models.CharField(max_length=60, choices=Purpose.choices)
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

    def get_purpose_display(self) -> str:
        return purposes.in_words(self.purpose)


class ConsentEvent(models.Model):
    """
    One act of consent or withdrawal with its evidence; append-only, a trigger refuses the rest.

    Only the acts of enums.DECISIVE make the state.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=60, choices=Purpose.choices)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    act = models.CharField(max_length=12, choices=Act.choices)
    basis = models.CharField(max_length=12, choices=Basis.choices)
    wording = models.ForeignKey(Wording, on_delete=models.PROTECT, null=True, related_name="+")
    method = models.CharField(max_length=50, help_text="form, import, one-click, admin, …")
    provenance = models.CharField(
        max_length=10, choices=Provenance.choices, blank=True, db_default=""
    )
    reason = models.CharField(
        max_length=20,
        choices=GrantRefusal.choices,
        blank=True,
        db_default="",
        help_text="Why a grant was not accepted.",
    )
    evidence = models.JSONField(default=dict)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    ledger_event_id = models.BigIntegerField(
        null=True, help_text="The customers.Event this was read from, if any."
    )
    # set by a trigger, see chain.py
    evidence_salt = models.UUIDField(null=True, editable=False)
    evidence_digest = models.BinaryField(null=True, editable=False)
    previous_hash = models.BinaryField(null=True, editable=False)
    hash = models.BinaryField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ledger_event_id", "purpose", "channel"], name="consent_event_once"
            ),
            models.CheckConstraint(
                name="refused_has_a_reason",
                condition=models.Q(act=Act.REFUSED, reason__gt="")
                | ~models.Q(act=Act.REFUSED) & models.Q(reason=""),
            ),
            models.CheckConstraint(
                name="grant_has_wording",
                condition=~models.Q(act=Act.GRANTED) | models.Q(wording__isnull=False),
            ),
            # the evidence goes with an erasure, and its salt with it
            models.CheckConstraint(
                name="soft_opt_in_has_its_conditions",
                condition=~models.Q(act=Act.SOFT_OPT_IN)
                | models.Q(evidence_salt__isnull=True)
                | models.Q(
                    evidence__has_key="sale",
                    evidence__contains={"own_similar_products": True, "opt_out_offered": True},
                )
                & ~models.Q(evidence__contains={"sale": ""}),
            ),
        ]
        indexes = [
            models.Index(
                fields=["customer", "purpose", "channel", "happened_at"], name="consent_event_fold"
            ),
            models.Index(fields=["customer", "-id"], name="consent_event_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_act_display()}: {self.get_purpose_display()} ({self.pk})"

    def get_purpose_display(self) -> str:
        return purposes.in_words(self.purpose)


class ConsentState(models.Model):
    """
    The fold of the events of one person, purpose and channel; a cache that can be rebuilt.

    The hand-over statement locks this row FOR SHARE, so a withdrawal that has committed
    cannot be overtaken by a message.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=60, choices=Purpose.choices)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    is_granted = models.BooleanField()
    is_soft_opt_in = models.BooleanField(
        db_default=False,
        default=False,
        help_text="They bought and neither agreed nor refused: no consent, see soft_opt_in.py.",
    )
    from_import = models.BooleanField(
        db_default=False,
        default=False,
        help_text="Granted by an imported file only: any other act counts for more, however old.",
    )
    since = models.DateTimeField()
    event = models.ForeignKey(ConsentEvent, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "purpose", "channel"], name="consent_state_key"
            ),
            models.CheckConstraint(
                name="soft_opt_in_is_no_consent",
                condition=~models.Q(is_granted=True, is_soft_opt_in=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {'yes' if self.is_granted else 'no'}"

    def get_purpose_display(self) -> str:
        return purposes.in_words(self.purpose)


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


class DataRequest(models.Model):
    """
    Somebody asks for their data, or to be forgotten; the proof of what was done about it.

    Names nobody: a customer's row (empty once erased) and the keyed hash of an address.
    """

    kind = models.CharField(max_length=15, choices=RequestKind.choices)
    status = models.CharField(
        max_length=15, choices=RequestStatus.choices, default=RequestStatus.RECEIVED
    )
    source = models.ForeignKey(Source, on_delete=models.PROTECT, null=True, related_name="+")
    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty for somebody we do not know, and for a whole source.",
    )
    address_hmac = models.CharField(max_length=64, blank=True)
    requested_by = models.CharField(
        max_length=150, help_text="The staff member, or the way it came."
    )
    reference = models.CharField(
        max_length=100, blank=True, help_text="The asking system's own number of the request."
    )
    inbound_id = models.BigIntegerField(
        null=True, help_text="The customers.InboundRequest it came with."
    )
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    result = models.JSONField(
        default=dict, help_text="Rows by holder, and what is still waited for. No personal data."
    )
    export = models.CharField(
        max_length=100, blank=True, help_text="The copy of the data, under COTERIE_HOME/exports."
    )

    class Meta:
        permissions = [("carry_out_datarequest", "Can carry out data requests")]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "reference"],
                condition=models.Q(reference__gt=""),
                name="data_request_reference",
            )
        ]
        indexes = [models.Index(fields=["status", "due_at"], name="data_request_due")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
