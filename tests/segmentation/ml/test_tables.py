"""A feature table that exists is valid."""

import numpy as np
import pyarrow as pa
import pytest

from segmentation.ml.features import FEATURES, compute
from segmentation.ml.tables import FeatureTable
from tests.segmentation.ml.mirrors import NOON, connect, random_tables


def table(ids: list[int], values: list[list[float]]) -> FeatureTable:
    return FeatureTable(
        customer_ids=np.array(ids), names=("a", "b"), values=np.array(values, dtype=float)
    )


def test_from_arrow_takes_over_what_compute_returns() -> None:
    arrow = compute(connect(random_tables(customers=50, seed=2)), as_of=NOON)
    features = FeatureTable.from_arrow(arrow)
    assert features.names == tuple(FEATURES)
    assert len(features) == arrow.num_rows
    nulls = arrow["rating_mean"].null_count
    assert 0 < nulls == np.isnan(features.column("rating_mean")).sum()


def test_columns_come_in_the_order_asked_for() -> None:
    features = table([1, 2], [[1, 2], [3, 4]])
    assert features.columns(["b", "a"]).tolist() == [[2, 1], [4, 3]]
    assert features.rows(np.array([False, True])).column("a").tolist() == [3]


def test_missing_feature_is_named() -> None:
    with pytest.raises(KeyError, match="missing from this table: c, d"):
        table([1], [[1, 2]]).columns(["a", "d", "c"])
    with pytest.raises(KeyError, match="'c'"):
        table([1], [[1, 2]]).column("c")


@pytest.mark.parametrize(
    ("ids", "values", "words"),
    [
        ([1, 2], [[1, 2]], "shape"),
        ([2, 1], [[1, 2], [3, 4]], "ascend"),
        ([1, 1], [[1, 2], [3, 4]], "ascend"),
        ([1, 2], [[1, 2], [3, np.inf]], "finite"),
    ],
)
def test_what_is_no_table_is_refused(ids: list[int], values: list[list[float]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        table(ids, values)


def test_arrow_table_without_ids_first_is_refused() -> None:
    with pytest.raises(ValueError, match="customer_id"):
        FeatureTable.from_arrow(pa.table({"orders": [1.0]}))
