"""The same SQL on Spark, really run in local mode over the same Parquet: the same table as DuckDB's."""

import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from segmentation.ml.features import SHOP_TABLES, compute
from segmentation.ml.features.spark import compute_on_spark
from tests.segmentation.ml.mirrors import NOON, connect, random_tables


MISSING = [
    command
    for command, there in (
        ("make spark", importlib.util.find_spec("pyspark") and importlib.util.find_spec("sqlglot")),
        ("apt install openjdk-17-jre-headless", shutil.which("java")),
    )
    if not there
]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # pyspark leaves its socket to the JVM
def test_spark_gives_the_table_that_duckdb_gives(tmp_path: Path) -> None:
    if MISSING and os.environ.get("CI") == "true":
        pytest.fail(f"Spark is missing; {' && '.join(MISSING)}")
    if MISSING:
        pytest.skip(f"Spark is missing; enable with: {' && '.join(MISSING)}")
    tables = random_tables(customers=200, seed=5)
    connection = connect(tables)
    shop = {name: connection.sql(select).to_arrow_table() for name, select in SHOP_TABLES.items()}
    for name, table in {**tables, **shop}.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")

    by_spark = compute_on_spark(tmp_path, as_of=NOON, master="local[2]")

    by_duckdb = compute(connection, as_of=NOON)
    assert by_spark.column_names == by_duckdb.column_names
    assert by_spark.schema.types == by_duckdb.schema.types
    assert by_spark.num_rows > 150
    for name in by_duckdb.column_names:
        np.testing.assert_allclose(
            by_spark[name].to_numpy(), by_duckdb[name].to_numpy(), rtol=1e-12, atol=0, err_msg=name
        )
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.parquet" for name in (*tables, *shop)
    }
