from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from segmentation.ml.offline import files
from tests.segmentation.ml.first_purchase.shops import table


CUT = "2011-06-01"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """train.csv, new.csv (customers N0 ...) with whole histories; nobody after 2012."""
    for name, seed, prefix in (("train", 1, "T"), ("new", 2, "N")):
        rows = table(customers=200, seed=seed)
        named = pc.binary_join_element_wise(prefix, rows.column("customer").cast(pa.string()), "")
        written = pa.table(
            {
                "customer_id": named,
                "order_id": rows.column("order_id"),
                "date": pc.strftime(
                    rows.column("placed_at").cast(pa.timestamp("s")), format="%Y-%m-%dT%H:%M:%S"
                ),
                **{key: rows.column(key) for key in ("amount", "quantity", "unit_price")},
                "description": rows.column("words"),
            }
        )
        files.write(written, tmp_path / f"{name}.csv")
        pq.write_table(written, tmp_path / f"{name}.parquet")
    return tmp_path


def predict(folder: Path, *more: str, out: str = "p.csv", kind: str = "csv") -> bytes:
    call_command(
        "predict", "first-purchase", "--orders-train", f"{folder}/train.{kind}",
        "--orders-new", f"{folder}/new.{kind}", "--segments", "4", "--out", f"{folder}/{out}", *more,
    )  # fmt: skip
    return (folder / out).read_bytes()


def test_same_inputs_and_seed_give_the_same_bytes_from_csv_and_parquet(folder: Path) -> None:
    first = predict(folder)
    assert predict(folder, out="again.csv") == first
    assert predict(folder, out="third.csv", kind="parquet") == first
    head, *rows = first.decode().splitlines()
    assert head == "customer_id,segment,p_1,p_2,p_3,p_4,exp_spend"
    assert len(rows) == 200
    for row in rows:
        _, segment, *shares, _ = row.split(",")
        values = [float(share) for share in shares]
        assert sum(values) == pytest.approx(1, abs=1e-5)
        assert values[int(segment) - 1] == max(values)
    meta = json.loads((folder / "p.csv.meta.json").read_text())
    assert (meta["task"], meta["rows"], meta["seed"]) == ("first-purchase", 200, 42)
    assert meta["versions"]["numpy"]


def test_rows_at_or_after_the_cutoff_are_counted_and_change_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = predict(folder, "--cutoff", CUT)
    assert "ignored" in capsys.readouterr().err
    with (folder / "train.csv").open("a") as handle:
        handle.write(f"T0,late,{CUT}T00:00:00,1000000,1,1000000,GOLD\n")
    assert predict(folder, "--cutoff", CUT) == first
    assert f"rows at or after {CUT} are ignored" in capsys.readouterr().err


def test_truth_can_be_written_and_judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predict(folder, "--outcomes", f"{folder}/new.csv", "--truth-out", f"{folder}/t.csv")
    capsys.readouterr()
    call_command(
        "evaluate", "first-purchase", "--pred", f"{folder}/p.csv", "--truth", f"{folder}/t.csv",
        "--out", f"{folder}/m.json",
    )  # fmt: skip
    judged = json.loads(capsys.readouterr().out)
    assert judged == json.loads((folder / "m.json").read_text())
    assert judged["customers"] == 200
    assert judged["majority"] < judged["accuracy"] <= judged["top2"] <= 1
    low, high = judged["intervals"]["accuracy"]
    assert low <= judged["accuracy"] <= high


def test_a_truth_in_which_nobody_ordered_again_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.csv").write_text("customer_id,p_1,p_2\na,0.7,0.3\nb,0.2,0.8\n")
    (tmp_path / "t.csv").write_text("customer_id,segment,orders\na,1,1\nb,2,1\n")
    call_command(
        "evaluate", "first-purchase", "--pred", f"{tmp_path}/p.csv", "--truth", f"{tmp_path}/t.csv"
    )
    text = capsys.readouterr().out
    assert "NaN" not in text
    judged = json.loads(text)
    assert (judged["accuracy"], judged["again"]) == (1, None)
    assert "again" not in judged["intervals"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--orders-new", "none.csv"], "there is no such file"),
        (["--id", "shopper"], "no column shopper"),
        (["--cutoff", "June"], "is not a date"),
        (["--segments", "50"], "too few"),
        (["--outcomes", "new.csv"], "go together"),
    ],
)
def test_what_cannot_be_done_is_said_in_words_with_exit_code_2(
    folder: Path, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said) as caught:
        predict(folder, *arguments)
    assert caught.value.returncode == 2
    assert not (folder / "p.csv").exists()
