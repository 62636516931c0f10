"""Everybody at once or in parts: one table. (On Spark: tests/segmentation/ml/features/test_spark.py.)"""

import pyarrow as pa
import pytest

from segmentation.engines import compute_everybody
from segmentation.ml.features import compute
from tests.segmentation.ml.mirrors import NOON, connect, random_tables


@pytest.mark.parametrize("part", [1_000, 60, 59])
def test_large_shop_is_computed_in_parts_and_gives_the_same_table(part: int) -> None:
    connection = connect(random_tables(customers=120, seed=4))
    whole = compute(connection, as_of=NOON)
    found = pa.concat_tables(compute_everybody(connection, as_of=NOON, part=part))
    assert found.combine_chunks().equals(whole.combine_chunks())
    assert whole.num_rows > 100


def test_shop_without_customers_has_an_empty_table() -> None:
    (found,) = compute_everybody(connect({}), as_of=NOON, part=1)
    assert found.num_rows == 0
    assert found.column_names == compute(connect({}), as_of=NOON).column_names


def test_who_stops_after_the_first_part_has_the_connection_as_it_was() -> None:
    connection = connect(random_tables(customers=120, seed=4))
    parts = compute_everybody(connection, as_of=NOON, part=20)
    assert next(parts).num_rows > 10
    parts.close()
    assert connection.sql("SELECT current_setting('external_threads')").fetchall() == [(1,)]
    assert compute(connection, as_of=NOON).num_rows > 100


def test_one_thread_computes_one_part_at_a_time() -> None:
    tables = random_tables(customers=120, seed=4)
    one, two = (
        pa.concat_tables(compute_everybody(connect(tables, threads=n), as_of=NOON, part=20))
        for n in (1, 2)
    )
    assert one.combine_chunks().equals(two.combine_chunks())
