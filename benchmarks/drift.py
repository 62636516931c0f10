"""
Power and false alarms of the weekly drift check, on made-up shops whose truth is known.

    python -m benchmarks.drift [--orders 250 500 1000 4000] [--shops 200] [--years 20]

Orders come from customers with rates of their own; weeks differ by more than chance (--unrest), prices are
lognormal, categories go together in a basket. Of each shop one week is altered: prices raised by 20 %, a third less
frequent (orders left out with probability .3), or a swap of the two largest categories for half of their orders. A stable
year is 52 checks, one a week, nothing altered; counted is how many of them raise any alarm.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from segmentation.ml.drift import compare, shop
from segmentation.ml.drift.compare import Finding
from segmentation.ml.drift.shop import Orders


CATEGORIES = np.array(["tea", "coffee", "mugs", "tins", "gifts", "cards", "lamps", "toys"], dtype=object)  # fmt: skip
SHARES = np.array([0.28, 0.2, 0.14, 0.12, 0.1, 0.08, 0.05, 0.03])
PRICE = np.array([8, 12, 15, 9, 25, 4, 40, 18])


def make(rng: np.random.Generator, *, a_week: int, weeks: int, unrest: float) -> Orders:
    """A shop whose weeks are alike but for chance and `unrest`, the spread of the logarithm of a week's orders."""
    customers = max(50, a_week * 6)
    weights = rng.gamma(0.6, 1.0, customers)
    tastes = rng.dirichlet(SHARES * 6, customers)
    counts = rng.poisson(a_week * np.exp(rng.normal(0, unrest, weeks)))
    week = np.repeat(np.arange(weeks), counts)
    owner = rng.choice(customers, len(week), p=weights / weights.sum())
    drawn = rng.random(len(week))[:, None] > np.cumsum(tastes[owner], axis=1)
    kind = np.minimum(drawn.sum(axis=1), len(CATEGORIES) - 1)
    price = PRICE[kind] * np.exp(rng.normal(0, 0.5, len(week)))
    units = 1 + rng.poisson(2.0, len(week)).astype(float)
    index = np.exp(rng.normal(0, 0.1, len(week)))  # of a product against its usual price
    price *= index
    levels = np.exp(rng.normal(0, 0.6, customers))
    columns = {
        "value": 100 * price * units * levels[owner],
        "unit_price": 100 * price,
        "price_index": index,
        "units": units,
        "discount": np.where(rng.random(len(week)) < 0.2, 0.1, 0.0),
        "gap_days": rng.exponential(60, len(week)),
        "category": CATEGORIES[kind],
        "channel": np.where(rng.random(len(week)) < 0.8, "web", "app").astype(object),
        "country": np.where(owner % 10 < 8, "GB", "DE").astype(object),
        "is_first": np.where(rng.random(len(week)) < 0.15, "yes", "no").astype(object),
    }
    return Orders(week=week, customer=owner.astype(np.int64), columns=columns)


def dearer(rng: np.random.Generator, orders: Orders) -> Orders:
    factor = np.where(orders.week == 0, 1.2, 1.0)
    raised = {
        name: orders.columns[name] * factor for name in ("value", "unit_price", "price_index")
    }
    return replace(orders, columns={**orders.columns, **raised})


def rarer(rng: np.random.Generator, orders: Orders) -> Orders:
    return kept(orders, (orders.week != 0) | (rng.random(len(orders.week)) >= 0.3))


def swapped(rng: np.random.Generator, orders: Orders) -> Orders:
    """Half of the orders of the two largest categories change places with those of the two smallest but one."""
    names = orders.columns["category"].copy()
    chosen = (orders.week == 0) & (rng.random(len(names)) < 0.5)
    pairs = {"tea": "lamps", "coffee": "cards", "lamps": "tea", "cards": "coffee"}
    names[chosen] = [pairs.get(one, one) for one in names[chosen]]
    return replace(orders, columns={**orders.columns, "category": names})


SHIFTS: dict[str, Callable[[np.random.Generator, Orders], Orders]] = {
    "price +20 %": dearer,
    "frequency -30 %": rarer,
    "category swap": swapped,
}


def kept(orders: Orders, rows: np.ndarray) -> Orders:
    columns = {name: values[rows] for name, values in orders.columns.items()}
    return Orders(week=orders.week[rows], customer=orders.customer[rows], columns=columns)


def later(orders: Orders, weeks: int) -> Orders:
    """The same shop as it was looked at `weeks` earlier."""
    rows = (orders.week >= weeks) & (orders.week <= weeks + shop.WEEKS_OF_RATES)
    moved = kept(orders, rows)
    return replace(moved, week=moved.week - weeks)


def alarms(orders: Orders) -> list[Finding]:
    return [one for one in compare.with_holm(shop.look(orders)) if one.alarm]


def power(*, a_week: int, shops: int, unrest: float, seed: int) -> dict[str, float]:
    """The share of shops in which each shift raised an alarm in its own week."""
    found = dict.fromkeys(SHIFTS, 0)
    for number in range(shops):
        rng = np.random.default_rng([seed, a_week, number])
        orders = make(rng, a_week=a_week, weeks=shop.WEEKS_OF_RATES + 1, unrest=unrest)
        for name, shift in SHIFTS.items():
            found[name] += bool(alarms(shift(rng, orders)))
    return {name: count / shops for name, count in found.items()}


def false_alarms(*, a_week: int, years: int, unrest: float, seed: int) -> list[int]:
    """Of each stable year, the weeks with an alarm."""
    counts = []
    for number in range(years):
        rng = np.random.default_rng([seed, a_week, 10_000 + number])
        orders = make(rng, a_week=a_week, weeks=52 + shop.WEEKS_OF_RATES, unrest=unrest)
        counts.append(sum(bool(alarms(later(orders, week))) for week in range(52)))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, nargs="+", default=[250, 500, 1000, 4000])
    parser.add_argument("--shops", type=int, default=200)
    parser.add_argument("--years", type=int, default=20)
    parser.add_argument("--unrest", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for a_week in given.orders:
        shifts = power(a_week=a_week, shops=given.shops, unrest=given.unrest, seed=given.seed)
        years = false_alarms(a_week=a_week, years=given.years, unrest=given.unrest, seed=given.seed)
        print(
            json.dumps(
                {
                    "orders a week": a_week,
                    "power": shifts,
                    "false alarms in 52 weeks, mean": float(np.mean(years)),
                    "years with at most one": float(np.mean([count <= 1 for count in years])),
                    "worst year": max(years),
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
