"""What the models expect of one customer, each prediction ready to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min

from customers import display
from customers.enums import OrderStatus
from customers.models import Customer, Order
from segmentation import queries, withheld
from segmentation.enums import Measure, Task
from segmentation.models import Score
from segmentation.predictors import LIFETIME_DAYS


@dataclass(frozen=True, kw_only=True)
class ShownScore:
    """One prediction. task: its code, by which the reasons of `segmentation.explaining` are found."""

    task: str
    name: str
    value: str
    note: str
    version: str
    as_of: datetime


def of_customer(customer: Customer) -> list[ShownScore]:
    """The current predictions; empty when there are none, or the customer does not allow profiling or is withheld."""
    if withheld.why(customer):
        return []
    rows = Score.objects.filter(customer=customer, generation__is_current=True).select_related(
        "generation__version"
    )
    by_task = {row.generation.task: row for row in rows}
    return [
        ShownScore(
            task=task, name=name, value=value, note=note, version=str(row.generation.version),
            as_of=row.generation.as_of,
        )
        for task, in_words in _IN_WORDS.items()
        if (row := by_task.get(task)) and (words := in_words(row, by_task))
        for name, value, note in [words]
    ]  # fmt: skip


Words = tuple[str, str, str]
"""Name, value, note."""
Rows = Mapping[str, Score]


def _chance(name: str) -> Callable[[Score, Rows], Words]:
    return lambda row, rows: (name, display.percent(row.value, decimals=0), "probability")


def _uplift(row: Score, rows: Rows) -> Words:
    spread = ""
    if row.sd is not None:
        spread = f", ± {display.number(row.sd * 100, decimals=1)} standard deviation"
    value = display.points(row.value, decimals=1)
    return "What a message changes", value, f"points of the chance to order{spread}"


def _spend(row: Score, rows: Rows) -> Words:
    orders = rows.get(Measure.ORDERS)
    between = f"four in five such customers: {_whole(row.low)} to {_whole(row.high)}"
    often = f"; {display.number(orders.value, decimals=1)} orders" if orders else ""
    return (
        f"Will spend within {LIFETIME_DAYS} days", _whole(row.value),
        f"on average{often}; half of them {_whole(row.median)} or less; {between}",
    )  # fmt: skip


def _whole(cents: float | None) -> str:
    return display.money(cents, decimals=0)


def _next_order(row: Score, rows: Rows) -> Words:
    day = row.generation.as_of + timedelta(days=row.value)
    return "Next order", display.day(day), "by then an order is as likely as not"


def _first_purchase(row: Score, rows: Rows) -> Words | None:
    told = queries.first_purchase(row.customer_id)
    if told is None:
        return None
    likeliest = ", ".join(
        f"{display.percent(share, decimals=0)} “{name}”" for name, share in told.shares[:2]
    )
    first = Order.objects.filter(customer=row.customer_id, status=OrderStatus.PLACED)
    since = first.aggregate(at=Min("placed_at"))["at"]
    gone = (
        f"; {(row.generation.as_of - since).days} of the {told.horizon_days} days are over"
        if since
        else ""
    )
    return (
        f"Expected of the first order alone, in the {told.horizon_days} days after it",
        display.money(told.expected_cents),
        f"after {display.money(told.first_order_cents)}{gone}; likeliest groups: {likeliest}",
    )


_IN_WORDS: Mapping[str, Callable[[Score, Rows], Words | None]] = {
    Task.CHURN: _chance("Will not order within 90 days"),
    Task.PURCHASE: _chance("Will order within 30 days"),
    Task.LIFETIME: _spend,
    Measure.NEXT_ORDER: _next_order,
    Task.RESPONSE: _chance("Orders after a message"),
    Task.UPLIFT: _uplift,
    Task.FIRST_PURCHASE: _first_purchase,
}
