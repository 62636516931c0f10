"""Whatever a shop sends: nothing is raised, and every item comes to one end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.intake.translation import Translator
from customers.sources import shopify, woocommerce
from customers.sources.shopify import translating as of_shopify
from customers.sources.woocommerce import translating as of_woocommerce
from tests.customers.sources.shopify import payloads as shop
from tests.customers.sources.told import RECEIVED, Told, ends_once, item
from tests.customers.sources.woocommerce import payloads as woo


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from([
        "", "0", "-1", "NaN", "1e400", "9" * 400, 10**400, -(10**400), 2**63, 2**53 + 1, "\x00", "\ud800",
        "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "gid://", "gid://shopify/Order/", "a@b.example",
        "subscribed", "refund", "success", "x" * 30_000,
    ]),
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
SHOP = {
    "orders/create": shop.order(
        refunds=[shop.refund()],
        customer=shop.customer(email_marketing_consent=shop.consent("subscribed")),
    ),
    "refunds/create": shop.refund(),
    "customers/update": shop.customer(email_marketing_consent=shop.consent("pending"), tags="a,b"),
    "customers_email_marketing_consent/update": {
        "customer_id": 1, "email_address": "a@b.example",
        "email_marketing_consent": shop.consent("subscribed"),
    },
    "customer.tags_added": {"customerId": "gid://shopify/Customer/1", "tags": ["a"], "occurredAt": None},
    "customers/merge": {
        "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
        "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
    },
    "customers/purchasing_summary": {"customerId": 1, "amountSpent": {"amount": "1"}},
    "products/update": shop.product(),
    "checkouts/create": shop.checkout(),
    "carts/update": shop.cart(),
}  # fmt: skip
WOO = {
    "order.updated": woo.order(refunds=[woo.refund()], meta_data=[woo.meta(woo.OPTIN, "1")]),
    "customer.updated": woo.customer(meta_data=[woo.meta(woo.OPTIN, "0")]),
    "product.updated": woo.product(),
    "pull.review.updated": woo.review(),
}
SETTINGS = {"consent_meta_key": woo.OPTIN, "currency": "EUR"}


@st.composite
def spoilt(draw: st.DrawFn, bodies: dict[str, Any]) -> tuple[str, Any]:
    """A true payload of some topic, with a few values anywhere in it replaced or taken away."""
    topic = draw(st.sampled_from(sorted(bodies)))
    body = bodies[topic]
    for _ in range(draw(st.integers(1, 3))):
        body = _spoil(draw, body)
    return topic, body


def _spoil(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        name = draw(st.sampled_from(sorted(value)))
        if not draw(st.integers(0, 6)):
            return {key: one for key, one in value.items() if key != name}
        return {**value, name: _spoil(draw, value[name])}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], _spoil(draw, value[place]), *value[place + 1 :]]
    return draw(JSON)


def check(translator: Translator, said: list[tuple[str, Any]]) -> None:
    items = [item(topic, body) for topic, body in said]
    out = translator(items, settings=SETTINGS, now=RECEIVED)
    assert ends_once(out, len(items))
    accepted_silently = set(range(len(items))) - {
        *(one.item for one in (*out.rows, *out.same, *out.seen, *out.refused)),
        *out.ignored,
    }
    assert not accepted_silently
    for row in out.rows:
        if row.person is not None:
            assert row.person.user_id or row.person.email or row.person.anonymous_id
        for value in row.values.values():
            if isinstance(value, str):
                value.encode()
                assert "\0" not in value
            elif value is not None:
                assert -(2**63) <= value < 2**63


@settings(max_examples=150, deadline=None)
@given(st.lists(spoilt(SHOP), min_size=1, max_size=3))
def test_shopify_never_raises_and_every_item_comes_to_one_end(said: list[tuple[str, Any]]) -> None:
    check(shopify.translate, said)


def test_a_cart_whose_lines_name_no_product_comes_to_an_end_too() -> None:
    check(shopify.translate, [("carts/update", shop.cart(line_items=[{"title": "Tea"}]))])


@settings(max_examples=150, deadline=None)
@given(st.lists(spoilt(WOO), min_size=1, max_size=3))
def test_woocommerce_never_raises_and_every_item_comes_to_one_end(
    said: list[tuple[str, Any]],
) -> None:
    check(woocommerce.translate, said)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(of_shopify._READERS)), JSON)
def test_shopify_reads_anything_at_all(topic: str, body: Any) -> None:
    out = shopify.translate([item(topic, body)], settings={}, now=RECEIVED)
    assert ends_once(out, 1)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(of_woocommerce._READERS)), JSON)
def test_woocommerce_reads_anything_at_all(topic: str, body: Any) -> None:
    out = woocommerce.translate([item(topic, body)], settings={}, now=RECEIVED)
    assert ends_once(out, 1)


@pytest.mark.parametrize(
    ("translator", "topic", "body"),
    [
        *((shopify.translate, topic, body) for topic, body in SHOP.items()),
        *((woocommerce.translate, topic, body) for topic, body in WOO.items()),
    ],
)
def test_one_bad_object_does_not_touch_its_neighbours(
    translator: Translator, topic: str, body: dict[str, Any]
) -> None:
    alone = Told(translator, topic, body, settings=SETTINGS).out
    items = [item(topic, ["bad"]), item(topic, body), item(topic, {"id": "\x00"})]
    among = translator(items, settings=SETTINGS, now=RECEIVED)
    assert [one.item for one in among.refused] == [0, 2]
    assert [(row.entity, row.values) for row in among.rows] == [
        (row.entity, row.values) for row in alone.rows
    ]
