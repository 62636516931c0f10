"""Small shops of which the right answer is known."""

import numpy as np

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.recommend.purchases import Products, Purchases


BEGIN = 18_000 * SECONDS_PER_DAY


def purchases(lines, *, customers, products):
    """From (customer, product, day) after BEGIN."""
    table = np.array(sorted(lines), dtype=np.int64).reshape(-1, 3)
    return Purchases(
        customer=table[:, 0], product=table[:, 1], at=BEGIN + table[:, 2] * SECONDS_PER_DAY,
        quantity=np.ones(len(table)), customers=customers, products=products,
    )  # fmt: skip


def at(day):
    return BEGIN + day * SECONDS_PER_DAY


def checkerboard(*, customers=40, products=20):
    """Even customers own all even products but the one that follows their number, odd ones likewise."""
    named = Products.of(
        [f"p{number}" for number in range(products)],
        words=[f"{'blue' if number % 2 else 'red'} thing {number}" for number in range(products)],
        categories=["odd" if number % 2 else "even" for number in range(products)],
    )
    lines = [
        (customer, product, 1 + (customer + product) % 50)
        for customer in range(customers)
        for product in range(customer % 2, products, 2)
        if product != missing(customer, products=products)
    ]
    return purchases(lines, customers=customers, products=named)


def missing(customer, *, products=20):
    return (customer % 2) + 2 * ((customer // 2) % (products // 2))


def phones_and_coffee(*, customers=400, days=400, seed=1):
    """Half buy a phone once and a case within 30 days of it; all buy coffee every 30 days; novels at any time."""
    rng = np.random.default_rng(seed)
    kinds = {"Phones": 5, "Cases": 5, "Coffee": 4, "Novels": 20}
    names = [(kind, number) for kind, count in kinds.items() for number in range(count)]
    first = {kind: names.index((kind, 0)) for kind in kinds}
    lines = []
    for customer in range(customers):
        coffee = first["Coffee"] + int(rng.integers(4))
        lines += [(customer, coffee, day) for day in range(int(rng.integers(30)), days, 30)]
        if rng.random() < 0.5:
            day = int(rng.integers(10, days))
            lines.append((customer, first["Phones"] + int(rng.integers(5)), day))
            later = day + int(rng.integers(1, 30))
            if later < days:
                lines.append((customer, first["Cases"] + int(rng.integers(5)), later))
        for _ in range(4):
            lines.append(
                (customer, first["Novels"] + int(rng.integers(20)), int(rng.integers(days)))
            )
    named = Products.of(
        [f"{kind}-{number}" for kind, number in names],
        words=[f"{kind} {number}" for kind, number in names],
        categories=[kind for kind, _ in names],
    )
    return purchases(lines, customers=customers, products=named)
