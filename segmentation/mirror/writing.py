"""The database into files, a batch at a time: memory does not grow with the shop."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.mirror import generations
from segmentation.mirror.database import snapshot
from segmentation.mirror.generations import TOUCHED
from segmentation.mirror.tables import TABLES, select
from segmentation.ml.features import SHOP_TABLES


ROW_GROUP = 100_000


def refresh() -> dict[str, int]:
    """
    Read every table of `TABLES` anew, all of one moment; returns rows a table.

    The computed `features` stay as they were, until `write_features`.
    """
    # one at a time: the newest generation must be the one that read the database last
    with generations.exclusive("writer"):
        return _read(tuple(TABLES))


def write_features(features: pa.Table) -> None:
    """Keep `features` of everybody as of now, and read again what was made from them."""
    with generations.exclusive("writer"):
        number = time.time_ns()
        path = _work() / "features.parquet"
        pq.write_table(features, path, compression="zstd", row_group_size=ROW_GROUP)
        generations.publish_tables({"features": path}, number=number)
        _read(("scores", "memberships"))


def _read(names: Sequence[str]) -> dict[str, int]:
    number, target = time.time_ns(), _work()
    rows: dict[str, int] = {}
    with snapshot() as cursor:
        for name in names:
            cursor.execute(select(name))
            rows[name] = _stream(cursor.fetch_record_batch(), target / f"{name}.parquet")
    made = (*names, *(_sum_up_shop(target) if set(TABLES) <= set(names) else ()))
    generations.publish_tables({name: target / f"{name}.parquet" for name in made}, number=number)
    return rows


def _sum_up_shop(target: Path) -> tuple[str, ...]:
    """What features need of the shop as a whole; also where only some customers are read."""
    with duckdb.connect() as database:
        for name in TABLES:
            database.read_parquet(str(target / f"{name}.parquet")).create_view(name)
        for name, select_shop in SHOP_TABLES.items():
            database.sql(select_shop).write_parquet(
                str(target / f"{name}.parquet"), compression="zstd"
            )
    return tuple(SHOP_TABLES)


def _work() -> Path:
    """An empty folder for what is not finished; a killed writer may have left something in it."""
    path = generations.folder() / "unfinished"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def _stream(batches: pa.RecordBatchReader, path: Path) -> int:
    rows = 0
    with pq.ParquetWriter(path, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch, row_group_size=ROW_GROUP)
            rows += batch.num_rows
    return rows


def write_changes(database: duckdb.DuckDBPyConnection, customer_ids: Sequence[int]) -> None:
    """
    Put what `database` (an `of_customers`) holds in the place of what the mirror has of these customers.

    One writer at a time: to be called under the lock of the refresh.
    """
    target = generations.folder() / "changing"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    touched = pa.table({"customer_id": pa.array(customer_ids, pa.int64())})
    pq.write_table(touched, target / f"{TOUCHED}.parquet")
    for name in (*TABLES, "features"):
        quoted = str(target / f"{name}.parquet").replace("'", "''")
        database.execute(f"COPY {name} TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)")
    files = {name: target / f"{name}.parquet" for name in (TOUCHED, *TABLES, "features")}
    with generations.exclusive("flip"):
        generations.publish_changes(files, number=time.time_ns())
