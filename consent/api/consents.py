"""What a customer agrees to, by which words and proof; grants and withdrawals."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from consent import ledger
from consent.enums import NEWSLETTER, Act, Channel, Provenance, Purpose
from consent.models import ConsentEvent, ConsentState, Topic, Wording
from consent.purposes import channel_of
from core import clock, rows
from customers.api.visible import customer, filtered
from gateway.errors import invalid
from gateway.fields import JsonObject, Moment, StrictSerializer, Text, flaw
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer


MARKETING_CHANNELS = [(one.value, one.label) for one in (Channel.EMAIL, Channel.SMS)]


@extend_schema_field({
    "type": "string",
    "pattern": f"^({'|'.join(Purpose.values)}|{NEWSLETTER}[-a-zA-Z0-9_]{{1,40}})$",
    "description": "One of these, or of a newsletter: NEWSLETTER: and its short name.",
})  # fmt: skip
class PurposeField(serializers.ChoiceField):
    """A purpose; newsletters are rows, so those that there are cannot be listed in the schema."""

    def __init__(self, **more: Any) -> None:
        super().__init__(choices=Purpose.choices, **more)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str) and data.startswith(NEWSLETTER) and flaw(data) is None:
            slug = data.removeprefix(NEWSLETTER)
            if Topic.objects.filter(slug=slug).exists():
                return data
        return super().to_internal_value(data)


class WordingSerializer(serializers.Serializer[Any]):
    """A text that people agree to; never changed, a better one is a new version."""

    id = serializers.IntegerField()
    purpose = PurposeField()
    channel = serializers.ChoiceField(choices=Channel.choices)
    version = serializers.CharField()
    language = serializers.CharField()
    text = serializers.CharField()
    text_sha256 = serializers.CharField()
    created_at = serializers.DateTimeField()


class WordingFilters(PageFilters):
    purpose = PurposeField(required=False)
    version = Text(max_length=50, required=False)


class ConsentEventSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    customer_id = serializers.IntegerField()
    purpose = PurposeField()
    channel = serializers.ChoiceField(choices=Channel.choices)
    act = serializers.ChoiceField(choices=Act.choices)
    wording = WordingSerializer(allow_null=True, help_text="What was agreed to.")
    method = serializers.CharField()
    provenance = serializers.CharField()
    reason = serializers.CharField(help_text="Why a grant was not accepted.")
    evidence = serializers.DictField()
    happened_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()


class ConsentStateSerializer(serializers.Serializer[Any]):
    purpose = PurposeField()
    channel = serializers.ChoiceField(choices=Channel.choices)
    is_granted = serializers.BooleanField()
    since = serializers.DateTimeField()
    act = ConsentEventSerializer(source="event", help_text="The act that decided it.")


class ConsentsSerializer(serializers.Serializer[Any]):
    """A purpose that is not listed was never agreed to."""

    customer_id = serializers.IntegerField()
    consents = ConsentStateSerializer(many=True)


class HistoryFilters(PageFilters):
    purpose = PurposeField(required=False)


class GrantSerializer(StrictSerializer):
    purpose = PurposeField()
    channel = serializers.ChoiceField(
        choices=Channel.choices,
        required=False,
        help_text="Default: EMAIL for MARKETING and newsletters, else ANY.",
    )
    wording = Text(max_length=50, help_text="The version of the text that was agreed to.")
    language = Text(max_length=10, default="en", help_text="Of the text.")
    happened_at = Moment(help_text="When the customer agreed; a time to come is taken as now.")
    method = Text(max_length=50, default="api", help_text="How: checkout, account page, …")
    evidence = JsonObject(help_text="What proves it: form, page, double opt-in time. Not empty.")

    def validate_evidence(self, value: dict[str, Any]) -> dict[str, Any]:
        if not value:
            raise serializers.ValidationError("Without proof it is no consent.", code="required")
        return value


class WithdrawalSerializer(StrictSerializer):
    purpose = PurposeField()
    channel = serializers.ChoiceField(
        choices=MARKETING_CHANNELS,
        required=False,
        help_text="Of MARKETING; default EMAIL. Other purposes have none.",
    )
    happened_at = Moment(required=False, help_text="Default: now; a time to come is taken as now.")
    method = Text(max_length=50, default="api", help_text="How: account page, call, …")
    evidence = JsonObject(required=False)


WORDING = {
    "id": 1, "purpose": "MARKETING", "channel": "EMAIL", "version": "default-1", "language": "en",
    "text": "Yes, please send me offers …", "text_sha256": "5b1f…", "created_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
ACT = {
    "id": 21, "customer_id": 17, "purpose": "MARKETING", "channel": "EMAIL", "act": "GRANTED",
    "wording": WORDING, "method": "checkout", "provenance": "api", "reason": "",
    "evidence": {"form": "checkout-3", "confirmed_at": "2026-06-01T12:04:00Z"},
    "happened_at": "2026-06-01T12:00:00Z", "recorded_at": "2026-06-01T12:05:00Z",
}  # fmt: skip
GRANT = {
    "purpose": "MARKETING", "wording": "default-1", "happened_at": "2026-06-01T12:00:00Z",
    "method": "checkout", "evidence": {"form": "checkout-3", "confirmed_at": "2026-06-01T12:04:00Z"},
}  # fmt: skip
WITHDRAWN = {**ACT, "id": 22, "act": "WITHDRAWN", "wording": None, "method": "api", "evidence": {}}


class ConsentEndpoint(Endpoint):
    @operation(
        "get_consent", "What a customer agrees to now", scope="consent:read", tag="Consent",
        gives=ConsentsSerializer, errors=(404, 410),
        given={"customer_id": 17, "consents": [{
            "purpose": "MARKETING", "channel": "EMAIL", "is_granted": True,
            "since": "2026-06-01T12:00:00Z", "act": ACT}]},
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        states = (
            ConsentState.objects.filter(customer=found)
            .select_related("event__wording")
            .order_by("purpose", "channel")
        )
        return answer(ConsentsSerializer, {"customer_id": found.pk, "consents": states})

    @operation(
        "list_consent_acts", "Every act of consent of a customer", scope="consent:read", tag="Consent",
        filters=HistoryFilters, gives=ConsentEventSerializer, of_pages=True, given=ACT,
        errors=(404, 410),
    )  # fmt: skip
    def listed(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        asked = self.query(HistoryFilters)
        rows = ConsentEvent.objects.filter(customer=found).select_related("wording")
        rows = filtered(rows, asked, purpose="purpose")
        return Response(page(rows, filters=asked, shape=ConsentEventSerializer))

    @operation(
        "grant_consent", "Record that a customer agreed", scope="consent:write", tag="Consent",
        says="To which text, when, and by what proof. The newest act by `happened_at` decides. Lifts an "
        "older unsubscription of the address, and neither a bounce nor a complaint.",
        takes=GrantSerializer, gives=ConsentEventSerializer, statuses=(201,), sent=GRANT, given=ACT,
        errors=(404, 410),
    )  # fmt: skip
    def granted(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        said = self.said(GrantSerializer)
        channel = said.get("channel", channel_of(said["purpose"]))
        wording = rows.find(
            Wording,
            "purpose = %(purpose)s AND channel = %(channel)s AND version = %(wording)s"
            " AND language = %(language)s",
            {**said, "channel": channel},
        )
        if wording is None:
            raise invalid(
                "wording", "unknown_wording",
                "There is no text of this purpose, channel, version and language; see consent/wordings.",
            )  # fmt: skip
        event = ledger.grant(
            customer=found, wording=wording, method=said["method"], now=clock.now(),
            happened_at=said["happened_at"], evidence=self._evidence(said),
            provenance=Provenance.API,
        )  # fmt: skip
        return answer(ConsentEventSerializer, event, status=201)

    @operation(
        "withdraw_consent", "Record that a customer no longer agrees", scope="consent:write",
        tag="Consent", says="Effective at once: a message not yet handed over is not sent.",
        takes=WithdrawalSerializer, gives=ConsentEventSerializer, statuses=(201,),
        sent={"purpose": "MARKETING"}, given=WITHDRAWN, errors=(404, 410),
    )  # fmt: skip
    def withdrawn(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        said = self.said(WithdrawalSerializer)
        event = ledger.withdraw(
            customer=found, purpose=said["purpose"], method=said["method"], now=clock.now(),
            happened_at=said.get("happened_at"), evidence=self._evidence(said),
            channel=said.get("channel"), provenance=Provenance.API,
        )  # fmt: skip
        return answer(ConsentEventSerializer, event, status=201)

    def _evidence(self, said: dict[str, Any]) -> dict[str, Any]:
        """What was sent as proof, and by which key."""
        return {**said.get("evidence", {}), "api_key": self.key.prefix}


class WordingEndpoint(Endpoint):
    @operation(
        "list_wordings", "List the texts that people agree to", scope="consent:read", tag="Consent",
        filters=WordingFilters, gives=WordingSerializer, of_pages=True, given=WORDING,
    )  # fmt: skip
    def listed(self, request: Request) -> Response:
        asked = self.query(WordingFilters)
        rows = filtered(Wording.objects.all(), asked, purpose="purpose", version="version")
        return Response(page(rows, filters=asked, shape=WordingSerializer))
