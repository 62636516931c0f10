"""What a browser key may not say, and what nobody may: nothing raises, everything is accounted for."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.enums import Power
from customers.intake.translation import Person, Seen
from customers.quality import REASONS
from customers.sources.segment import translate, vocabulary
from customers.sources.segment.fields import LARGEST_ITEM
from tests.customers.sources.segment.calls import (
    SETTINGS,
    call,
    item,
    reason,
    row,
    translated,
)
from tests.factories.customers import NOW


# ---------------------------------------------------------------- browser keys


BROWSER_MAY = [
    call("page"),
    call("screen"),
    call(event="Product Added"),
    call(event="My Event"),
    call("group", groupId="g"),
]
BROWSER_MAY_NOT = [call(event=name, properties={"order_id": "o", "total": 1}) for name in
                   ("Order Completed", "Order Updated", "Order Cancelled", "Order Refunded", "Product Reviewed",
                    "Email Opened", "Unsubscribed")] + [call("alias", previousId="x")]  # fmt: skip


@pytest.mark.parametrize("body", BROWSER_MAY, ids=lambda body: body.get("event", body["type"]))
def test_translate_takes_behaviour_from_a_browser_key(body: dict[str, Any]) -> None:
    body = {**body, "context": {"traits": {"email": "eve@example.com"}}}
    assert row(translated(body, power=Power.BROWSER), "events").person == Person(user_id="u1")


@pytest.mark.parametrize("body", BROWSER_MAY_NOT, ids=lambda body: body.get("event", body["type"]))
def test_translate_refuses_the_rest_from_a_browser_key(body: dict[str, Any]) -> None:
    assert reason(body, power=Power.BROWSER) == "browser_key_may_not"


def test_translate_only_links_for_a_browser_key() -> None:
    found = translated(
        call(
            "identify",
            anonymousId="a",
            traits={"email": "e@x.example", "email_marketing_consent": True},
        ),
        power=Power.BROWSER,
    )
    assert (found.rows, found.same) == ([], [])
    assert found.seen == [Seen(item=0, person=Person(user_id="u1", anonymous_id="a"))]


# ---------------------------------------------------------------- bad input


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


ORDER = {"order_id": "o", "total": 1}
BAD = {
    "a list": ([1], "not_an_object"),
    "NUL in a name": (call(event="x", properties={"a\0": 1}), "nul_byte"),
    "NUL in an id": (call(event="x", userId="\0"), "nul_byte"),
    "surrogate": (call(event="x", properties={"a": "\ud800"}), "bad_text"),
    "surrogate in a name": (call(event="x", properties={"\udfff": 1}), "bad_text"),
    "deep": (call(event="x", properties=nested(20_000)), "too_deep"),
    "400 digits": (call(event="x", properties={"a": 10**400}), "bad_number"),
    "a large item": (call(event="x" * LARGEST_ITEM), "too_large"),
    "no name": (call(), "missing_name"),
    "a name of another type": (call(event={"a": 1}), "missing_name"),
    "no person": (call("page", userId=None), "no_person"),
    "a person of another type": (call("page", userId=[1]), "bad_id"),
    "a person that is true": (call("page", userId=True), "bad_id"),
    "a long id": (call("page", userId="x" * 201), "text_too_long"),
    "no call": (call("dance"), "unknown_call"),
    "a bad time": (call(event="x", timestamp="yesterday"), "bad_date"),
    "before 1990": (call(event="x", timestamp="0001-01-01T00:00:00+23:59"), "absurd_date"),
    "no order id": (call(event="Order Completed", properties={"total": 1}), "missing_id"),
    "no total": (call(event="Order Completed", properties={"order_id": "o"}), "missing_amount"),
    "a worded total": (call(event="Order Completed", properties={**ORDER, "total": "1,234.50"}), "bad_price"),
    "a total that is no number": (call(event="Order Completed", properties={**ORDER, "total": math.nan}), "bad_price"),
    "an endless total": (call(event="Order Completed", properties={**ORDER, "total": "1e99"}), "bad_price"),
    "products that are none": (call(event="Order Completed", properties={**ORDER, "products": {}}), "bad_products"),
    "half a thing": (call(event="Order Completed", properties={**ORDER, "products": [{"product_id": 1, "quantity": 0.5}]}), "bad_quantity"),
    "worded stars": (call(event="Product Reviewed", properties={"rating": "good"}), "bad_rating"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "why"), BAD.values(), ids=BAD)
def test_translate_refuses_what_cannot_be_taken(body: Any, why: str) -> None:
    assert reason(body) == why
    assert why in REASONS


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["\0", "\ud800", "2026-01-01T00:00:00Z", "-1", "1e999", "subscribed", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
_FIELDS = ["type", "event", "userId", "anonymousId", "previousId", "messageId", "timestamp", "sentAt",
           "properties", "traits", "context", "name", "groupId"]  # fmt: skip
_PROPERTIES = st.dictionaries(
    st.sampled_from(["order_id", "total", "revenue", "tax", "discount", "currency", "products", "product_id", "price",
                     "quantity", "rating", "review_body", "coupon", "refund_id", "status"]) | st.text(max_size=5),
    _VALUES, max_size=6,
)  # fmt: skip
_NAMES = st.sampled_from([entry.name for entry in vocabulary.ENTRIES] + ["Custom"])
_BODIES = _VALUES | st.builds(
    lambda base, known: {**base, **known},
    st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=6),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["identify", "track", "page", "screen", "group", "alias"])},
        optional={
            "event": _NAMES,
            "userId": st.just("u"),
            "properties": _PROPERTIES
            | st.builds(lambda said, lines: {**said, "products": lines}, _PROPERTIES, st.lists(_PROPERTIES, max_size=3)),
            "traits": _PROPERTIES,
            "context": st.fixed_dictionaries({}, optional={"traits": _PROPERTIES, "consent": _VALUES, "page": _VALUES, "campaign": _VALUES}),
        },
    ),
)  # fmt: skip


@given(bodies=st.lists(_BODIES, max_size=6), power=st.sampled_from(Power))
@settings(deadline=None, max_examples=300)
def test_translate_never_raises_and_every_item_is_accounted_for(
    bodies: list[Any], power: Power
) -> None:
    items = [item(body, number=n, power=power) for n, body in enumerate(bodies, start=1)]
    found = translate(items, settings=SETTINGS, now=NOW)
    refused = [refusal.item for refusal in found.refused]
    said = {entry.item for entry in (*found.rows, *found.same, *found.seen)}
    assert len(refused) == len(set(refused))
    assert said.isdisjoint(refused)
    assert said | set(refused) == set(range(len(items)))
    assert {refusal.reason for refusal in found.refused} <= REASONS.keys()
    for entry in found.rows:
        json.dumps(dict(entry.values)).encode()
