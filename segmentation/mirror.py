"""The columnar mirror: what the feature SQL reads, as Parquet under COTERIE_HOME/mirror.

Only customers who agreed to profiling are in it, so nothing computed from it can be about others; of
what they did, only what they let be analysed when they did it.
Money stays integer cents; times cross as epoch seconds, because ADBC is fast with integers.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlencode

import duckdb
from django.conf import settings
from django.db import connection


_MAY_PROFILE = """
    SELECT s.customer_id FROM consent_consentstate s
    JOIN customers_customer c ON c.id = s.customer_id AND c.erased_at IS NULL
        AND c.merged_into_id IS NULL
    WHERE s.purpose = 'PROFILING' AND s.is_granted
"""
_EPOCH = "EXTRACT(EPOCH FROM {0})::bigint"


def _at(column: str, name: str | None = None) -> str:
    return f"{_EPOCH.format(column)} AS {name or column.rsplit('.', maxsplit=1)[-1]}"


# One SELECT a table; each is restricted to `people`, the customers who may be profiled.
TABLES = {
    "customers": f"""
        SELECT c.id AS customer_id, {_at("c.joined_at")}, {_at("c.arrived_at")}, c.country
        FROM customers_customer c JOIN people ON people.customer_id = c.id ORDER BY 1""",
    "orders": f"""
        SELECT o.id AS order_id, o.customer_id, {_at("o.placed_at")}, {_at("o.arrived_at")},
               o.total_cents, o.discount_cents, o.margin_cents, o.channel
        FROM customers_order o JOIN people USING (customer_id)
        WHERE o.status = 'PLACED' ORDER BY 2, 3""",
    "order_lines": f"""
        SELECT o.id AS order_id, o.customer_id, l.product_id, p.category,
               l.quantity::bigint AS quantity, l.unit_price_cents,
               {_at("o.placed_at")}, {_at("o.arrived_at")}
        FROM customers_orderline l JOIN customers_order o ON o.id = l.order_id
        JOIN customers_product p ON p.id = l.product_id
        JOIN people ON people.customer_id = o.customer_id
        WHERE o.status = 'PLACED' AND p.is_product ORDER BY 2, 7""",
    "refunds": f"""
        SELECT r.customer_id, {_at("r.refunded_at")}, {_at("r.arrived_at")}, r.amount_cents
        FROM customers_refund r JOIN people ON people.customer_id = r.customer_id
        LEFT JOIN customers_order o ON o.id = r.order_id
        WHERE coalesce(o.status = 'PLACED', true) ORDER BY 1, 2""",
    "events": f"""
        SELECT e.customer_id, e.kind, {_at("e.happened_at")}, {_at("e.arrived_at")}, e.campaign_id
        FROM customers_event e JOIN people USING (customer_id)
        WHERE e.may_profile ORDER BY 1, 3""",
    "reviews": f"""
        SELECT r.customer_id, r.product_id, {_at("r.written_at")}, {_at("r.arrived_at")},
               r.rating::bigint AS rating, s.polarity
        FROM customers_review r JOIN people USING (customer_id)
        LEFT JOIN segmentation_reviewsentiment s ON s.review_id = r.id ORDER BY 1, 3""",
}


def folder() -> Path:
    path: Path = settings.HOME / "mirror"
    return path


def refresh() -> dict[str, int]:
    """
    Write the whole mirror anew as the newest generation; returns rows a table.

    Rewriting everything costs about a second a million order lines and cannot disagree with the
    database. All tables are of one moment. Older generations go when nobody reads them any more.
    """
    folder().mkdir(parents=True, exist_ok=True)
    # one writer at a time: the newest generation must be the one that read the database last
    with (folder() / "writer").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unfinished = folder() / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)  # of a writer that was killed
        unfinished.mkdir()
        rows = _write(unfinished)
        (unfinished / "readers").touch()
        unfinished.rename(folder() / f"{time.time_ns():020d}")
        for old in _generations()[:-1]:
            _remove_unless_read(old)
    return rows


def _write(target: Path) -> dict[str, int]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - slow to import, like the driver
    from adbc_driver_postgresql import dbapi

    rows: dict[str, int] = {}
    with dbapi.connect(_uri()) as source, source.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for name, select in TABLES.items():
            cursor.execute(f"WITH people AS ({_MAY_PROFILE}) {select}")
            table = cursor.fetch_arrow_table()
            pq.write_table(table, target / f"{name}.parquet", compression="zstd")
            rows[name] = table.num_rows
    return rows


def _generations() -> list[Path]:
    """Complete generations, oldest first."""
    return sorted(path for path in folder().glob("[0-9]*") if path.name.isdigit())


def _remove_unless_read(generation: Path) -> None:
    with suppress(FileNotFoundError, BlockingIOError), (generation / "readers").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(generation)


@contextmanager
def connect() -> Iterator[duckdb.DuckDBPyConnection]:
    """
    A DuckDB connection with one view a mirrored table; refreshes first when there is no mirror.

    All statements of the block see one generation: it is not removed while it is being read.
    """
    generation, lock = _take_newest()
    threads = settings.TRAIN_THREADS or max(1, (os.cpu_count() or 2) - 1)
    with lock, duckdb.connect() as database:
        database.execute(f"SET threads = {threads}")
        for name in TABLES:
            path = str(generation / f"{name}.parquet").replace("'", "''")
            database.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
        yield database


def _take_newest() -> tuple[Path, IO[str]]:
    """The newest generation and the open file whose lock keeps it."""
    while True:
        if not _generations():
            refresh()
        generation = _generations()[-1]
        with suppress(FileNotFoundError):  # removed between looking and locking: look again
            lock = (generation / "readers").open()
            fcntl.flock(lock, fcntl.LOCK_SH)
            if (generation / "readers").exists():
                return generation, lock
            lock.close()


def _uri() -> str:
    """The database of this process as a libpq URI, for ADBC."""
    known = connection.settings_dict
    query = {"host": known["HOST"], "port": known["PORT"], "user": known["USER"],
             "password": known["PASSWORD"], **known["OPTIONS"]}  # fmt: skip
    # libpq reads a plus sign as one, not as a space
    given = urlencode({key: value for key, value in query.items() if value}, quote_via=quote)
    return f"postgresql:///{quote(known['NAME'])}?{given}"
