"""What becomes of bad rows in files: each is counted once and kept with its reason."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command


HEAD = "customer_id,date,amount,order_id"
BAD = (
    ("c1,2024-01-01,NaN,o1", "the amount is not a number"),
    ("c1,2024-01-01,inf,o1", "the amount is not a number"),
    ("c1,2024-01-01,five,o1", "the amount is not a number"),
    (",2024-01-01,5,o1", "no customer_id"),
    ("c1,yesterday,5,o1", "the date cannot be read"),
    ("c1,2024-13-45,5,o1", "the date cannot be read"),
    ("c1,1960-01-01,5,o1", "the date is before 1970"),
    ("c1,2024-01-01,-5,o1", "the amount or the quantity is below zero (a return)"),
    ("c1,2024-01-01", "not a row of this table (wrong number of fields, or not UTF-8)"),
    ('c1,2024-01-01,5,o1,"mo,re"', "not a row of this table (wrong number of fields, or not UTF-8)"),
)  # fmt: skip
FUTURE = "c1,2034-01-01,5,o9"
CUTOFF = "2025-12-31"


def lines(prefix: str, customers: int, *, seed: int = 1) -> list[str]:
    chance, found = random.Random(seed), []
    for number in range(customers):
        day = date(2024, 1, 1) + timedelta(days=chance.randrange(300))
        for order in range(1 + int(chance.expovariate(1 / (1 + number % 4)))):
            amount = chance.lognormvariate(3, 0.7)
            found.append(f"{prefix}{number},{day},{amount:.2f},{prefix}{number}-{order}")
            day += timedelta(days=1 + int(chance.expovariate(1 / 40)))
    return found


@pytest.fixture(scope="module")
def good() -> list[str]:
    return lines("c", 240)


def file(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    return path


def rejected(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def segment(source: Path, out: Path, **more: Any) -> dict[str, Any]:
    call_command(
        "predict", "segment", "--transactions", str(source), "--cutoff", CUTOFF, "--out", str(out),
        "--algorithm", "kmeans", "--k", "3", **more,
    )  # fmt: skip
    document: dict[str, Any] = json.loads(Path(f"{out}.meta.json").read_text())
    return document


def test_counts_of_segment_add_up_and_bad_rows_are_kept(tmp_path: Path, good: list[str]) -> None:
    bad = [line for line, _ in BAD]
    source = file(tmp_path / "tx.csv", [*bad[:5], *good, *bad[5:], FUTURE, good[0]])
    out = tmp_path / "p.csv"
    meta = segment(source, out)
    (account,) = meta["input"]
    reasons = Counter(reason for _, reason in BAD)
    assert account["rejected"] == reasons
    assert account["rows"] == account["used"] + sum(reasons.values()) == len(good) + len(BAD) + 2
    assert (account["repeated"], meta["rows_after_cutoff"]) == (1, 1)
    assert "1 row says the same as an earlier one" in " ".join(meta["warnings"])
    kept = rejected(tmp_path / "p.csv.rejected.csv")
    assert Counter(row["rejected_because"] for row in kept) == reasons
    written = {row["line_as_written"] or ",".join(list(row.values())[1:5]) for row in kept}
    assert written == set(bad)
    assert meta["rows"] == 240


def test_bad_rows_change_no_prediction(tmp_path: Path, good: list[str]) -> None:
    clean, dirty = tmp_path / "clean.csv", tmp_path / "dirty.csv"
    segment(file(tmp_path / "a.csv", good), clean)
    segment(file(tmp_path / "b.csv", [*(line for line, _ in BAD), *good, FUTURE]), dirty)
    assert clean.read_bytes() == dirty.read_bytes()
    assert not (tmp_path / "clean.csv.rejected.csv").exists()


def test_first_purchase_accounts_for_both_files(tmp_path: Path, good: list[str]) -> None:
    known = file(tmp_path / "known.csv", [*good, BAD[0][0], BAD[8][0]])
    new = file(tmp_path / "new.csv", [*lines("n", 20, seed=2), BAD[3][0]])
    out = tmp_path / "p.csv"
    call_command(
        "predict", "first-purchase", "--orders-train", str(known), "--orders-new", str(new),
        "--out", str(out), "--segments", "3",
    )  # fmt: skip
    meta = json.loads(Path(f"{out}.meta.json").read_text())
    assert [one["file"] for one in meta["input"]] == ["known.csv", "new.csv"]
    for one in meta["input"]:
        assert one["rows"] == one["used"] + sum(one["rejected"].values())
    assert meta["rows"] == 20
    assert len(rejected(tmp_path / "p.csv.known.rejected.csv")) == 2
    (row,) = rejected(tmp_path / "p.csv.new.rejected.csv")
    assert row["rejected_because"] == "no customer_id"


@pytest.mark.parametrize(("text", "says"), [
    ("", "the file is empty; its first line must name the columns"),
    (f"{HEAD}\n", "no usable row (it has no rows)"),
    ("customer_id,date\nc1,2024-01-01\n", "no column amount; the file has customer_id, date"),
    ("customer_id,date,amount,amount\nc1,2024-01-01,5,5\n", "column names must be given, and once each"),
    (f"{HEAD}\nc1,2024-01-01,5,o1\n", "1 customer with an order; 60 are needed"),
    (f"{HEAD}\nc1,2035-01-01,5,o1\n", f"no row before {CUTOFF}"),
    (f"{HEAD}\nc1,2024-01-01,NaN,o1\n", "no usable row (1 rows: the amount is not a number)"),
])  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    source, out = tmp_path / "tx.csv", tmp_path / "p.csv"
    source.write_text(text)
    with pytest.raises(CommandError) as refused:
        segment(source, out)
    assert refused.value.returncode == 2
    assert says in str(refused.value)
    assert str(source) in str(refused.value)
    assert not out.exists()
    with pytest.raises(CommandError) as refused:
        call_command(
            "predict", "first-purchase", "--orders-train", str(source), "--orders-new", str(source),
            "--out", str(out),
        )  # fmt: skip
    assert refused.value.returncode == 2
    assert str(source) in str(refused.value)
    assert not out.exists()
