"""What the tasks about customers' futures share: a file of transactions up to a moment, and what came after it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.offline import files, tasks, transactions
from segmentation.ml.offline.files import FileError
from segmentation.ml.offline.transactions import Transactions
from segmentation.ml.tables import Floats


FEWEST = 2
"""Customers below which there is nothing to compare anybody with."""

LONGEST_DAYS = 3650


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """The transactions before the cut-off (epoch seconds), and what to warn of."""

    transactions: Transactions
    cutoff: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """By customer: days with an order, and money spent; who is not in it bought nothing."""

    orders: Mapping[str, float]
    spend: Mapping[str, float]


def add_arguments(parser: ArgumentParser, *, horizon_days: int) -> None:
    parser.add_argument(
        "--transactions", required=True, metavar="FILE",
        help="customer_id, date, amount, and order_id, sku, quantity, unit_price where there are any; .csv or .parquet",
    )  # fmt: skip
    parser.add_argument(
        "--cutoff", required=True, metavar="DATE",
        help="the moment from which to look ahead; rows at or after it are ignored",
    )  # fmt: skip
    parser.add_argument(
        "--horizon-days", type=float, default=horizon_days, metavar="N",
        help=f"how far to look ahead; default {horizon_days}",
    )  # fmt: skip


def read(options: Namespace) -> Past:
    """Read and cut the file that `options` name. Raises FileError, also when hardly anything is left."""
    known = transactions.read(Path(options.transactions), id_column=options.id)
    cutoff = moment(options.cutoff)
    if not 1 <= options.horizon_days <= LONGEST_DAYS:
        raise FileError(f"--horizon-days: {options.horizon_days:g} is not from 1 to {LONGEST_DAYS}")
    past, late = known.until(cutoff)
    if len(past.customers) < FEWEST:
        raise FileError(
            f"{options.transactions}: {len(past.customers)} customers before {options.cutoff}; "
            f"at least {FEWEST} are needed"
        )
    return Past(
        transactions=past,
        cutoff=cutoff,
        warnings=(
            *tasks.unusable(known, options.transactions),
            *tasks.ignored(late, cutoff=options.cutoff),
            *_repeated(past, options.transactions),
        ),
    )


def moment(text: str) -> int:
    """Raises FileError for what is not a date."""
    try:
        return transactions.moment(text)
    except ValueError as error:
        raise FileError(f"--cutoff: {error}") from error


def outcomes(path: Path, *, options: Namespace, wanted: Mapping[str, tuple[str, ...]]) -> Outcomes:
    """
    What came true, from a file of transactions (with `--cutoff` and `--horizon-days`) or of one row a customer.

    wanted: for "orders" and "spend" how a column may be called; the first of each is named when there is none.
    Raises FileError.
    """
    raw = files.read(path)
    with raw.database:
        columns = {name: files.column_like(raw, *spelled) for name, spelled in wanted.items()}
        dated = files.column_like(raw, *transactions.SPELLINGS["date"]) is not None
        who = files.column_like(raw, options.id or "customer_id")
        if not dated:
            files.need(path, {"customer_id": who}, raw=raw)
            files.need(path, {wanted[name][0]: columns[name] for name in wanted}, raw=raw)
            rows = raw.database.execute(
                f"SELECT {_customer(str(who))}, "
                + ", ".join(f"TRY_CAST({files.quoted(str(columns[n]))} AS DOUBLE)" for n in wanted)
                + " FROM file ORDER BY row"
            ).fetchall()
            if (
                any(row[0] is None for row in rows)
                or not np.isfinite(np.array([row[1:] for row in rows], dtype=np.float64)).all()
            ):
                raise FileError(f"{path}: a customer or a number is missing or cannot be read")
            if len({row[0] for row in rows}) < len(rows):
                raise FileError(f"{path}: customers repeat; there must be one row a customer")
            found = {
                name: {row[0]: float(row[place]) for row in rows}
                for place, name in enumerate(wanted, start=1)
            }
            return Outcomes(orders=found["orders"], spend=found.get("spend", {}))
    if options.cutoff is None or options.horizon_days is None:
        raise FileError(
            f"{path}: a file of transactions needs --cutoff and --horizon-days to say what came true"
        )
    return _observed(transactions.read(path, id_column=options.id), options)


def add_window(parser: ArgumentParser) -> None:
    """The arguments by which a truth of transactions is cut."""
    parser.add_argument(
        "--cutoff", metavar="DATE", help="as predicted; for a truth of transactions"
    )
    parser.add_argument(
        "--horizon-days", type=float, metavar="N", help="as predicted; for a truth of transactions"
    )


def predictions(options: Namespace, names: tuple[str, ...]) -> tuple[list[str], dict[str, Floats]]:
    """The customers of `--pred` and these columns of it, (n,) each. Raises FileError."""
    path = Path(options.pred)
    raw = files.read(path)
    with raw.database:
        found = {name: files.column_like(raw, name) for name in ("customer_id", *names)}
        if found["customer_id"] is None:
            found["customer_id"] = files.column_like(raw, options.id or "customer_id")
        files.need(path, found, raw=raw)
        selected = ", ".join(
            f"TRY_CAST({files.quoted(str(found[name]))} AS DOUBLE)" for name in names
        )
        rows = raw.database.execute(
            f"SELECT {_customer(str(found['customer_id']))}, {selected} FROM file ORDER BY row"
        ).fetchall()
    if not rows:
        raise FileError(f"{path}: there is no prediction in it")
    values = np.array([row[1:] for row in rows], dtype=np.float64)
    if not np.isfinite(values).all():
        raise FileError(f"{path}: a prediction is not a number")
    for place, name in enumerate(names):
        if name.startswith("p_") and not ((values[:, place] >= 0) & (values[:, place] <= 1)).all():
            raise FileError(f"{path}: {name} is a probability; there are values below 0 or above 1")
    if len({row[0] for row in rows}) < len(rows):
        raise FileError(f"{path}: customers repeat; there must be one prediction a customer")
    return [row[0] for row in rows], {name: values[:, at] for at, name in enumerate(names)}


def _customer(column: str) -> str:
    """As transactions are read: pandas writes whole numbers with a missing one among them as 17.0."""
    return f"regexp_replace({files.quoted(column)}, '^([0-9]+)\\.0$', '\\1')"


def _observed(known: Transactions, options: Namespace) -> Outcomes:
    starts = moment(options.cutoff)
    ends = starts + round(options.horizon_days * SECONDS_PER_DAY)
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("lines", known.lines)
        rows = database.execute(
            """SELECT customer, count(DISTINCT placed_at // 86400), sum(amount) FROM lines
            WHERE placed_at >= ? AND placed_at < ? GROUP BY customer ORDER BY customer""",
            [starts, ends],
        ).fetchall()
    return Outcomes(
        orders={known.customers[row[0]]: float(row[1]) for row in rows},
        spend={known.customers[row[0]]: float(row[2]) for row in rows},
    )


def _repeated(past: Transactions, path: str) -> tuple[str, ...]:
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("lines", past.lines)
        ((rows,),) = database.execute(
            "SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT * FROM lines)) FROM lines"
        ).fetchall()
    return (f"{path}: {rows} rows are exact repeats of others; they count",) if rows else ()
