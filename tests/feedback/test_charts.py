from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from feedback import charts
from feedback.reports.campaign import ConversionDay
from feedback.reports.home import DayRevenue
from tests.factories.customers import CustomerFactory, OrderFactory


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.07, 0.08), (1, 1), (1.1, 1.2), (2600, 3000), (99, 100)]
)
def test_nice_ceiling_is_round_and_not_below(value: float, top: float) -> None:
    assert charts.nice_ceiling(value) == pytest.approx(top)


def test_revenue_stacks_stand_on_the_axis_and_add_up() -> None:
    days = [
        DayRevenue(day=date(2026, 6, 1), attributed_cents=10_000, other_cents=30_000),
        DayRevenue(day=date(2026, 6, 2), attributed_cents=0, other_cents=0),
    ]
    chart = charts.revenue(days)
    assert chart is not None
    first = chart.stacks[0]
    assert first.attributed_y + first.attributed_height == charts.BOTTOM
    assert first.other_y + first.other_height == first.attributed_y
    assert first.other_height == pytest.approx(3 * first.attributed_height, abs=0.2)
    assert first.other_y == charts.TOP  # 400 is a round number: the highest column reaches the top
    assert [tick.label for tick in chart.y_ticks] == ["€0", "€100", "€200", "€300", "€400"]
    assert charts.revenue(days[1:]) is None


def test_whisker_contains_zero_and_keeps_the_order() -> None:
    shown = charts.whisker(difference=2.0, low=1.0, high=3.0, label=str)
    assert shown is not None
    assert 0 < shown.zero < shown.low < shown.middle < shown.high < 600
    assert charts.whisker(difference=None, low=None, high=None, label=str) is None


def test_conversion_lies_inside_its_band() -> None:
    day = {"treated": 0.1, "treated_low": 0.05, "treated_high": 0.2, "held_out": 0.1,
           "held_out_low": 0.0, "held_out_high": 0.2}  # fmt: skip
    curves = charts.conversion([ConversionDay(day=n, **day) for n in (1, 2)])
    assert curves is not None
    assert curves.treated == "64.0,101.0 712.0,101.0"
    assert curves.treated_band.split()[0] == "64.0,12.0"
    assert charts.conversion([ConversionDay(day=1, **day)]) is None


@pytest.mark.django_db
def test_monthly_orders_counts_the_calendar_months() -> None:
    customer = CustomerFactory()
    for moment in (datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 5, 31, 23, tzinfo=UTC)):
        OrderFactory(customer=customer, placed_at=moment)
    OrderFactory(customer=customer, placed_at=datetime(2024, 6, 30, tzinfo=UTC))
    months = charts.monthly_orders(customer, now=datetime(2026, 6, 15, tzinfo=UTC))
    assert (months[0].name, months[-1].name, len(months)) == ("July 2024", "June 2026", 24)
    assert [month.orders for month in months[-3:]] == [0, 1, 1]
    assert sum(month.orders for month in months) == 2
