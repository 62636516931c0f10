"""One order told by several: what adds up, and what is told twice."""

from __future__ import annotations

from typing import Any

import pytest

from customers.enums import InboundStatus, SourceKind
from customers.intake.reading import read_due
from customers.models import InboundRequest, Order, Refund, Source
from tests.customers.intake.saying import accounts, at, completed, land, said
from tests.factories.customers import NOW, SourceFactory


pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Source:
    found: Source = SourceFactory(kind=SourceKind.SEGMENT, settings={"currency": "EUR"})
    land(found, completed(timestamp=at(9)))  # 24.00
    read_due(now=NOW)
    return found


def refunded(message: str, **properties: Any) -> dict[str, Any]:
    return said(
        event="Order Refunded", messageId=message, properties={"order_id": "o1", **properties}
    )


def amounts() -> list[int]:
    return sorted(Refund.objects.values_list("amount_cents", flat=True))


def read(source: Source, *items: dict[str, Any]) -> list[InboundRequest]:
    requests = []
    for item in items:
        requests.append(land(source, item))
        read_due(now=NOW)
    return requests


@pytest.mark.parametrize("at_once", [True, False])
def test_a_refund_told_twice_comes_to_no_more_than_the_order(
    source: Source, *, at_once: bool
) -> None:
    told = [refunded("a", total="20"), refunded("b", total="20"), refunded("c", total="24")]
    if at_once:
        land(source, *told)
        read_due(now=NOW)
    else:
        *_, last = read(source, *told)
        assert accounts(last) == (InboundStatus.DONE, 1, 0, 1, 0)
    assert amounts() == [400, 2000]
    read(source, *told)
    assert amounts() == [400, 2000], "and nothing by saying it again"


def test_a_refund_with_a_number_of_its_own_is_as_it_is_told(source: Source) -> None:
    read(
        source, refunded("a", total="20", refund_id="r1"), refunded("b", total="9", refund_id="r2")
    )
    assert amounts() == [900, 2000]


@pytest.mark.parametrize("at_once", [True, False])
def test_all_that_was_left_shrinks_by_what_it_consisted_of(
    source: Source, *, at_once: bool
) -> None:
    told = [
        refunded("a"),
        refunded("b", total="20", refund_id="r1"),
        refunded("c", total="4", refund_id="r2"),
    ]
    if at_once:
        land(source, *told)
        read_due(now=NOW)
    else:
        read(source, *told)
    assert amounts() == [0, 400, 2000]


def test_an_order_that_is_completed_after_its_update_has_its_goods(source: Source) -> None:
    updated = said(
        event="Order Updated", timestamp=at(3), properties={"order_id": "o2", "total": "30"}
    )
    _, late, again = read(
        source,
        updated,
        completed("o2", timestamp=at(8), properties={"discount": "2"}),
        completed("o2", timestamp=at(8), total="1", messageId="once more"),
    )
    order = Order.objects.get(external_id="o2")
    assert (order.total_cents, order.discount_cents) == (3000, 200), "the later total stands"
    assert order.placed_at.isoformat() == at(8)
    assert order.lines.count() == 2
    assert accounts(late) == (InboundStatus.DONE, 1, 1, 0, 0)
    assert accounts(again) == (InboundStatus.DONE, 1, 0, 1, 0)
