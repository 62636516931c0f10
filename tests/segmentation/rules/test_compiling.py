"""Statements against loops over rows: every rule, every small shop."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from segmentation.rules import compile_rule, cutoffs, parse
from tests.segmentation.rules.naive import Naive
from tests.segmentation.rules.shops import DAY, NOW, Shop, definitions, shops


# a failure is told as it was found: shrinking these trees takes minutes
EXAMPLES = settings(
    max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def members(connection, definition: dict, **options) -> list[int]:
    statement = compile_rule(parse(definition), now=NOW, **options)
    rows = connection.execute(statement.sql, statement.parameters).fetchall()
    return sorted(customer for (customer,) in rows)


several = st.lists(definitions, min_size=5, max_size=5)


@EXAMPLES
@given(shops(), several)
def test_statement_finds_whom_the_loops_find(shop: Shop, asked: list[dict]) -> None:
    connection, naive = shop.connect(), Naive(shop, now=NOW)
    for definition in asked:
        profiling = parse(definition).uses.profiling
        expected = sorted(naive.members(definition, profiling=profiling))

        assert members(connection, definition) == expected, definition


@EXAMPLES
@given(shops(), several)
def test_a_rule_and_its_opposite_share_the_universe_exactly(shop: Shop, asked: list[dict]) -> None:
    connection = shop.connect()
    for definition in asked:
        profiling = parse(definition).uses.profiling

        inside = members(connection, {"all": [definition]})
        outside = members(connection, {"none": [definition]})

        assert sorted(inside + outside) == [
            one["customer_id"] for one in shop["people"] if one["may_profile"] or not profiling
        ], definition


@EXAMPLES
@given(shops(), several)
def test_a_part_of_the_customers_gets_the_same_answers(shop: Shop, asked: list[dict]) -> None:
    connection = shop.connect()
    for definition in asked:
        everybody = members(connection, definition)
        best = cutoffs(parse(definition), connection)
        for some in ([1], [2, 3]):
            expected = [one for one in everybody if one in some]

            assert members(connection, definition, customer_ids=some, cutoffs=best) == expected


@pytest.mark.parametrize(("late", "window", "found"), [
    (0, {}, True),
    (1, {}, False),
    (1 - 7 * DAY, {"within_days": 7}, True),
    (-7 * DAY, {"within_days": 7}, False),
    (1, {"within_days": 7}, False),
    (-7 * DAY, {"older_than_days": 7}, True),
    (1 - 7 * DAY, {"older_than_days": 7}, False),
    (-12 * 3_600, {"between": ["2024-10-04", "2024-10-05"]}, True),
    (-12 * 3_600 - 1, {"between": ["2024-10-04", "2024-10-05"]}, False),
    (-12 * 3_600, {"between": ["2024-10-03", "2024-10-04"]}, False),
    (1, {"between": ["2024-10-04", "2024-10-05"]}, False),
])  # fmt: skip
def test_edges_of_windows(late: int, window: dict, *, found: bool) -> None:
    """An order so many seconds after NOW, which is a noon."""
    shop = Shop({
        "people": [{"customer_id": 1, "may_profile": True, "joined_at": 0, "traits": "{}"}],
        "orders": [{"order_id": 1, "customer_id": 1, "placed_at": NOW + late}],
    })  # fmt: skip

    assert members(shop.connect(), {"all": [{"did": "ORDER", **window}]}) == [1] * found


def test_no_value_of_a_user_stands_in_the_statement() -> None:
    evil = "x'); DROP TABLE people; --"
    statement = compile_rule(parse({"any": [
        {"field": "country", "is": "in", "value": [evil, "DE"]},
        {"field": f"trait.{evil}", "is": "contains", "value": evil},
        {"did": evil, "where": [{"property": evil, "is": "is", "value": evil}]},
        {"did_not": "ORDER", "where": [{"property": "product", "is": "is_not", "value": evil}]},
        {"bucket": {"from": 0, "to": 50, "salt": evil}},
    ]}), now=NOW)  # fmt: skip

    assert "DROP" not in statement.sql
    assert "DE" not in statement.sql.replace("AND", "").replace("CASE", "").split("'")[1::2]
    assert evil in statement.parameters.values()


def test_equal_conditions_scan_a_table_once() -> None:
    ordered = {"did": "ORDER", "within_days": 90}
    statement = compile_rule(parse({"any": [
        {"all": [ordered, {**ordered, "count": {"at_least": 3}}]}, {"none": [ordered]},
    ]}), now=NOW)  # fmt: skip

    assert statement.sql.count("FROM orders") == 1


def test_dates_begin_in_the_shops_own_zone() -> None:
    midnight = datetime(2024, 9, 1, tzinfo=ZoneInfo("America/New_York"))
    shop = Shop({
        "people": [{"customer_id": n, "may_profile": True, "joined_at": 0, "traits": "{}"} for n in (1, 2)],
        "orders": [
            {"order_id": n, "customer_id": n, "placed_at": int(midnight.timestamp()) + late}
            for n, late in ((1, -1), (2, 0))
        ],
    })  # fmt: skip
    september = {"all": [{"did": "ORDER", "between": ["2024-09-01", "2024-10-01"]}]}

    assert members(shop.connect(), september, zone=midnight.tzinfo) == [2]
    assert members(shop.connect(), september) == [1, 2]
