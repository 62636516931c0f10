"""Time walks on, nothing happens: no answer may change before the predicted second."""

import random

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from segmentation.ml.features import FEATURES, compute
from segmentation.rules import changes_with_time, next_flip, parse, timing
from tests.segmentation.rules import shops as made
from tests.segmentation.rules.naive import Naive
from tests.segmentation.rules.shops import DAY, NOW, SCHEMAS, Shop, shops


EXAMPLES = settings(
    max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
timed = made.groups(
    st.one_of(made.orders, made.events, made._named("field", st.just("joined_days_ago"), made.numbers))
)  # fmt: skip


def flips_of(rule, connection, **options) -> dict[int, int]:
    found = next_flip(rule, connection, now=NOW, **options)
    assert found.schema == pa.schema([("customer_id", pa.int64()), ("flips_at", pa.int64())])
    return dict(zip(*found.to_pydict().values(), strict=True))


def turning_points(shop: Shop, days: set[int]) -> list[int]:
    """Every second after NOW at which a loop over the rows could find another answer."""
    moments = {
        one.get("placed_at") or one.get("happened_at") or one.get("joined_at")
        for table in ("orders", "events", "people")
        for one in shop[table]
    }
    midnights = {(NOW // DAY + more) * DAY for more in range(7)}
    found = {m + int(d * DAY) + s for m in moments for d in {0, *days} for s in (-1, 0, 1)}
    return sorted(t for t in found | midnights if t > NOW)


@EXAMPLES
@given(st.data())
def test_membership_never_changes_before_the_predicted_second(data: st.DataObject) -> None:
    shop = data.draw(shops())
    connection = shop.connect()
    for definition in data.draw(st.lists(timed, min_size=4, max_size=4)):
        rule = parse(definition)
        flips = flips_of(rule, connection)
        profiling = rule.uses.profiling
        before = Naive(shop, now=NOW).members(definition, profiling=profiling)

        for moment in turning_points(shop, {1, 2, 7, 30, 90, 3, 2.5}):
            changed = before ^ Naive(shop, now=moment).members(definition, profiling=profiling)
            late = {one for one in changed if flips.get(one, moment + 1) > moment}
            assert not late, (definition, moment)
        assert all(moment > NOW for moment in flips.values())


@pytest.mark.parametrize("definition", [
    {"did": "ORDER", "within_days": 7},
    {"did_not": "ORDER", "within_days": 7},
    {"did": "ORDER", "count": {"exactly": 2}, "within_days": 7}, {"did": "ORDER", "count": {"at_least": 2}, "within_days": 7},
        {"did": "ORDER", "count": {"at_most": 1}, "within_days": 7},
        {"did": "ORDER", "count": {"at_least": 3}, "older_than_days": 2},
        {"did": "ORDER", "count": {"at_most": 2}, "older_than_days": 2},
    {"did": "ORDER", "older_than_days": 30},
])  # fmt: skip
def test_flip_is_exact_for_windows(definition: dict) -> None:
    """Orders 1, 3 and 20 days ago."""
    placed = [NOW - days * DAY + 5 for days in (1, 3, 20)]
    shop = Shop({
        "people": [{"customer_id": 1, "may_profile": True, "joined_at": 0, "traits": "{}"}],
        "orders": [{"order_id": n, "customer_id": 1, "placed_at": at} for n, at in enumerate(placed)],
    })  # fmt: skip
    flips = flips_of(parse({"all": [definition]}), shop.connect())

    asked = {"all": [definition]}
    before = Naive(shop, now=NOW).members(asked, profiling=True)
    assert Naive(shop, now=flips[1] - 1).members(asked, profiling=True) == before
    assert Naive(shop, now=flips[1]).members(asked, profiling=True) != before


def test_flips_are_told_only_of_those_asked_for_and_of_those_who_agreed() -> None:
    shop = Shop({
        "people": [
            {"customer_id": n, "may_profile": n != 3, "joined_at": NOW, "traits": "{}"} for n in (1, 2, 3)
        ],
        "orders": [{"order_id": n, "customer_id": n, "placed_at": NOW - 5} for n in (1, 2)],
    })  # fmt: skip
    ordered = parse({"all": [{"did": "ORDER", "within_days": 7}]})
    joined = parse({"all": [{"field": "joined_days_ago", "is": "at_most", "value": 7}]})
    connection = shop.connect()

    assert flips_of(ordered, connection) == {1: NOW - 5 + 7 * DAY, 2: NOW - 5 + 7 * DAY}
    assert set(flips_of(ordered, connection, customer_ids=[2])) == {2}
    assert set(flips_of(joined, connection)) == {1, 2, 3}


def test_rules_that_wait_for_nothing_have_no_flips() -> None:
    shop = Shop({"people": [{"customer_id": 1, "may_profile": True, "joined_at": NOW, "traits": "{}"}]})  # fmt: skip
    still = parse({"any": [
        {"segment": 1, "is": "in"}, {"field": "country", "is": "is", "value": "DE"},
        {"score": "CHURN", "is": "at_least", "value": 0.5}, {"bucket": {"from": 0, "to": 9, "salt": ""}},
        {"consent": {"purpose": "MARKETING", "channel": "EMAIL"}, "is": "given"},
    ]})  # fmt: skip

    assert flips_of(still, shop.connect()) == {}
    assert not changes_with_time(still)
    assert changes_with_time(parse({"all": [{"did": "ORDER", "within_days": 7}]}))


@pytest.fixture(scope="module")
def walk() -> tuple[Shop, dict[int, dict[str, list]]]:
    """A shop of 30 customers and its features at NOW and on the way from there."""
    rng = random.Random(4)
    rows: dict[str, list[dict]] = {name: [] for name in SCHEMAS}

    def moment() -> int:
        days = rng.choice([0, 29, 30, 59, 60, 89, 90, 179, 180, 330, 335, 360, 365, 729, 730])
        return NOW - days * DAY - rng.randrange(-2, 3) if rng.random() < 0.6 else NOW - rng.randrange(400 * DAY)  # fmt: skip

    for customer in range(1, 31):
        joined = moment()
        rows["people"].append({"customer_id": customer, "may_profile": True, "joined_at": joined,
                               "arrived_at": joined, "email_domain": "example.com", "traits": "{}"})  # fmt: skip
        rows["customers"].append({"customer_id": customer, "joined_at": joined, "arrived_at": joined, "country": "DE"})  # fmt: skip
        for _ in range(rng.randrange(5)):
            at, number = moment(), len(rows["orders"])
            rows["orders"].append({"order_id": number, "customer_id": customer, "placed_at": at, "arrived_at": at,
                                   "total_cents": rng.randrange(9_999), "discount_cents": rng.choice([0, 9]),
                                   "margin_cents": 5, "channel": "web"})  # fmt: skip
            rows["order_lines"].append({"order_id": number, "customer_id": customer, "product_id": rng.randrange(3),
                                        "category": rng.choice("ab"), "quantity": 1, "unit_price_cents": 9,
                                        "placed_at": at, "arrived_at": at})  # fmt: skip
        for _ in range(rng.randrange(8)):
            at = moment()
            kind = rng.choice(["SITE_VISIT", "CART", "SEARCH", "WISHLIST", "DELIVERED", "CLICKED", "CHECKOUT", "COUPON", "OTHER"])  # fmt: skip
            rows["events"].append({"customer_id": customer, "kind": kind, "name": "Survey Answered", "happened_at": at,
                                   "arrived_at": at, "properties": '{"score": 7}'})  # fmt: skip
        for _ in range(rng.randrange(3)):
            at = moment()
            rows["reviews"].append({"customer_id": customer, "product_id": 1, "written_at": at, "arrived_at": at,
                                    "rating": rng.randrange(1, 6), "polarity": 0.5})  # fmt: skip
            at = moment()
            rows["refunds"].append({"customer_id": customer, "refunded_at": at, "arrived_at": at, "amount_cents": 9})  # fmt: skip
    shop = Shop(rows)
    steps = [0, 1, 2, 3, 60, DAY - 1, DAY, DAY + 2, 3 * DAY, 29 * DAY + 1, 90 * DAY, 400 * DAY]
    connection = shop.connect()
    return shop, {NOW + step: compute(connection, as_of=NOW + step).to_pydict() for step in steps}


def by_customer(table: dict[str, list], name: str) -> dict[int, float | None]:
    return dict(zip(table["customer_id"], table[name], strict=True))


def test_timeless_features_do_not_change_with_time(walk) -> None:
    _, tables = walk
    timeless = [
        name for name in FEATURES if timing.is_timeless(name) and not name.startswith("season")
    ]
    first = tables[NOW]
    for later in (table for moment, table in tables.items() if moment > NOW + 3):
        known = set(first["customer_id"])
        changed = {
            name for name in timeless
            for customer, value in by_customer(later, name).items()
            if customer in known and value != by_customer(tables[NOW + 3], name)[customer]
        }  # fmt: skip
        assert changed == set()


@pytest.mark.parametrize("name", [n for n in FEATURES if timing.edges(n) and n not in timing.DAILY])
def test_windowed_features_never_change_before_the_predicted_second(walk, name: str) -> None:
    shop, tables = walk
    rule = parse({"all": [{"field": name, "is": "at_least", "value": 1}]})
    flips = flips_of(rule, shop.connect())
    start = by_customer(tables[NOW], name)
    for moment, table in tables.items():
        now = by_customer(table, name)
        changed = {customer for customer in now if now[customer] != start.get(customer)}
        assert not {one for one in changed if flips.get(one, moment + 1) > moment}


@pytest.mark.parametrize("name", timing.CLOCKS)
@pytest.mark.parametrize("days", [1, 30.5, 90])
def test_ages_never_cross_before_the_predicted_second(walk, name: str, days: float) -> None:
    shop, tables = walk
    for operator in ("at_least", "at_most"):
        definition = {"field": name, "is": operator, "value": days}
        flips = flips_of(parse({"all": [definition]}), shop.connect())
        answers = {
            moment: {
                customer: value is not None and (value >= days if operator == "at_least" else value <= days)
                for customer, value in by_customer(table, name).items()
            }
            for moment, table in tables.items()
        }  # fmt: skip
        for moment, found in answers.items():
            changed = {c for c in found if found[c] != answers[NOW].get(c, False)}
            assert not {one for one in changed if flips.get(one, moment + 1) > moment}
