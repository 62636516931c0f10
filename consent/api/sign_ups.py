"""Double opt-in for a shop's own forms, and soft opt-ins from its checkout."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from consent import soft_opt_in
from consent.api.consents import ACT, ConsentEventSerializer
from consent.public import public_words, signing_up
from core import clock
from customers.api.visible import customer
from gateway.errors import invalid
from gateway.fields import JsonObject, Moment, StrictSerializer, Text
from gateway.schema import operation
from gateway.views import Endpoint, answer


class SignUpSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=320)
    purposes = serializers.ListField(
        child=Text(max_length=60),
        min_length=1,
        max_length=50,
        help_text="MARKETING, or NEWSLETTER: and the short name of a newsletter that is offered.",
    )
    language = serializers.ChoiceField(
        choices=sorted(public_words.LANGUAGES),
        default="en",
        help_text="Of the text agreed to, of the message and of the page behind its link.",
    )
    form = Text(max_length=100, default="api", help_text="Which form of yours: footer, checkout, …")
    evidence = JsonObject(
        required=False, help_text="What else proves it; it goes into the ledger on confirmation."
    )


class PendingSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=[("PENDING", "Waits to be confirmed")])


class SoftOptInSerializer(StrictSerializer):
    order = Text(max_length=200, help_text="Your number of the order: a sale of this customer.")
    own_similar_products = serializers.BooleanField(
        help_text="Only your own products like those bought will be offered; must be true."
    )
    opt_out_offered = serializers.BooleanField(
        help_text="They could refuse, free of charge, when the address was collected; must be true."
    )
    happened_at = Moment(help_text="When the address was collected.")
    evidence = JsonObject(required=False, help_text="What proves it: form, text that was shown.")


class SignUpEndpoint(Endpoint):
    @operation(
        "sign_up", "Ask an address to confirm that it wants messages", scope="consent:write",
        tag="Consent",
        says="Double opt-in: nothing is granted before the owner of the address has pressed the button "
        "behind the link that is sent to it, within seven days. Says the same for every address, known, "
        "unknown or suppressed; one is asked three times a day at most.",
        takes=SignUpSerializer, gives=PendingSerializer, statuses=(202,),
        sent={"email": "ada@example.com", "purposes": ["MARKETING"], "language": "de",
              "form": "footer"},
        given={"status": "PENDING"},
    )  # fmt: skip
    def made(self, request: Request) -> Response:
        said = self.said(SignUpSerializer)
        try:
            texts = signing_up.texts_of(said["purposes"], language=said["language"])
        except signing_up.UnknownPurposeError:
            raise invalid(
                "purposes", "unknown_purpose",
                "Only promotions (MARKETING) and newsletters that are offered can be signed up for.",
            ) from None  # fmt: skip
        signing_up.ask(
            address=said["email"], texts=texts, language=said["language"], form=said["form"],
            now=clock.now(), evidence={**said.get("evidence", {}), "api_key": self.key.prefix},
        )  # fmt: skip
        return answer(PendingSerializer, {"status": "PENDING"}, status=202)

    @operation(
        "record_soft_opt_in", "Record a sale to somebody who did not refuse offers",
        scope="consent:write", tag="Consent",
        says="Article 13(2) of the ePrivacy directive. No consent: it counts only while the shop has it "
        "switched on, for campaigns that offer own similar products, and where nobody of the address has "
        "ever agreed or refused.",
        takes=SoftOptInSerializer, gives=ConsentEventSerializer, statuses=(201,),
        sent={"order": "1042", "own_similar_products": True, "opt_out_offered": True,
              "happened_at": "2026-06-01T12:00:00Z"},
        given={**ACT, "act": "SOFT_OPT_IN", "wording": None, "method": "soft opt-in",
               "evidence": {"sale": "1042", "own_similar_products": True, "opt_out_offered": True}},
        errors=(404, 410),
    )  # fmt: skip
    def soft(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        said = self.said(SoftOptInSerializer)
        try:
            event = soft_opt_in.record(
                customer=found, sale=said["order"], own_similar_products=said["own_similar_products"],
                opt_out_offered=said["opt_out_offered"], happened_at=said["happened_at"],
                now=clock.now(),
                evidence={**said.get("evidence", {}), "api_key": self.key.prefix},
            )  # fmt: skip
        except soft_opt_in.ConditionError as error:
            raise invalid(error.field, error.code, str(error)) from None
        return answer(ConsentEventSerializer, event, status=201)
