"""Spoilt webhooks all the way into the database: no item ends as an error of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.enums import Power, SourceKind
from customers.intake.reading import read_due
from customers.models import InboundRequest, RejectedRow, Source
from tests.customers.sources.test_any_webhook import SETTINGS, SHOP, WOO, spoilt
from tests.customers.sources.told import RECEIVED
from tests.factories.customers import SourceFactory


pytestmark = [pytest.mark.django_db, pytest.mark.story]
FEW = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def check(source: Source, said: list[tuple[str, Any]]) -> None:
    requests = [
        InboundRequest.objects.create(
            source=source, topic=topic, power=Power.SERVER, received_at=RECEIVED,
            body=json.dumps(body).encode(),
        )
        for topic, body in said
    ]  # fmt: skip
    read_due(now=RECEIVED)
    for request in requests:
        request.refresh_from_db()
        assert request.status != "RECEIVED"
        waiting = len(request.waiting)
        assert request.items == request.accepted + request.duplicates + request.rejected + waiting
    found = RejectedRow.objects.filter(inbound__in=requests, reason="not_understood")
    assert [row.raw for row in found] == []


@pytest.fixture
def shopify() -> Source:
    return SourceFactory(kind=SourceKind.SHOPIFY, settings=SETTINGS)


@pytest.fixture
def woocommerce() -> Source:
    return SourceFactory(kind=SourceKind.WOOCOMMERCE, settings=SETTINGS)


@FEW
@given(st.lists(spoilt(SHOP), min_size=1, max_size=12))
def test_spoilt_webhooks_of_shopify_are_read_or_refused(
    shopify: Source, said: list[tuple[str, Any]]
) -> None:
    check(shopify, said)


@FEW
@given(st.lists(spoilt(WOO), min_size=1, max_size=12))
def test_spoilt_webhooks_of_woocommerce_are_read_or_refused(
    woocommerce: Source, said: list[tuple[str, Any]]
) -> None:
    check(woocommerce, said)
