"""Where features of everybody are computed: in this process by DuckDB, or on Spark by configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
from django.conf import settings

from segmentation.ml import features
from segmentation.ml.features.spark import compute_on_spark


PART = 50_000
"""Customers at a time: what is in memory, at ten order lines each some 500 MB, whatever the size of the shop."""


def compute_everybody(
    database: duckdb.DuckDBPyConnection, *, as_of: int, part: int = PART
) -> Iterator[pa.Table]:
    """
    The features of everybody in the mirror at `as_of`, by the engine that COTERIE_ANALYTICS_URL names.

    Yields at least one table of at most `part` customers, in the order of their ids; together they are the
    same either way: what `features.compute` returns.
    """
    if settings.ANALYTICS_URL:
        yield _on_spark(database, as_of=as_of, master=settings.ANALYTICS_URL)
        return
    (customers,) = database.execute("SELECT count(*) FROM customers").fetchall()[0]
    if customers <= part:
        yield features.compute(database, as_of=as_of)
        return
    parts = -(-customers // part)
    yield from features.compute_in_parts(database, as_of=as_of, parts=parts)


def _on_spark(database: duckdb.DuckDBPyConnection, *, as_of: int, master: str) -> pa.Table:
    """Hand the tables over as files in COTERIE_HOME, which every worker must reach under this path."""
    settings.HOME.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="for-spark-", dir=settings.HOME) as folder:
        brought = {name for (name,) in database.execute("SHOW TABLES").fetchall()}
        for name in (*features.MIRROR_TABLES, *(set(features.SHOP_TABLES) & brought)):
            database.table(name).write_parquet(str(Path(folder) / f"{name}.parquet"))
        return compute_on_spark(Path(folder), as_of=as_of, master=master)
