"""Drift: silent on the same data and in stable weeks, loud on the three shifts; the benchmark measures both at length."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import drift as made_up
from segmentation.ml.drift import compare, rates, shop
from segmentation.ml.drift.compare import Finding
from tests.segmentation.ml.mirrors import DAY, NOON, connect, from_rows, random_tables


def judged(*findings: Finding) -> list[Finding]:
    return compare.with_holm(findings)


@pytest.mark.parametrize("rows", [60, 1_000, 100_000])
def test_identical_data_never_alarm(rows: int) -> None:
    rng = np.random.default_rng(rows)
    values = rng.lognormal(3, 1, rows)
    kinds = rng.choice(["a", "b", "c"], rows)
    for one in judged(
        compare.numbers(name="n", before=values, now=values),
        compare.categories(name="c", before=kinds, now=kinds),
    ):
        assert one.judged
        assert not one.alarm
        assert one.psi == pytest.approx(0, abs=1e-9)


def test_small_change_of_a_large_sample_is_proven_and_of_no_account() -> None:
    rng = np.random.default_rng(3)
    before, now = rng.normal(0, 1, 400_000), rng.normal(0.02, 1, 400_000)
    (one,) = judged(compare.numbers(name="n", before=before, now=now))
    assert one.adjusted is not None
    assert one.adjusted < compare.ALPHA
    assert not one.alarm


def test_same_psi_alarms_only_where_the_sample_is_large_enough() -> None:
    """What a fixed threshold of 0.1 or 0.2 gets wrong both ways."""
    found = {}
    for rows in (60, 20_000):
        rng = np.random.default_rng(1)
        (found[rows],) = judged(
            compare.numbers(name="n", before=rng.normal(0, 1, rows), now=rng.normal(0.2, 1, rows))
        )
    assert found[60].psi > found[20_000].psi
    assert [found[rows].alarm for rows in (60, 20_000)] == [False, True]


def test_too_few_rows_are_said_and_not_judged() -> None:
    few = compare.numbers(name="n", before=np.arange(49.0), now=np.arange(500.0))
    assert (few.judged, few.alarm) == (False, False)
    assert "49 rows, 50 are needed" in few.words
    assert not compare.categories(name="c", before=["a"] * 500, now=["b"] * 3).judged


@pytest.mark.parametrize("values", [np.full(200, 3.0), np.full(200, np.nan)])
def test_values_that_are_all_equal_or_all_unknown_are_no_error(values: np.ndarray) -> None:
    (one,) = judged(compare.numbers(name="n", before=values, now=values.copy()))
    assert not one.alarm
    assert one.p is not None
    assert np.isfinite(one.p)


def test_restless_weeks_make_the_test_milder() -> None:
    rng = np.random.default_rng(5)
    level = rng.normal(0, 0.5, 9)  # each week has a level of its own, the newest (0) too
    week = np.repeat(np.arange(9), 300)
    values = rng.normal(level[week], 1)
    now, before = week == 0, week > 0
    plain = compare.numbers(name="n", before=values[before], now=values[now])
    milder = compare.numbers(name="n", before=values[before], now=values[now], batch=week[before])
    assert milder.dispersion > 3
    assert plain.p is not None
    assert milder.p is not None
    assert milder.p > 100 * plain.p


def test_holm_multiplies_the_least_by_all_and_keeps_the_order() -> None:
    made = [
        Finding(name=str(p), kind="number", rows_before=9, rows_now=9, judged=True, p=p, alarm=True)
        for p in (0.04, 0.001, 0.002)
    ]
    found = compare.with_holm(made)
    assert [one.adjusted for one in found] == pytest.approx([0.04, 0.003, 0.004])
    assert [one.alarm for one in found] == [False, True, True]


def test_three_shifts_are_seen_in_their_week() -> None:
    found = made_up.power(a_week=1_000, shops=6, unrest=0.03, seed=11)
    assert found == {"price +20 %": 1.0, "frequency -30 %": 1.0, "category swap": 1.0}


def test_stable_year_has_at_most_one_alarm() -> None:
    (alarms,) = made_up.false_alarms(a_week=400, years=1, unrest=0.03, seed=12)
    assert alarms <= 1


def test_trend_is_no_alarm_and_a_fall_is() -> None:
    grows = np.round(1_000 * 1.03 ** np.arange(20))
    (still,) = judged(rates.weekly(name="Orders", before=grows, now=round(1_000 * 1.03**20)))
    (fell,) = judged(rates.weekly(name="Orders", before=grows, now=round(700 * 1.03**20)))
    assert not still.alarm
    assert fell.alarm
    assert "(−30\u00a0%)" in fell.words


@pytest.mark.parametrize("weeks", [np.zeros(20), np.full(3, 400.0), np.full(20, 3.0)])
def test_too_few_weeks_or_orders_are_not_judged(weeks: np.ndarray) -> None:
    assert not rates.weekly(name="Orders", before=weeks, now=0.0).judged


def test_orders_of_the_mirror_are_read_as_known_then() -> None:
    database = connect(random_tables(customers=300, seed=2))
    orders = shop.read(database, as_of=NOON - 30 * DAY)
    counted = database.execute(
        "SELECT count(*) FROM orders WHERE placed_at < ? AND placed_at >= ? AND arrived_at < ?",
        [NOON - 30 * DAY, NOON - 30 * DAY - 27 * shop.WEEK, NOON - 30 * DAY],
    ).fetchall()
    assert [(len(orders.week),)] == counted
    assert orders.week.min() == 0
    assert not any(one.alarm for one in judged(*shop.look(orders)))


def test_raised_prices_show_in_the_price_of_the_same_product() -> None:
    def line(number: int, days: float, price: int) -> dict[str, object]:
        at = NOON - round(days * DAY)
        return {
            "order_id": number, "customer_id": number % 40, "product_id": number % 5, "category": "tea",
            "quantity": 1, "unit_price_cents": price * (1 + number % 5), "placed_at": at,
        }  # fmt: skip

    lines = [
        line(number, 0.05 + number * 0.1, 120 if number < 70 else 100) for number in range(600)
    ]
    orders = [
        {
            "order_id": one["order_id"], "customer_id": one["customer_id"], "placed_at": one["placed_at"],
            "total_cents": one["unit_price_cents"], "discount_cents": 0, "margin_cents": 0, "channel": "web",
        }
        for one in lines
    ]  # fmt: skip
    database = connect(from_rows({"order_lines": lines, "orders": orders}))
    found = judged(*shop.look(shop.read(database, as_of=NOON), money=lambda value: f"€{value:.2f}"))
    assert next(one.words for one in found if one.name == "Order value").startswith(
        "Order value: mean €"
    )
    assert "mean 1 piece before" in next(
        one.words for one in found if one.name == "Pieces an order"
    )
    assert "Price against what the same product cost" in {one.name for one in found if one.alarm}


def test_empty_shop_says_nothing() -> None:
    assert not any(one.judged for one in shop.look(shop.read(connect({}), as_of=NOON)))
