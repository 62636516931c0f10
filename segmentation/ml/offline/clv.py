"""`predict clv`: orders and spend of each customer within a horizon, from a file of transactions."""

from argparse import ArgumentParser, Namespace
from typing import Any

import numpy as np
import pyarrow as pa

from segmentation.ml import lifetime
from segmentation.ml.lifetime import Futures, ValueModel
from segmentation.ml.offline import past, tasks


HELP = "Predict how often customers will order and what they will spend: means, medians, an interval, P(buys)."
DIGITS = 6


def add_arguments(parser: ArgumentParser) -> None:
    past.add_arguments(parser, horizon_days=365)


def predict(options: Namespace) -> tasks.Prediction:
    """Raises FileError."""
    known = past.read(options)
    with known.transactions.mirror() as database:
        model = lifetime.learn(
            database,
            known_at=known.cutoff,
            horizon_days=options.horizon_days,
            settings=lifetime.Settings(seed=options.seed, num_threads=options.jobs),
        )
        table = lifetime.customers(database, as_of=known.cutoff)
    futures = model.predict(table, as_of=known.cutoff, num_threads=options.jobs)
    return tasks.Prediction(
        table=_table(known.transactions.customers, futures),
        meta=_meta(model, futures),
        warnings=known.warnings,
    )


def _table(customers: tuple[str, ...], futures: Futures) -> pa.Table:
    def money(cents: Any) -> Any:
        return np.round(cents / 100, 4)

    return pa.table(
        {
            "customer_id": [customers[place] for place in futures.customer_ids],
            "exp_transactions": np.round(futures.expected_orders, DIGITS),
            "med_transactions": np.round(futures.median_orders, DIGITS),
            "exp_spend": money(futures.expected_spend_cents),
            "med_spend": money(futures.median_spend_cents),
            "p_buy": np.round(futures.p_buy, DIGITS),
            "lo80_spend": money(futures.low_cents),
            "hi80_spend": money(futures.high_cents),
        }
    )


def _meta(model: ValueModel, futures: Futures) -> dict[str, Any]:
    return {
        "model": model.rung,
        "reason": model.reason,
        "horizon_days": futures.horizon_days,
        "transactions": "days with an order",
        "rhythm": model.base.rhythm.to_dict(),
        "baskets": model.base.baskets.to_dict(),
        "origins": [
            {"as_of": as_of, "window_days": days, "customers": rows}
            for as_of, days, rows in model.inner["origins"]
        ],
        "inner_scores": {name: one for name, one in model.inner.items() if name != "origins"},
        "sums": {
            "transactions": round(float(futures.expected_orders.sum()), 2),
            "spend": round(float(futures.expected_spend_cents.sum()) / 100, 2),
        },
    }
