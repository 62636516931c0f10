"""Shops whose truth is known: who begins with tea comes back with a known probability, and for tea."""

import numpy as np
import pyarrow as pa


DAY = 86_400
START = 15_000 * DAY
COMES_BACK = {"GREEN TEA": 0.8, "STEEL MUG": 0.2}


def table(*, customers: int, seed: int) -> pa.Table:
    """Order lines over a year as Lines.from_arrow takes them; customers are numbers from 0."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        goods = "GREEN TEA" if rng.random() < 0.5 else "STEEL MUG"
        at = START + int(rng.integers(0, 30 * DAY))
        more = int(rng.integers(4, 7)) if rng.random() < COMES_BACK[goods] else 0
        for number in range(1 + more):
            price = float(np.round(np.exp(rng.normal(2, 0.3)), 2))
            rows.append(
                {
                    "customer": customer, "order_id": f"{customer}-{number}", "placed_at": at,
                    "amount": 2 * price, "quantity": 2.0, "unit_price": price,
                    "words": f"{goods} {['RED', 'BLUE', 'LARGE'][number % 3]}", "country": "GB",
                }
            )  # fmt: skip
            at += int(rng.integers(5 * DAY, 40 * DAY))
    return pa.Table.from_pylist(rows)
