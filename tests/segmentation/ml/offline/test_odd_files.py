"""Files that are well-formed and odd: names that are nearly the same, a column called row, numbers without bounds."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.ml.offline import files, past, records, transactions
from segmentation.ml.offline.files import FileError
from segmentation.ml.offline.tables import read_pair


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_columns_of_nearly_the_same_name_are_two_columns(tmp_path: Path) -> None:
    raw = files.read(written(tmp_path / "t.csv", "x_11,x_1_1,Spent", "1,2,3", "4,5,6"))
    with raw.database:
        read = records.read(raw, records.Kinds.learn(raw, raw.columns))
        assert files.column_like(raw, "spent") == "Spent"
    assert {name: values.tolist() for name, values in read.numbers.items()} == {
        "x_11": [1, 4], "x_1_1": [2, 5], "Spent": [3, 6],
    }  # fmt: skip


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_column_called_row_does_not_change_the_order_of_the_rows(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        written(path, "row,x", "10,a", "9,b", "9,c", "1,d")
    else:
        pq.write_table(pa.table({"row": [10, 9, 9, 1], "x": ["a", "b", "c", "d"]}), path)
    raw = files.read(path)
    with raw.database:
        assert records.texts(raw, str(path), "x") == ["a", "b", "c", "d"]
        assert records.texts(raw, str(path), "row") == ["10", "9", "9", "1"]


def test_amounts_too_large_to_be_true_are_rejected(tmp_path: Path) -> None:
    known = transactions.read(
        written(
            tmp_path / "t.csv", "customer_id,date,amount,quantity",
            "1,2020-01-01,5,nan", "1,2020-01-02,1e300,1", "1,2020-01-03,5,1e30", "1,2020-01-04,inf,1",
        )
    )  # fmt: skip
    assert dict(known.rejected) == {
        "the amount is not a number": 1,
        "the amount or the quantity is too large": 2,
    }
    with known.mirror() as database:
        assert database.execute("SELECT quantity, unit_price_cents FROM order_lines").fetchall() == [
            (1, 500)
        ]  # fmt: skip


def test_outcome_without_bounds_is_refused() -> None:
    with pytest.raises(FileError, match="row 2 has '1e999'"):
        records.numeric("t.csv", "y", ["2.5", "1e999"])
    values, there = records.numeric("t.csv", "y", ["2.5", "nan"])
    assert (values[0], there.tolist()) == (2.5, [True, False])
    assert np.isnan(values[1])


@pytest.mark.parametrize(
    ("line", "told"), [("b,1,nan", "cannot be read"), ("b,1,inf", "cannot be read"), ("a,1,2", "repeat")]
)  # fmt: skip
def test_truth_that_cannot_be_right_is_refused(tmp_path: Path, line: str, told: str) -> None:
    path = written(tmp_path / "t.csv", "customer_id,transactions,spend", "a,1,2", line)
    wanted = {"orders": ("transactions",), "spend": ("spend",)}
    with pytest.raises(FileError, match=told):
        past.outcomes(
            path, options=Namespace(id=None, cutoff=None, horizon_days=None), wanted=wanted
        )


def test_rows_whose_arm_is_not_known_are_not_learned_from(tmp_path: Path) -> None:
    lines = ("id,x,arm,y", "1,1,none,0", "2,2,NaN,1", "3,3,,1", "4,4,mail,1")
    path = str(written(tmp_path / "t.csv", *lines))
    options = Namespace(train=path, score=path, outcome="y", exclude=[], id=None)
    pair = read_pair(options, named=("arm", "y"))
    assert list(pair.named["arm"]) == ["none", "mail"]
    assert "2 rows have no arm or no y" in pair.warnings[0]
