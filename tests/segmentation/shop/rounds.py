"""Logged rounds of the shop's customers, with an effect that is known."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from feedback import labels


STARTS_AT = datetime(2026, 3, 1, tzinfo=UTC)


def logged(
    customer_ids: np.ndarray, *, rounds: int, helped: np.ndarray | None = None, seed: int = 0
) -> pa.Table:
    """
    A table as feedback.labels.training_rows gives it: half are mailed, 10 % order anyway.

    A mail makes half of the `helped` order, and changes nothing for the others. Every round was frozen at STARTS_AT.
    """
    rng = np.random.default_rng(seed)
    count = len(customer_ids)
    helped = np.zeros(count, dtype=bool) if helped is None else helped
    parts = []
    for number in range(1, rounds + 1):
        treated = rng.random(count) < 0.5
        ordered = (rng.random(count) < 0.1) | (treated & helped & (rng.random(count) < 0.5))
        columns: dict[str, object] = dict.fromkeys(labels.TYPES, np.zeros(count, dtype=np.int64))
        columns |= {
            "delivery_id": np.arange(count) + number * count,
            "customer_id": customer_ids,
            "campaign_id": np.full(count, number),
            "round_number": np.full(count, number),
            "frozen_at": np.full(count, int(STARTS_AT.timestamp())),
            "treated": treated.astype(np.int64),
            "probability": np.full(count, 0.5),
            "ordered": ordered.astype(np.int64),
            "orders": ordered.astype(np.int64),
            "unsubscribed": (treated & (rng.random(count) < 0.01)).astype(np.int64),
            "first_order_days": np.where(ordered, rng.uniform(0, 14, count), np.nan),
            "window_days": np.full(count, 14),
        }
        parts.append(
            pa.table(
                {
                    name: pa.array(columns[name], labels.TYPES[name], from_pandas=True)
                    for name in labels.TYPES
                }
            )
        )
    return pa.concat_tables(parts)
