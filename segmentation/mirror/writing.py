"""The database into files, a batch at a time: memory does not grow with the shop."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from segmentation.mirror import generations
from segmentation.mirror.database import snapshots
from segmentation.mirror.generations import TOUCHED, Generation, quoted
from segmentation.mirror.overlay import newest_rows, touched
from segmentation.mirror.tables import (
    JOINED_RAW_LINES,
    MADE_OF_PEOPLE,
    ORDER,
    RAW_LINES,
    RAW_PRODUCTS,
    TABLES,
    kept,
    select,
)
from segmentation.ml.features import SHOP_TABLES


if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor


ROW_GROUP = 100_000
MEMORY = "1GB"
MOST_CHANGES = 8


def refresh(names: Sequence[str] = tuple(TABLES)) -> dict[str, int]:
    """
    Read tables anew, of one moment; returns rows a table.

    The computed `features` stay as they were, until `write_features`.
    """
    # one at a time: the newest generation must be the one that read the database last
    with generations.exclusive("writer"):
        return _read(names)


def write_features(parts: Iterable[pa.Table]) -> int:
    """Keep the features of everybody as of now: tables of the same columns, in order; returns the rows."""
    with generations.exclusive("writer"), ExitStack() as closing:
        number = generations.next_number()
        path = _work() / "features.parquet"
        rows, writer = 0, None
        for part in parts:
            if writer is None:
                writer = closing.enter_context(
                    pq.ParquetWriter(path, part.schema, compression="zstd")
                )
            writer.write_table(part, row_group_size=ROW_GROUP)
            rows += part.num_rows
        closing.close()
        generations.publish_tables({"features": path}, number=number)
        return rows


def _read(names: Sequence[str]) -> dict[str, int]:
    number, target = generations.next_number(), _work()
    files = {name: target / f"{name}.parquet" for name in names}
    with snapshots(2) as cursors, _sorting(target) as database:
        # whose rows may be in the mirror is read first and once; also where only other tables are written
        listed = files.get("people", target / "listed.parquet")
        people = _unload(cursors[0], database, select("people"), listed)
        database.execute(f"CREATE VIEW people AS FROM {quoted(listed)}")
        rest = [name for name in names if name not in ("people", *_FIRST)]
        lanes = ([name for name in names if name in _FIRST], rest)

        def read(cursor: Cursor, lane: Sequence[str]) -> dict[str, int]:
            with database.cursor() as own:
                return {name: _read_table(cursor, own, name, files) for name in lane}

        # side by side: while PostgreSQL reads, DuckDB sorts, and neither fills a core all the time
        with ThreadPoolExecutor(_threads()) as pool:
            read_rows = list(pool.map(read, cursors, lanes))
        rows = {"people": people} | read_rows[0] | read_rows[1]
        if {"order_lines", "customers"} <= set(names):
            files |= _sum_up_shop(database, target)
    generations.publish_tables(files, number=number)
    return {name: rows[name] for name in names}


_FIRST = ("orders", "order_lines")
"""The larger half of what is read: lines are joined with the orders that have been written."""


def _read_table(
    cursor: Cursor, database: duckdb.DuckDBPyConnection, name: str, files: Mapping[str, Path]
) -> int:
    if name in MADE_OF_PEOPLE:
        return _copy(database, f"{MADE_OF_PEOPLE[name]} ORDER BY customer_id", files[name])
    if name == "order_lines":
        _read_categories(cursor, database)
        joined = JOINED_RAW_LINES.format(orders=quoted(files["orders"]))
        return _unload(cursor, database, RAW_LINES, files[name], kept=joined)
    order = ORDER.get(name, "customer_id")
    return _unload(cursor, database, select(name), files[name], kept=kept(name), order=order)


def _unload(
    cursor: Cursor,
    database: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    *,
    kept: str = "FROM incoming",
    order: str = "customer_id",
) -> int:
    """The rows of `query`, of which `kept` tells what stays of them, sorted into a file; returns how many."""
    cursor.execute(query)
    database.register("incoming", cursor.fetch_record_batch())
    try:
        return _copy(database, f"{kept} ORDER BY {order}", path)
    finally:
        database.unregister("incoming")


def _read_categories(cursor: Cursor, database: duckdb.DuckDBPyConnection) -> None:
    """As numbers for names, of which ten million are quickly sorted; the file says the names."""
    cursor.execute(RAW_PRODUCTS)
    database.register("products_read", cursor.fetch_arrow_table())
    database.execute(
        "CREATE TYPE category AS ENUM (SELECT DISTINCT category FROM products_read ORDER BY 1)"
    )
    database.execute(
        "CREATE TABLE raw_products AS"
        " SELECT product_id, category::category AS category FROM products_read"
    )
    database.unregister("products_read")


def _sum_up_shop(database: duckdb.DuckDBPyConnection, target: Path) -> dict[str, Path]:
    """What features need of the shop as a whole; also where only some customers are read."""
    files = {name: target / f"{name}.parquet" for name in SHOP_TABLES}
    for name in ("order_lines", "customers"):
        database.execute(
            f"CREATE OR REPLACE VIEW {name} AS FROM {quoted(target / f'{name}.parquet')}"
        )
    for name, select_shop in SHOP_TABLES.items():
        _copy(database, select_shop, files[name])
    return files


def _sorting(target: Path) -> duckdb.DuckDBPyConnection:
    """A database that sorts in a bounded part of memory and spills the rest."""
    return duckdb.connect(
        config={
            "memory_limit": MEMORY,
            "temp_directory": str(target / "spilled"),
            "threads": _threads(),
        }
    )


def _threads() -> int:
    return settings.TRAIN_THREADS or os.cpu_count() or 1


def _copy(database: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    """Write the rows of `query` in groups that a reader can skip; returns how many there are."""
    written = database.execute(
        f"COPY ({query}) TO {quoted(path)}"
        f" (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {ROW_GROUP})"
    ).fetchone()
    return int(written[0]) if written else 0


def _work() -> Path:
    """An empty folder for what is not finished; a killed writer may have left something in it."""
    path = generations.folder() / "unfinished"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


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
        _copy(
            database,
            f"FROM {name} ORDER BY {ORDER.get(name, 'customer_id')}",
            target / f"{name}.parquet",
        )
    files = {name: target / f"{name}.parquet" for name in (TOUCHED, *TABLES, "features")}
    with generations.exclusive("flip"):
        generations.publish_changes(files, number=generations.next_number())
    with generations.exclusive("flip"):
        _merge_changes()


def _merge_changes() -> None:
    """Make one change of many, or a day of small ones would be slow to read."""
    # whole tables are being read: merged, changes from before their moment would count as from after it
    if generations.is_held("writer"):
        return
    generation = generations.last()
    newer = _worth_merging(generation) if generation else ()
    if generation is None or not newer:
        return
    target = generations.folder() / "changing"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    names = (TOUCHED, *TABLES, "features")
    with _sorting(target) as database:
        touched(database, generation)
        for name in names:
            rows = " UNION ALL BY NAME ".join(newest_rows(generation, name, one) for one in newer)
            if name == TOUCHED:
                rows = f"SELECT DISTINCT customer_id FROM ({rows})"
            _copy(
                database,
                f"{rows} ORDER BY {ORDER.get(name, 'customer_id')}",
                target / f"{name}.parquet",
            )
    files = {name: target / f"{name}.parquet" for name in names}
    generations.publish_changes(files, number=max(newer), instead_of=newer)


def _worth_merging(generation: Generation) -> tuple[int, ...]:
    """
    The newest changes from the first on that is no larger than those after it together.

    So a small change never waits for a large one to be written again, and each row is written again as often as
    its change doubles.
    """
    newer = [one for one in generation.changes if one > max(generation.bases.values())]
    if len(newer) > MOST_CHANGES:
        sizes = [pq.read_metadata(generation.change(TOUCHED, one)).num_rows for one in newer]
        for first, size in enumerate(sizes):
            if size <= sum(sizes[first + 1 :]):
                return tuple(newer[first:])
    return ()
