"""The same SQL on Spark, really run in local mode over the same Parquet: the same table as DuckDB's."""

import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from segmentation.engines import compute_everybody
from segmentation.ml.features import compute
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
def test_spark_gives_the_table_that_duckdb_gives(tmp_path: Path, settings: Settings) -> None:
    if MISSING and os.environ.get("CI") == "true":
        pytest.fail(f"Spark is missing; {' && '.join(MISSING)}")
    if MISSING:
        pytest.skip(f"Spark is missing; enable with: {' && '.join(MISSING)}")
    tables = random_tables(customers=200, seed=5)
    connection = connect(tables)
    settings.HOME, settings.ANALYTICS_URL = tmp_path, "local[2]"

    (by_spark,) = compute_everybody(connection, as_of=NOON)

    by_duckdb = compute(connection, as_of=NOON)
    assert by_spark.column_names == by_duckdb.column_names
    assert by_spark.schema.types == by_duckdb.schema.types
    assert by_spark.num_rows > 150
    for name in by_duckdb.column_names:
        np.testing.assert_allclose(
            by_spark[name].to_numpy(), by_duckdb[name].to_numpy(), rtol=1e-12, atol=0, err_msg=name
        )
    assert not list(tmp_path.iterdir())  # nothing of anybody is left behind
