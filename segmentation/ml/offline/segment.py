"""`predict segment`: the clusters of a file of transactions, by the product's own choice or a named one."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS, RECENCY_DAYS, SECONDS_PER_DAY
from segmentation.ml.estimators import clusters
from segmentation.ml.estimators.clusters import Candidate, ClusterModel
from segmentation.ml.offline import tasks, transactions
from segmentation.ml.offline.files import FileError
from segmentation.ml.offline.transactions import Transactions
from segmentation.ml.tables import FeatureTable


HELP = "Divide customers into groups of alike recency, number of orders and money, and say how sure that is."
AUTO = "auto"
DIGITS = 6


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--transactions", required=True, metavar="FILE",
        help="customer_id, date, amount, and order_id where there is one; .csv or .parquet",
    )  # fmt: skip
    parser.add_argument(
        "--cutoff", required=True, metavar="DATE",
        help="the moment as of which customers are looked at; rows at or after it are ignored",
    )  # fmt: skip
    parser.add_argument(
        "--algorithm", choices=(AUTO, *clusters.ALGORITHMS), default=AUTO, help="default auto"
    )
    parser.add_argument("--k", default=AUTO, metavar="N", help="default auto: 3 to 8")


def predict(options: Namespace) -> tasks.Prediction:
    """Raises FileError, also when there are too few customers or they cannot be divided."""
    known = transactions.read(Path(options.transactions), id_column=options.id)
    try:
        cutoff = transactions.moment(options.cutoff)
    except ValueError as error:
        raise FileError(f"--cutoff: {error}") from error
    past, late = known.until(cutoff)
    if not past.customers:
        raise FileError(f"{options.transactions}: no row before {options.cutoff}")
    table = rfm_of(past, cutoff=cutoff)
    chosen = tuple(clusters.ALGORITHMS) if options.algorithm == AUTO else (options.algorithm,)
    try:
        model = clusters.fit(table, seed=options.seed, ks=_ks(options.k), algorithms=chosen)
    except ValueError as error:
        raise FileError(f"{options.transactions}: {error}") from error
    return tasks.Prediction(
        table=_table(past, model, table),
        meta=_meta(model, table) | {"input": tasks.accounts(known), "rows_after_cutoff": late},
        extra=tasks.rejects(options, known),
        warnings=(
            *tasks.unusable(known, options.transactions),
            *tasks.ignored(late, cutoff=options.cutoff),
        ),
    )


def rfm_of(past: Transactions, *, cutoff: int) -> FeatureTable:
    """Recency in days at `cutoff`, number of orders and money in cents; customer_ids are places in `past.customers`."""
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("lines", past.lines)
        found = database.sql(
            """SELECT customer, max(placed_at) AS newest, count(DISTINCT order_id) AS orders,
                CAST(sum(CAST(round(100 * amount) AS HUGEINT)) AS DOUBLE) AS cents
            FROM lines GROUP BY customer ORDER BY customer"""
        ).to_arrow_table()
    customers, newest, orders, cents = (
        found.column(name).to_numpy() for name in ("customer", "newest", "orders", "cents")
    )
    recency = (cutoff - newest) / SECONDS_PER_DAY
    return FeatureTable(
        customer_ids=customers.astype(np.int64),
        names=(RECENCY_DAYS, ORDERS, NET_REVENUE_CENTS),
        values=np.column_stack([recency, orders, cents]).astype(np.float64),
    )


def _ks(asked: str) -> tuple[int, ...]:
    if asked == AUTO:
        return tuple(clusters.KS)
    if not asked.isdecimal() or not 2 <= int(asked) <= 20:
        raise FileError(f"--k: {asked!r} is neither auto nor a number from 2 to 20")
    return (int(asked),)


def _table(past: Transactions, model: ClusterModel, table: FeatureTable) -> pa.Table:
    numbers, shares = model.assign(table), model.memberships(table)
    # rounded so that the largest stays the largest and the row still adds up to 1
    rounded = shares.round(DIGITS)
    rounded[np.arange(len(rounded)), numbers] += (1 - rounded.sum(axis=1)).round(DIGITS)
    rounded = rounded.round(DIGITS)
    columns: dict[str, Any] = {
        "customer_id": past.customers,
        "segment": numbers + 1,
        "segment_name": [model.names[number] for number in numbers],
        "confidence": rounded[np.arange(len(rounded)), numbers],
    }
    columns |= {f"m_{group + 1}": rounded[:, group] for group in range(len(model.groups))}
    return pa.table(columns)


def _meta(model: ClusterModel, table: FeatureTable) -> dict[str, Any]:
    return {
        "model": model.title,
        "reason": model.reason,
        "memberships": "probabilities of a mixture"
        if model.algorithm == "gmm"
        else "fuzzy weights by distance, not probabilities",
        "inner_scores": _scores(model.candidate),
        "segments": [
            {
                "segment": number + 1,
                "segment_name": group.name,
                "share": round(group.share, DIGITS),
                "typical": {
                    name: round(value, 2)
                    for name, value in zip(model.space.names, group.typical, strict=True)
                },
            }
            for number, group in enumerate(model.groups)
        ],
        "overlap": model.overlap(table),
        "tried": [_scores(one) for one in model.tried],
    }


def _scores(one: Candidate) -> dict[str, Any]:
    named = {
        "algorithm": one.algorithm,
        "k": one.k,
        "silhouette": one.silhouette,
        "DB": one.davies_bouldin,
        "CH": one.calinski_harabasz,
        "ARI": one.stability,
        "min_share": one.smallest_share,
        "noise_share": one.noise_share,
        "inertia": one.inertia,
        "log_likelihood": one.log_likelihood,
        "is_elbow": one.is_elbow,
        "merit": one.merit,
    }
    return {
        name: round(value, DIGITS) if isinstance(value, float) else value
        for name, value in named.items()
    }
