"""`predict first-purchase`: learn from whole histories, predict for customers of whom only the first order counts."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.first_purchase.model import FirstPurchaseModel, Settings
from segmentation.ml.first_purchase.orders import Lines
from segmentation.ml.offline import tasks, transactions
from segmentation.ml.offline.files import FileError
from segmentation.ml.offline.transactions import Transactions
from segmentation.ml.tables import Bools, Floats, Ints


HELP = (
    "Learn segments from customers' orders, and predict from the first order of new customers alone "
    "which segment they will belong to."
)
DIGITS = 6


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--orders-train", required=True, metavar="FILE", help="all order lines of known customers"
    )
    parser.add_argument(
        "--orders-new", required=True, metavar="FILE",
        help="order lines of new customers; only their first orders are read",
    )  # fmt: skip
    parser.add_argument(
        "--cutoff", metavar="DATE",
        help="the moment at which segments are asked for; rows at or after it are ignored. Without it: "
        "the end of both files",
    )  # fmt: skip
    parser.add_argument(
        "--horizon-days", type=float, metavar="N",
        help="ask for the segment N days after the first order instead; customers not watched so long teach nothing",
    )  # fmt: skip
    parser.add_argument("--segments", type=int, default=11, metavar="K", help="default 11")
    parser.add_argument(
        "--outcomes", metavar="FILE",
        help="all order lines of the new customers: read after the prediction, to say what they became",
    )  # fmt: skip
    parser.add_argument(
        "--truth-out", metavar="FILE", help="where to write what became of them, for `evaluate`"
    )


def predict(options: Namespace) -> tasks.Prediction:
    """Raises FileError, also when there is too little to learn from."""
    if bool(options.outcomes) != bool(options.truth_out):
        raise FileError("--outcomes and --truth-out go together")
    train = transactions.read(Path(options.orders_train), id_column=options.id)
    new = transactions.read(Path(options.orders_new), id_column=options.id)
    cutoff, until = options.cutoff, _end(train, new)
    account = {"input": tasks.accounts(train, new)}
    extra = tasks.rejects(options, train, new)
    warnings = [
        *tasks.unusable(train, options.orders_train),
        *tasks.unusable(new, options.orders_new),
    ]
    if cutoff is not None:
        until = _moment(cutoff)
        (train, late), (new, later) = train.until(until), new.until(until)
        warnings += tasks.ignored(late + later, cutoff=cutoff)
        for part, path in ((train, options.orders_train), (new, options.orders_new)):
            if not part.customers:
                raise FileError(f"{path}: no row before {cutoff}")
    known, asked = lines_of(train), lines_of(new)
    both = np.isin(np.array(train.customers), np.array(new.customers))
    if both.any():
        warnings.append(
            f"{int(both.sum())} customers of {options.orders_train} are among the new ones; nothing is learned from them"
        )
    watched = _watched(known, until=until, horizon_days=options.horizon_days) & ~both
    if not watched.any():
        raise FileError(f"{options.orders_train}: no customer to learn from")
    if ignored := int((~asked.first()).sum()):
        warnings.append(f"{ignored} rows after the first order of new customers are ignored")
    try:
        model = FirstPurchaseModel.fit(
            known.of(watched).within(_ahead(known, until, options)[watched]),
            days_ahead=_ahead(known, until, options)[watched],
            settings=Settings(segments=options.segments, seed=options.seed),
        )
    except ValueError as error:
        raise FileError(f"{options.orders_train}: {error}") from error
    said = model.predict(asked, days_ahead=_ahead(asked, until, options))
    if options.outcomes:
        extra[options.truth_out] = _truth(model, new, until=until, options=options)
    return tasks.Prediction(
        table=_table(new.customers, said.shares, said.spend),
        meta={**_meta(model, known, watched), **account},
        warnings=tuple(warnings),
        extra=extra,
    )


def lines_of(known: Transactions) -> Lines:
    """The lines of a file as the model takes them; a product is called by its description, category or sku."""
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("lines", known.lines)
        table = database.sql(
            """SELECT *, coalesce(nullif(concat_ws(' ', description, category), ''), sku, '') AS words
            FROM lines ORDER BY customer, placed_at, order_id"""
        ).to_arrow_table()
    return Lines.from_arrow(table)


def _end(*parts: Transactions) -> int:
    return max(int(part.column("placed_at").max()) for part in parts) + 1


def _moment(text: str) -> int:
    try:
        return transactions.moment(text)
    except ValueError as error:
        raise FileError(f"--cutoff: {error}") from error


def _ahead(lines: Lines, until: int, options: Namespace) -> Floats:
    """How long after the first order the segment is asked for, in days, (m,)."""
    if options.horizon_days is not None:
        return np.full(lines.customers, float(options.horizon_days))
    return (until - lines.first_moments()) / SECONDS_PER_DAY


def _watched(lines: Lines, *, until: int, horizon_days: float | None) -> Bools:
    days: Floats = (until - lines.first_moments()) / SECONDS_PER_DAY
    return days >= (horizon_days or 0)


def _truth(
    model: FirstPurchaseModel, new: Transactions, *, until: int, options: Namespace
) -> pa.Table:
    outcomes = transactions.read(Path(options.outcomes), id_column=options.id)
    if options.horizon_days is None:
        outcomes, _ = outcomes.until(until)
    lines = lines_of(outcomes)
    lines = lines.within(_ahead(lines, until, options))
    orders: Ints = np.bincount(
        lines.customer[np.r_[True, (np.diff(lines.customer) != 0) | (np.diff(lines.order) != 0)]]
    )
    after = lines.where(~lines.first())
    spend = np.bincount(after.customer, after.amount, minlength=lines.customers)
    table = pa.table(
        {
            "customer_id": outcomes.customers,
            "segment": model.became(lines) + 1,
            "orders": orders,
            "spend": np.round(spend, 2),
        }
    )
    return table.filter(np.isin(np.array(outcomes.customers), np.array(new.customers)))


def _table(customers: tuple[str, ...], shares: Floats, spend: Floats) -> pa.Table:
    columns: dict[str, Any] = {"customer_id": customers, "segment": shares.argmax(axis=1) + 1}
    for number in range(shares.shape[1]):
        columns[f"p_{number + 1}"] = np.round(shares[:, number], DIGITS)
    columns["exp_spend"] = np.round(spend, 2)
    return pa.table(columns)


def _meta(model: FirstPurchaseModel, known: Lines, watched: Bools) -> Mapping[str, Any]:
    return {
        "model": "neighbours' later orders, corrected by a multinomial logit",
        "customers_learned_from": min(int(watched.sum()), model.settings.most_customers),
        "customers_in_training_file": known.customers,
        "segments": [
            {"segment": number + 1, "name": name, "share": round(float(share), 4)}
            for number, (name, share) in enumerate(
                zip(model.segments.names(), model.prior, strict=True)
            )
        ],
    }
