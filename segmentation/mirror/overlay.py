"""The newest rows of a table: its whole file, and over it what changed since."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from segmentation.mirror.generations import TOUCHED, Generation, quoted
from segmentation.ml.features import FEATURES


_COLUMNS = ("NULL::BIGINT AS customer_id", *(f"NULL::DOUBLE AS {name}" for name in FEATURES))
NO_FEATURES = f"SELECT {', '.join(_COLUMNS)} WHERE false"


def touched(database: duckdb.DuckDBPyConnection, generation: Generation) -> None:
    """Two tables: what was changed since the whole files were read, and by which change last."""
    for table, file, key in (
        ("touched_customers", TOUCHED, "customer_id"),
        ("touched_products", "products", "product_id"),
    ):
        each = [
            f"SELECT {key}, {number} AS number FROM {quoted(generation.change(file, number))}"
            for number in generation.changes
        ] or [f"SELECT NULL::BIGINT AS {key}, NULL::BIGINT AS number WHERE false"]
        database.execute(
            f"CREATE TABLE {table} AS"
            f" SELECT {key}, max(number) AS number FROM ({' UNION ALL '.join(each)}) GROUP BY 1"
        )


def view(generation: Generation, name: str) -> str:
    """The whole file but for what was touched since, and of that the newest rows."""
    if name not in generation.bases:
        return NO_FEATURES  # never computed; everything else is there from the start
    path, newer = generation.base(name), generation.newer(name)
    whole = f"SELECT {_columns(name, path)} FROM {quoted(path)} AS rows"
    if newer:
        whole += f" ANTI {_find(name)} > {generation.bases[name]}"
    return " UNION ALL BY NAME ".join(
        (whole, *(newest_rows(generation, name, number) for number in newer))
    )


def newest_rows(generation: Generation, name: str, number: int) -> str:
    """The rows of one change that no later one replaced."""
    path = generation.change(name, number)
    return (
        f"SELECT {_columns(name, path)} FROM {quoted(path)} AS rows SEMI {_find(name)} = {number}"
    )


def _find(name: str) -> str:
    table, key = ("products", "product_id") if name == "products" else ("customers", "customer_id")
    return f"JOIN touched_{table} t ON t.{key} = rows.{key} AND t.number"


def _columns(name: str, path: Path) -> str:
    if name != "features":
        return "*"
    known = set(pq.read_schema(path).names)
    # a feature that was added since is not known until the next refresh
    return ", ".join(
        ("customer_id", *(one if one in known else f"NULL::DOUBLE AS {one}" for one in FEATURES))
    )
