"""The reverse recommender on a made shop with phones, coffee and books, and what it costs on a real one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.recommend.engine import Engine, Wishes
from segmentation.ml.recommend.histories import Histories
from segmentation.ml.recommend.judging import ndcg
from segmentation.ml.recommend.purchases import Products, Purchases


YEAR_2020 = 1_577_836_800
DAYS = 730
KINDS = {"Phones": 12, "Laptops": 10, "Cases": 10, "Coffee": 8, "Detergent": 6, "Books": 60}
DURABLE = ("Phones", "Laptops")
NO_RULES: dict[str, float] = {}
AGAIN_AFTER = 450
"""Days after which three of ten buy another phone."""


def shop(*, customers: int, seed: int) -> Purchases:
    """Two years: durables once, or again after 450 days; cases soon after phones; coffee every 30 days, detergent every 60; books at any time."""
    rng = np.random.default_rng(seed)
    names = [(kind, number) for kind, count in KINDS.items() for number in range(count)]
    first = {kind: names.index((kind, 0)) for kind in KINDS}
    lines: list[tuple[int, int, int]] = []

    def buy(customer: int, kind: str, day: float, number: int | None = None) -> None:
        which = int(rng.integers(KINDS[kind])) if number is None else number
        if day < DAYS:
            lines.append((customer, first[kind] + which, int(day)))

    for customer in range(customers):
        _live(customer, buy, rng)
    table = np.array(sorted(lines, key=lambda line: (line[0], line[2])))
    return Purchases(
        customer=table[:, 0], product=table[:, 1],
        at=YEAR_2020 + table[:, 2] * SECONDS_PER_DAY, quantity=np.ones(len(table)),
        customers=customers,
        products=Products.of([f"{kind} {number}" for kind, number in names],
                             categories=[kind for kind, _ in names]),
    )  # fmt: skip


def _live(customer: int, buy: Callable[..., None], rng: np.random.Generator) -> None:
    for kind, gap in (("Coffee", 30), ("Detergent", 60)):
        if rng.random() < 0.6:
            day, usual = float(rng.integers(300)), int(rng.integers(KINDS[kind]))
            while day < DAYS:
                buy(customer, kind, day, usual if rng.random() < 0.8 else None)
                day += max(3.0, rng.normal(gap, 0.15 * gap))
    for kind in DURABLE:
        if rng.random() < 0.5:
            day = float(rng.integers(DAYS))
            buy(customer, kind, day)
            if kind == "Phones" and rng.random() < 0.6:
                buy(customer, "Cases", day + rng.integers(1, 60))
            if rng.random() < 0.3:
                buy(customer, kind, day + AGAIN_AFTER + rng.integers(100))
    share = 1 / np.arange(1, KINDS["Books"] + 1)
    for _ in range(rng.poisson(6)):
        number = int(rng.choice(KINDS["Books"], p=share / share.sum()))
        buy(customer, "Books", float(rng.integers(DAYS)), number)


def synthetic() -> None:
    everything = shop(customers=2_000, seed=42)
    as_of = YEAR_2020 + 670 * SECONDS_PER_DAY
    past = everything.before(as_of)
    after = everything.where(everything.at >= as_of)
    engine = Engine.fit(past, as_of=as_of)
    cool = engine.hybrid.clocks.cool_down()
    print(
        "A made shop: days that each category stays closed after a purchase, and of its gaps the median"
    )
    for number, name in enumerate(past.products.categories):
        print(f"  {name:12}{cool[number]:>5} {engine.hybrid.clocks.median[number]:>7.0f}")
    histories = Histories.of(past, as_of=as_of)
    category = past.products.category
    durable = np.isin(category, [past.products.categories.index(name) for name in DURABLE])
    recent = np.zeros((len(histories), len(past.products.categories)), dtype=bool)
    lately = durable[histories.product] & (histories.last < AGAIN_AFTER - 60)
    recent[histories.customer[lately], category[histories.product[lately]]] = True
    bought = Histories.of(after, as_of=int(after.at.max()) + 1)
    truth = [bought.product[bought.indptr[n] : bought.indptr[n + 1]] for n in range(len(bought))]
    truth = [one[~durable[one]] for one in truth]
    some = np.array([len(one) > 0 for one in truth])
    gains = []
    opened = dict.fromkeys(past.products.categories, 0.0)
    for rules in (NO_RULES, opened):
        lists = engine.recommend(past, as_of=as_of, wishes=Wishes(k=20, rules=rules)).product
        shown = recent[np.arange(len(lists))[:, None], category[np.maximum(lists, 0)]] & (
            lists >= 0
        )
        wanted = [one for one in truth if len(one)]
        gain = ndcg(lists[some][:, :10], wanted).mean()
        gains.append(gain)
        print(
            f"{'closed' if not rules else 'all open':9} phones and laptops in top-20 lists of who bought one in the last "
            f"{AGAIN_AFTER - 60} days: {int(shown.sum())}; NDCG@10 on all other goods {gain:.4f}"
        )
    print(f"goal: 0 in lists, at most 1 % of NDCG lost; lost {1 - gains[0] / gains[1]:+.2%}")


def real(past: Purchases, bought: Purchases, *, as_of: int) -> None:
    """What closing costs where nearly everything is bought again."""
    engine = Engine.fit(past, as_of=as_of)
    chosen = np.intersect1d(np.unique(past.customer), np.unique(bought.customer))
    asked = past.of_customers(chosen)
    sets = Histories.of(bought.of_customers(chosen), as_of=int(bought.at.max()) + 1)
    truth = [sets.product[sets.indptr[n] : sets.indptr[n + 1]] for n in range(len(chosen))]
    opened = dict.fromkeys(past.products.keys, 0.0)
    gains = []
    for rules in (NO_RULES, opened):
        said = engine.recommend(asked, as_of=as_of, wishes=Wishes(k=20, rules=rules))
        gains.append(ndcg(said.product[:, :10], truth).mean())
        pairs = set(
            zip(said.suppressed.customer.tolist(), said.suppressed.because.tolist(), strict=True)
        )
        inside = sum(
            (row, int(product)) in pairs
            for row, line in enumerate(said.product)
            for product in line
        )
        print(
            f"Online Retail, {'closed' if not rules else 'all open'}: {len(said.suppressed)} closed, {inside} of them in "
            f"top-20 lists, NDCG@10 {gains[-1]:.4f}"
        )
    print(f"lost {1 - gains[0] / gains[1]:+.2%}")
