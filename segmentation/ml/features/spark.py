"""The same SQL on Spark, for a shop that one machine cannot hold: over the mirror's Parquet, by SQLGlot.

pyspark, sqlglot (`make spark`) and Java are needed only here.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.ml.features.assemble import MIRROR_TABLES, SHOP_TABLES, statement


if TYPE_CHECKING:
    from pyspark.sql import SparkSession


RESULT = "features-by-spark"
_WIDE = "decimal(38, 0)"


def compute_on_spark(folder: Path, *, as_of: int, master: str) -> pa.Table:
    """Return what `compute` returns of the tables in `folder`, one Parquet file (or folder) each.

    `master`: Spark's word for where it runs, e.g. `spark://host:7077`, `yarn` or `local[2]`. Every worker must
    reach `folder` under the same path; the result is written beside the tables and read from there.
    Floats may differ from DuckDB's in the last bits, since sin, cos and sqrt are those of the JVM.
    """
    session = _session(master)
    try:
        for name in MIRROR_TABLES:
            session.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
        given = frozenset(name for name in SHOP_TABLES if (folder / f"{name}.parquet").exists())
        for name in given:
            session.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
        result = session.sql(spark_statement(as_of=as_of, given=given))
        result.write.mode("overwrite").parquet(str(folder / RESULT))
    finally:
        session.stop()
    table = pq.read_table(folder / RESULT).sort_by("customer_id").replace_schema_metadata(None)
    shutil.rmtree(folder / RESULT)
    return table


def spark_statement(*, as_of: int, given: frozenset[str] = frozenset()) -> str:
    """Return the whole query in Spark's dialect, at this moment.

    Three things mean something else there. A literal with a point is a decimal of few places: it becomes a
    double. The sum of BIGINT is a BIGINT and may overflow: it becomes one of 38 digits, as wide as DuckDB's. So
    do 128-bit integers, which Spark does not have.
    """
    from sqlglot import Dialect, exp, parse_one  # noqa: PLC0415 - only with Spark

    tree = parse_one(statement(given=given).replace("$as_of", str(int(as_of))), read="duckdb")
    for kind in list(tree.find_all(exp.DataType)):
        if kind.is_type("int128"):
            kind.replace(exp.DataType.build(_WIDE))
    for total in list(tree.find_all(exp.Sum)):
        total.set("this", exp.cast(total.this.copy(), _WIDE))
    for literal in list(tree.find_all(exp.Literal)):
        if not literal.is_string and "." in literal.name:
            literal.replace(exp.cast(literal.copy(), "double"))
    writer = Dialect.get_or_raise("spark").generator(comments=False)
    # it would put the inner WITHs of all themes into one, where their names collide; Spark reads them as they are
    writer.EXPRESSIONS_WITHOUT_NESTED_CTES = set()
    written: str = writer.generate(tree)
    return written


def _session(master: str) -> SparkSession:
    from pyspark.sql import SparkSession  # noqa: PLC0415 - large, and only with Spark

    logging.getLogger("py4j").setLevel(logging.WARNING)  # it tells of every connection
    builder = (
        SparkSession.builder.master(master)
        .appName("coterie-features")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
    )
    if master.startswith(
        "local"
    ):  # one machine: no 200 parts of next to nothing, no name to look up
        builder = (
            builder.config("spark.sql.shuffle.partitions", "4")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
        )
    return builder.getOrCreate()
