"""The analytic tables in DuckDB: of everybody from the mirror, of some customers from the database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from segmentation.mirror import generations, writing
from segmentation.mirror.database import snapshot
from segmentation.mirror.generations import TOUCHED, Generation
from segmentation.mirror.tables import TABLES, select
from segmentation.ml.features import FEATURES, SHOP_TABLES


_NO_FEATURES = ", ".join(
    ("NULL::BIGINT AS customer_id", *(f"NULL::DOUBLE AS {name}" for name in FEATURES))
)
_NOWHERE = f"SELECT {_NO_FEATURES} WHERE false"


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
        _touched(database, generation)
        for name in (*TABLES, "features"):
            database.execute(f"CREATE VIEW {name} AS {_view(generation, name)}")
        for name in SHOP_TABLES:
            if name in generation.bases:
                database.execute(f"CREATE VIEW {name} AS FROM {_file(generation.base(name))}")
        yield database


@contextmanager
def of_customers(customer_ids: Sequence[int]) -> Iterator[duckdb.DuckDBPyConnection]:
    """
    The same tables of these customers only, as the database has them now, all of one moment.

    `products` are those they ordered or reviewed. `features` are those that are stored.
    """
    with _duckdb() as database:
        read_again(database, customer_ids, tuple(TABLES))
        database.execute(f"CREATE TABLE features AS {_NOWHERE}")
        for name, select_shop in SHOP_TABLES.items():  # never of these customers alone
            database.execute(f"CREATE TABLE {name} AS {select_shop} LIMIT 0")
        taken = generations.take_newest()
        if taken is not None:
            generation, lock = taken
            with lock:
                _touched(database, generation)
                database.execute(
                    f"INSERT INTO features BY NAME FROM ({_view(generation, 'features')})"
                    " WHERE customer_id IN (SELECT customer_id FROM customers)"
                )
                for name in SHOP_TABLES:
                    if name in generation.bases:
                        path = _file(generation.base(name))
                        database.execute(f"INSERT INTO {name} BY NAME FROM {path}")
        yield database


def read_again(
    database: duckdb.DuckDBPyConnection, customer_ids: Sequence[int], names: Sequence[str]
) -> None:
    """Bring tables of an `of_customers` up to what the database has now."""
    with snapshot() as cursor:
        for name in names:
            cursor.execute(select(name, customer_ids=customer_ids))
            replace(database, name, cursor.fetch_arrow_table())


def replace(database: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Put `rows` in the place of a table of an `of_customers`."""
    database.register("incoming", rows)
    database.execute(f"CREATE OR REPLACE TABLE {name} AS FROM incoming")
    database.unregister("incoming")


def exists() -> bool:
    """There is a mirror, with features: `connect` would not have to make one."""
    generation = generations.newest()
    return generation is not None and "features" in generation.bases


def _duckdb() -> duckdb.DuckDBPyConnection:
    threads = settings.TRAIN_THREADS or max(1, (os.cpu_count() or 2) - 1)
    return duckdb.connect(config={"threads": threads})


def _touched(database: duckdb.DuckDBPyConnection, generation: Generation) -> None:
    """Two tables: what was changed since the whole files were read, and by which change last."""
    for table, file, key in (
        ("touched_customers", TOUCHED, "customer_id"),
        ("touched_products", "products", "product_id"),
    ):
        each = [
            f"SELECT {key}, {number} AS number FROM {_file(generation.change(file, number))}"
            for number in generation.changes
        ] or [f"SELECT NULL::BIGINT AS {key}, NULL::BIGINT AS number WHERE false"]
        database.execute(
            f"CREATE TEMP TABLE {table} AS"
            f" SELECT {key}, max(number) AS number FROM ({' UNION ALL '.join(each)}) GROUP BY 1"
        )


def _view(generation: Generation, name: str) -> str:
    """The whole file but for what was touched since, and of that the newest rows."""
    newer = generation.newer(name)
    if name not in generation.bases:
        return _NOWHERE  # never computed
    parts = [f"SELECT {_columns(name, generation.base(name))} FROM {_file(generation.base(name))}"]
    if newer:
        touched, key = (
            ("products", "product_id") if name == "products" else ("customers", "customer_id")
        )
        find = f"JOIN touched_{touched} t ON t.{key} = rows.{key} AND t.number"
        parts[0] += f" AS rows ANTI {find} > {generation.bases[name]}"
        parts += [
            f"SELECT {_columns(name, path)} FROM {_file(path)} AS rows SEMI {find} = {number}"
            for number in newer
            for path in [generation.change(name, number)]
        ]
    return " UNION ALL BY NAME ".join(parts)


def _file(path: Path) -> str:
    quoted = str(path).replace("'", "''")
    return f"read_parquet('{quoted}')"


def _columns(name: str, path: Path) -> str:
    if name != "features":
        return "*"
    known = set(pq.read_schema(path).names)
    # a feature that was added since is not known until the next refresh
    return ", ".join(
        ("customer_id", *(one if one in known else f"NULL::DOUBLE AS {one}" for one in FEATURES))
    )
