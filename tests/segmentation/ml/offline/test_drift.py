"""`evaluate drift` and `evaluate fairness`: files in, JSON out, errors in words."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(columns)
        writer.writerows(rows)
    return str(path)


def run(*arguments: str, out: Path) -> dict[str, Any]:
    call_command("evaluate", *arguments, "--out", str(out))
    told: dict[str, Any] = json.loads(out.read_text())
    return told


COLUMNS = ("customer_id", "date", "amount", "sku", "unit_price", "category")


def shop(weeks: int, *, seed: int, price: float = 1.0, share: float = 1.0, swap: bool = False) -> list[list[object]]:  # fmt: skip
    rng = np.random.default_rng(seed)
    rows: list[list[object]] = []
    for week in range(weeks):
        for _ in range(rng.poisson(400 * share)):
            product = int(rng.integers(0, 30))
            day = np.datetime64("2026-01-05") + np.timedelta64(
                int(week * 7 + rng.integers(0, 7)), "D"
            )
            kind = "tea" if (product < 20) != (swap and rng.random() < 0.5) else "mugs"
            paid = round((3 + product) * price * float(rng.choice([1, 1, 1, 0.9])), 2)
            amount = round(paid * float(rng.integers(1, 5)), 2)
            rows.append([int(rng.integers(0, 900)), str(day), amount, f"S{product}", paid, kind])
    return rows


@pytest.mark.parametrize(
    ("change", "alarm"),
    [
        ({}, None),
        ({"price": 1.2}, "price against what the same product cost"),
        ({"share": 0.7}, "rows a week"),
        ({"swap": True}, "category"),
    ],
)
def test_files_of_transactions_are_compared(
    change: dict[str, Any], alarm: str | None, tmp_path: Path
) -> None:
    reference = write(tmp_path / "a.csv", COLUMNS, shop(10, seed=1))
    current = write(tmp_path / "b.csv", COLUMNS, shop(1, seed=2, **change))
    told = run("drift", "--reference", reference, "--current", current, out=tmp_path / "r.json")
    assert told["drift"] is (alarm is not None)
    assert alarm is None or alarm in told["alarms"]


@pytest.mark.parametrize(
    ("weeks", "share", "drifts"), [(3, 1.0, False), (3, 0.5, True), (1, 1.0, False)]
)
def test_short_reference_is_compared_day_by_day(
    *, weeks: int, share: float, drifts: bool, tmp_path: Path
) -> None:
    reference = write(tmp_path / "a.csv", COLUMNS, shop(weeks, seed=5))
    current = write(tmp_path / "b.csv", COLUMNS, shop(1, seed=6, share=share))
    told = run("drift", "--reference", reference, "--current", current, out=tmp_path / "r.json")
    assert bool(told["alarms"]) is drifts


def test_file_compared_with_itself_has_not_drifted(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", ("id", "x", "kind"), [[n, n % 17, "ab"[n % 2]] for n in range(500)])  # fmt: skip
    told = run("drift", "--reference", file, "--current", file, out=tmp_path / "r.json")
    assert told["drift"] is False
    assert {one["name"] for one in told["columns"]} == {"x", "kind"}
    assert (tmp_path / "r.json").read_bytes() == _again(file, tmp_path)


def _again(file: str, tmp_path: Path) -> bytes:
    run("drift", "--reference", file, "--current", file, out=tmp_path / "again.json")
    return (tmp_path / "again.json").read_bytes()


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "the file is empty"), ("other\n1\n", "no column in common"), ("x\n", "has no rows")],
)
def test_files_that_cannot_be_compared_are_refused_in_words(
    text: str, words: str, tmp_path: Path
) -> None:
    reference = write(tmp_path / "a.csv", ("x",), [[1], [2]])
    (tmp_path / "b.csv").write_text(text)
    with pytest.raises(CommandError, match=words):
        call_command("evaluate", "drift", "--reference", reference, "--current", str(tmp_path / "b.csv"))  # fmt: skip


def people(tmp_path: Path) -> tuple[str, str, str]:
    rng = np.random.default_rng(4)
    group = rng.integers(0, 2, 1_000)
    p = np.clip(rng.uniform(0, 0.6, 1_000) + 0.3 * group, 0, 1)
    bought = rng.random(1_000) < p
    age = rng.integers(18, 80, 1_000)
    return (
        write(tmp_path / "p.csv", ("customer_id", "p_buy"), zip(range(1_000), np.round(p, 4), strict=True)),
        write(tmp_path / "g.csv", ("customer_id", "sex", "age"), zip(range(990), np.array(["f", "m"])[group], age, strict=False)),
        write(tmp_path / "y.csv", ("customer_id", "label"), zip(range(1_000), bought.astype(int), strict=True)),
    )  # fmt: skip


def test_groups_are_judged_field_by_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions, groups, label = people(tmp_path)
    told = run(
        "fairness", "--predictions", predictions, "--groups", groups, "--label", label,
        "--threshold", "0.5", out=tmp_path / "r.json",
    )  # fmt: skip
    assert told["rows"] == 990
    assert told["warns"] is True
    sex, age = told["fields"]["sex"], told["fields"]["age"]
    assert sex["ratio"]["value"] < 0.5
    assert sex["ratio"]["low"] < sex["ratio"]["value"] < sex["ratio"]["high"]
    assert sex["found_gap"]["value"] > 0.2
    assert abs(sex["groups"][0]["gap"]["value"]) < 0.08
    assert len(age["groups"]) == 4
    assert age["ratio"]["value"] > 0.75
    assert "10 rows of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("columns", "rows", "words"),
    [
        (("customer_id", "p"), [[1, "x"]], "not of numbers"),
        (("customer_id", "p"), [[1, "inf"]], "no finite numbers"),
        (("customer_id", "p"), [[1, 0.5], [1, 0.6]], "more than once"),
        (("customer_id", "p"), [["nobody", 0.5]], "no id in common"),
        (("customer_id", "a", "b"), [[1, 2, 3]], "which column"),
        (("customer_id",), [[1]], "no column beside"),
    ],
)
def test_predictions_that_cannot_be_judged_are_refused_in_words(
    columns: tuple[str, ...], rows: list[list[object]], words: str, tmp_path: Path
) -> None:
    _, groups, _ = people(tmp_path)
    predictions = write(tmp_path / "bad.csv", columns, rows)
    with pytest.raises(CommandError, match=words):
        call_command("evaluate", "fairness", "--predictions", predictions, "--groups", groups)
