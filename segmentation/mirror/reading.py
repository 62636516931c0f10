"""The analytic tables in DuckDB: of everybody from the mirror, of some customers from the database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from segmentation.mirror import generations, writing
from segmentation.mirror.database import one_connection, snapshot
from segmentation.mirror.generations import quoted
from segmentation.mirror.overlay import NO_FEATURES, touched, view
from segmentation.mirror.tables import (
    COMPUTED,
    JOINED_LINES,
    MADE_OF_PEOPLE,
    ORDER,
    TABLES,
    select,
)
from segmentation.ml.features import FEATURES, SHOP_TABLES
from segmentation.ml.tables import FeatureTable, Ints


@contextmanager
def connect() -> Iterator[duckdb.DuckDBPyConnection]:
    """
    A DuckDB connection with one view a table of the mirror; refreshes first when there is no mirror.

    All statements of the block see one generation: it is not removed while it is being read.
    """
    while (taken := generations.take_newest()) is None:
        writing.refresh()
    generation, lock = taken
    with lock, _duckdb() as database:
        touched(database, generation)
        for name in (*TABLES, "features"):
            database.execute(f"CREATE VIEW {name} AS {view(generation, name)}")
        for name in SHOP_TABLES:
            if name in generation.bases:
                database.execute(f"CREATE VIEW {name} AS FROM {quoted(generation.base(name))}")
        yield database


def feature_parts(columns: Sequence[str] = tuple(FEATURES)) -> Iterator[FeatureTable]:
    """
    These features of everybody, part by part as `write_features` was given them, and as of then.

    Of what changed since nothing is seen. Raises LookupError before the first time.
    """
    taken = generations.take_newest()
    if taken is None:
        raise LookupError("no features have been computed yet")
    generation, lock = taken
    with lock, ExitStack() as opened:
        if "features" not in generation.bases:
            raise LookupError("no features have been computed yet")
        file = opened.enter_context(pq.ParquetFile(generation.base("features")))
        for group in range(file.num_row_groups):
            read = file.read_row_group(group, columns=["customer_id", *columns])
            yield FeatureTable.from_arrow(read.select(["customer_id", *columns]))


@contextmanager
def of_customers(
    customer_ids: Sequence[int], *, stored: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """
    The same tables of these customers only, as the database has them now, all of one moment.

    `products` are those they ordered or reviewed. `features` are those that are stored; without `stored` there are
    none, nor `scores` and `memberships`, for who computes them anew and then brings them.
    """
    with one_connection(), _duckdb() as database:
        read_again(database, customer_ids, [one for one in TABLES if stored or one not in COMPUTED])
        database.execute(f"CREATE TABLE features AS {NO_FEATURES}")
        for name, select_shop in SHOP_TABLES.items():  # never of these customers alone
            database.execute(f"CREATE TABLE {name} AS {select_shop} LIMIT 0")
        taken = generations.take_newest()
        if taken is not None:
            generation, lock = taken
            with lock:
                if stored:
                    touched(database, generation)
                    database.execute(
                        f"INSERT INTO features BY NAME FROM ({view(generation, 'features')})"
                        " WHERE customer_id IN (SELECT customer_id FROM customers)"
                    )
                for name in SHOP_TABLES:
                    if name in generation.bases:
                        path = quoted(generation.base(name))
                        database.execute(f"INSERT INTO {name} BY NAME FROM {path}")
        yield database


def read_again(
    database: duckdb.DuckDBPyConnection, customer_ids: Sequence[int], names: Sequence[str]
) -> None:
    """Bring tables of an `of_customers` up to what the database has now, of whom its `people` are."""
    of = {"asked": np.asarray(customer_ids, dtype=np.int64)}
    with snapshot() as cursor:
        if "people" in names:  # else it is there already
            cursor.execute(select("people", of=of))
            replace(database, "people", cursor.fetch_arrow_table())
        of["living"] = _ids(database, "SELECT customer_id FROM people")
        of["people"] = _ids(database, "SELECT customer_id FROM people WHERE may_profile")
        for name in names:
            if name == "people":
                continue
            if name in MADE_OF_PEOPLE:
                _make(database, name, MADE_OF_PEOPLE[name])
                continue
            if name == "order_lines":
                of["orders"] = _ids(database, "SELECT order_id FROM orders")
            if name == "products":
                of["products"] = _ids(database, _BOUGHT)
            cursor.execute(select(name, of=of))
            rows = cursor.fetch_arrow_table()
            joined = JOINED_LINES.format(orders="orders") if name == "order_lines" else None
            replace(database, name, rows, made=joined or "FROM incoming")


_BOUGHT = """
    SELECT product_id FROM order_lines
    UNION SELECT product_id FROM reviews WHERE product_id IS NOT NULL ORDER BY 1"""


def _ids(database: duckdb.DuckDBPyConnection, query: str) -> Ints:
    (found,) = database.execute(query).fetchnumpy().values()
    return np.asarray(found, dtype=np.int64)


def replace(
    database: duckdb.DuckDBPyConnection, name: str, rows: pa.Table, *, made: str = "FROM incoming"
) -> None:
    """Put `rows`, or what is `made` of them as `incoming`, in the place of a table of an `of_customers`."""
    database.register("incoming", rows)
    _make(database, name, made)
    database.unregister("incoming")


def _make(database: duckdb.DuckDBPyConnection, name: str, made: str) -> None:
    order = ORDER.get(name, "customer_id")
    database.execute(f"CREATE OR REPLACE TABLE {name} AS {made} ORDER BY {order}")


def exists() -> bool:
    """There is a mirror, with features: `connect` would not have to make one."""
    generation = generations.newest()
    return generation is not None and "features" in generation.bases


def _duckdb() -> duckdb.DuckDBPyConnection:
    threads = settings.TRAIN_THREADS or max(1, (os.cpu_count() or 2) - 1)
    return duckdb.connect(config={"threads": threads})
