"""A shop that sends its webhooks the way the real one does: signed, to the source's address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.test import RequestFactory

from consent import gate, ledger, wordings
from consent.enums import Refusal
from customers import queries
from customers.enums import SourceKind
from customers.intake import doors, keys
from customers.intake.reading import read_due
from customers.intake.replies import RefusedError
from customers.models import Customer, InboundRequest, Source


NOW = datetime.fromisoformat("2026-06-01T12:00:00+00:00")


class Shop:
    def __init__(self, kind: SourceKind, **source_settings: Any) -> None:
        opened = keys.open_source(kind=kind, name=f"A shop of {kind}", now=NOW)
        self.source: Source = opened.source
        self.source.settings = source_settings
        self.source.save()
        self.secret, self.kind = opened.secret or "", kind
        self.path = f"/in/{kind.lower()}/{self.source.public_id}"
        self.now = NOW
        self.requests_of_django = RequestFactory()

    def send(self, topic: str, body: Any, *, delivery: str = "") -> int:
        """One delivery; returns the status. `delivery`: the id that a redelivery repeats."""
        raw = json.dumps(body).encode()
        signature = base64.b64encode(
            hmac.new(self.secret.encode(), raw, hashlib.sha256).digest()
        ).decode()
        delivery = delivery or uuid.uuid4().hex
        if self.kind == SourceKind.SHOPIFY:
            headers = {
                "X-Shopify-Topic": topic, "X-Shopify-Hmac-SHA256": signature,
                "X-Shopify-Webhook-Id": delivery, "X-Shopify-Shop-Domain": "tea.myshopify.com",
                "X-Shopify-API-Version": "2025-07", "X-Shopify-Triggered-At": self.now.isoformat(),
            }  # fmt: skip
        else:
            headers = {
                "X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": signature,
                "X-WC-Webhook-Delivery-ID": delivery, "X-WC-Webhook-ID": "3",
                "X-WC-Webhook-Source": "https://shop.example/",
            }  # fmt: skip
        request = self.requests_of_django.post(
            self.path, raw, content_type="application/json", headers=headers
        )
        door = doors.shopify if self.kind == SourceKind.SHOPIFY else doors.woocommerce
        try:
            return door(request.META, public_id=self.source.public_id or "", now=self.now).status
        except RefusedError as error:
            return error.reply.status

    def tell(self, *said: tuple[str, Any]) -> None:
        """Deliver, each a second after the other, and read them all."""
        for topic, body in said:
            assert self.send(topic, body) == 200
            self.now += timedelta(seconds=1)
        self.read()

    def read(self) -> None:
        read_due(now=self.now)
        ledger.absorb(now=self.now)

    # ------------------------------------------------------------ what became of it
    @property
    def totals(self) -> dict[str, int]:
        return queries.totals(source=self.source)

    def requests(self) -> list[tuple[str, str]]:
        found = InboundRequest.objects.filter(source=self.source).order_by("pk")
        return list(found.values_list("topic", "status"))

    def accounts_add_up(self) -> bool:
        return all(
            request.items == request.accepted + request.duplicates + request.rejected
            for request in InboundRequest.objects.filter(source=self.source)
        )

    def living(self) -> list[Customer]:
        found = Customer.objects.filter(source=self.source, merged_into=None)
        return list(found.order_by("pk"))

    def refusal(self) -> Refusal | None:
        """Why the one customer may not be mailed; None when they may."""
        (customer,) = self.living()
        return gate.refusal(customer)


def open_shop(kind: SourceKind, **source_settings: Any) -> Shop:
    wordings.install_defaults(now=NOW)
    return Shop(kind, **source_settings)
