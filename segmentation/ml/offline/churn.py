"""`predict churn`: who will not order within the horizon, from a file of transactions, with reasons in words."""

from argparse import ArgumentParser, Namespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from segmentation.ml import lifetime
from segmentation.ml.estimators import choosing, propensity, telling
from segmentation.ml.lifetime import TooLittleHistoryError
from segmentation.ml.offline import past, tasks
from segmentation.ml.offline.files import FileError
from segmentation.ml.tables import FeatureTable, Floats
from segmentation.ml.training import eligible


HELP = "Predict which customers will not order within the horizon, and say why in words."
AUTO = "auto"
DIGITS = 6


def add_arguments(parser: ArgumentParser) -> None:
    past.add_arguments(parser, horizon_days=90)
    parser.add_argument(
        "--active-days", type=float, default=364, metavar="N",
        help="only customers who ordered within so many days before the cut-off; default 364",
    )  # fmt: skip
    parser.add_argument(
        "--algorithm", choices=(AUTO, *(name.replace(" ", "-") for name in choosing.CANDIDATES)),
        default=AUTO, help="default auto: the best on past windows; the recency rule unless it is beaten",
    )  # fmt: skip
    parser.add_argument(
        "--reasons", type=int, default=3, metavar="N", help="reasons a customer; 0 saves time; default 3"
    )  # fmt: skip


def predict(options: Namespace) -> tasks.Prediction:
    """Raises FileError."""
    known = past.read(options)
    with known.transactions.mirror() as database:
        table = eligible(
            lifetime.customers(database, as_of=known.cutoff), active_days=options.active_days
        )
        if not len(table):
            raise FileError(
                f"{options.transactions}: nobody ordered in the {options.active_days:g} days before {options.cutoff}"
            )
        origins = _origins(database, known.cutoff, options)
        settings = propensity.Settings(seed=options.seed, num_threads=options.jobs)
        asked = options.algorithm.replace("-", " ")
        choice = choosing.choose(
            origins, settings=settings, only=None if options.algorithm == AUTO else asked
        )
        if choice.algorithm is None:
            buys, told, meta = _by_rhythm(database, table, known.cutoff, options)
            meta["reason"] = f"{choice.reason}; {meta['reason']}"
        else:
            learned = choosing.learn(origins, choice=choice, settings=settings)
            buys = learned.predict(table, as_of=known.cutoff, num_threads=options.jobs)
            told = learned.told(table, most=options.reasons) if options.reasons else []
            meta = {"model": choice.algorithm, "reason": choice.reason}
    customers = known.transactions.customers
    # rounded so that the two add up to 1
    p_buy = np.round(buys, DIGITS)
    return tasks.Prediction(
        table=pa.table(
            {
                "customer_id": [customers[place] for place in table.customer_ids],
                "p_churn": np.round(1 - p_buy, DIGITS),
                "p_buy": p_buy,
                "top_reasons": told or [""] * len(table),
            }
        ),
        meta={
            **meta,
            "horizon_days": options.horizon_days,
            "active_days": options.active_days,
            "customers_left_out": len(customers) - len(table),
            "origins": [
                {
                    "as_of": origin.as_of,
                    "window_days": origin.horizon_days,
                    "customers": len(origin.bought),
                    "bought": round(origin.rate, 4),
                }
                for origin in origins
            ],
            "inner_scores": choice.scores,
        },
        warnings=known.warnings,
    )


def _origins(
    database: duckdb.DuckDBPyConnection, cutoff: int, options: Namespace
) -> list[propensity.Origin]:
    """Past moments with those who were active then, and who bought."""
    first = lifetime.first_order(database, before=cutoff)
    try:
        at = lifetime.moments(
            history_from=cutoff if first is None else first,
            known_at=cutoff,
            horizon_days=options.horizon_days,
        )
    except TooLittleHistoryError:
        return []
    origins = []
    for one in lifetime.gather(database, at=at, known_at=cutoff):
        active = eligible(one.features, active_days=options.active_days)
        if len(active):
            asked = np.isin(one.features.customer_ids, active.customer_ids)
            origins.append(
                propensity.Origin(
                    as_of=one.as_of,
                    features=active,
                    bought=one.orders[asked] > 0,
                    horizon_days=one.window_days,
                )
            )
    return origins


def _by_rhythm(
    database: duckdb.DuckDBPyConnection, table: FeatureTable, cutoff: int, options: Namespace
) -> tuple[Floats, list[str], dict[str, Any]]:
    """The fallback where there is too little to learn from: rhythm alone."""
    model = lifetime.learn(
        database,
        known_at=cutoff,
        horizon_days=options.horizon_days,
        settings=lifetime.Settings(seed=options.seed, num_threads=options.jobs),
    ).without_trees()
    futures = model.predict(table, as_of=cutoff)
    return futures.p_buy, telling.rhythm(table), {"model": model.rung, "reason": model.reason}
