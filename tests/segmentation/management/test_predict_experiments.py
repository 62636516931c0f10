"""`predict` and `evaluate` of uplift and response: files in, files out, and what cannot be done said in words."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command


ROWS = 3_000
FEATURES = ("age", "spent", "town", "since", "empty")


def write(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def columns(*, rows: int, seed: int) -> dict[str, list[Any]]:
    """An experiment of two arms; the card works for the old, the mail a little for all."""
    generator = np.random.default_rng(seed)
    age = generator.normal(40, 10, rows).round()
    arm = generator.choice(np.array(["control", "mail", "card"]), rows)
    rate = 0.2 + 0.05 * (arm == "mail") + 0.012 * (arm == "card") * (age - 36)
    visit = (generator.random(rows) < np.clip(rate, 0.02, 0.95)).astype(int)
    return {
        "customer_id": [f"C{seed}-{row}" for row in range(rows)],
        "age": ["" if row % 50 == 0 else value for row, value in enumerate(age)],
        "spent": np.exp(generator.normal(3, 1, rows)).round(2).tolist(),
        "town": generator.choice(np.array(["north", "south"]), rows).tolist(),
        "since": [f"{2010 + row % 9}-0{1 + row % 7}-1{row % 5}" for row in range(rows)],
        "empty": [""] * rows,
        "arm": arm.tolist(),
        "visit": visit.tolist(),
        "paid": [round(30.5 * hit, 2) for hit in visit],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """train.csv, score.csv (without arm and outcomes) and truth.csv."""
    write(tmp_path / "train.csv", columns(rows=ROWS, seed=1))
    new = columns(rows=800, seed=2)
    write(
        tmp_path / "truth.csv",
        {name: new[name] for name in ("customer_id", "arm", "visit", "paid")},
    )
    write(tmp_path / "score.csv", {name: new[name] for name in ("customer_id", *FEATURES)})
    return tmp_path


def run(task: str, folder: Path, *more: str, verb: str = "predict") -> None:
    files = [
        "--train",
        f"{folder}/train.csv",
        "--score",
        f"{folder}/score.csv",
        "--out",
        f"{folder}/p.csv",
    ]
    if verb == "evaluate":
        files = [
            "--pred",
            f"{folder}/p.csv",
            "--truth",
            f"{folder}/truth.csv",
            "--out",
            f"{folder}/m.json",
            "--id",
            "customer_id",
        ]
    call_command(verb, task, *files, *more)  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as handle:
        return list(csv.DictReader(handle))


UPLIFT = ("--treatment", "arm", "--outcome", "visit", "--value", "10", "--cost", "0.5", "card=1.2")


def test_uplift_is_predicted_with_the_arm_that_pays_and_judged(folder: Path) -> None:
    run("uplift", folder, *UPLIFT, "--exclude", "paid", "--arms-out", f"{folder}/arms.csv")
    found = rows(folder / "p.csv")
    assert list(found[0]) == ["id", "uplift", "lo95", "hi95", "arm", "treat", "expected_profit"]
    assert [row["id"] for row in found] == [f"C2-{row}" for row in range(800)]
    for row in found:
        low, effect, high = (float(row[name]) for name in ("lo95", "uplift", "hi95"))
        assert low < effect < high
        cost = 1.2 if row["arm"] == "card" else 0.5
        assert float(row["expected_profit"]) == pytest.approx(10 * effect - cost, abs=1e-5)
        assert (row["treat"] == "1") == (float(row["expected_profit"]) > 0)
    meta = json.loads((folder / "p.csv.meta.json").read_text())
    assert meta["control"] == "control"
    assert meta["columns_left_out"]["empty"]
    assert meta["arms"]["card"]["verdict"] == "customers differ in uplift"
    assert len(rows(folder / "arms.csv")) == 1_600
    ages = {row["customer_id"]: row["age"] for row in rows(folder / "score.csv")}
    old = [row for row in found if float(ages[row["id"]] or 0) > 50]
    assert np.mean([row["arm"] == "card" for row in old]) > 0.9
    run(
        "uplift",
        folder,
        *UPLIFT,
        "--compare",
        f"{folder}/p.csv",
        "--resamples",
        "50",
        verb="evaluate",
    )
    judged = json.loads((folder / "m.json").read_text())
    assert judged["rows"] == 800
    assert judged["qini"] > 0
    assert judged["profit_per_customer rule"] > judged["profit_per_customer nobody"]
    assert judged["qini - other"] == 0
    low, high = judged["intervals"]["qini"]
    assert low <= judged["qini"] <= high


def test_uplift_gives_the_same_bytes_again_and_keeps_to_a_budget(folder: Path) -> None:
    def once() -> bytes:
        run("uplift", folder, *UPLIFT, "--exclude", "paid", "--budget", "50")
        return (folder / "p.csv").read_bytes()

    assert once() == once()
    spent = sum(
        (1.2 if row["arm"] == "card" else 0.5)
        for row in rows(folder / "p.csv")
        if row["treat"] == "1"
    )
    assert 45 < spent <= 50


def test_an_outcome_among_the_columns_is_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score = rows(folder / "score.csv")
    truth = rows(folder / "truth.csv")
    both = [one | {"paid": two["paid"]} for one, two in zip(score, truth, strict=True)]
    write(folder / "score.csv", {name: [row[name] for row in both] for name in both[0]})
    run("uplift", folder, *UPLIFT)
    assert "column paid" in capsys.readouterr().err
    meta = json.loads((folder / "p.csv.meta.json").read_text())
    assert "paid" not in meta["columns"]


def test_uplift_of_money(folder: Path) -> None:
    run(
        "uplift", folder, "--treatment", "arm", "--outcome", "paid", "--exclude", "visit",
        "--control", "control",
    )  # fmt: skip
    meta = json.loads((folder / "p.csv.meta.json").read_text())
    low, high = meta["arms"]["mail"]["average_effect_interval"]
    assert low < 30.5 * 0.05 < high


def test_what_the_score_file_lacks_or_has_new_is_told_and_never_nan(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score = rows(folder / "score.csv")
    write(
        folder / "score.csv",
        {
            "customer_id": [row["customer_id"] for row in score],
            "age": ["?", "forty", *(row["age"] for row in score[2:])],
            "town": ["moon", *(row["town"] for row in score[1:])],
        },
    )
    run("uplift", folder, *UPLIFT)
    said = capsys.readouterr().err
    assert "has no column spent, since" in said
    assert "1 values of column age" in said
    assert "column town: 1 rows have a value that no training row has" in said
    assert all(np.isfinite(float(row["uplift"])) for row in rows(folder / "p.csv"))


@pytest.mark.parametrize(
    ("task", "change", "arguments", "said"),
    [
        ("uplift", {"arm": "mail"}, [], "one arm only"),
        ("uplift", {"visit": 0}, [], "the outcome is 0 for everybody"),
        ("uplift", {"visit": "often"}, [], "must be 0/1, yes/no or an amount"),
        ("uplift", {}, ["--control", "nothing"], "none of the arms"),
        ("uplift", {}, ["--cost", "cheap"], "neither a number"),
        ("uplift", {}, ["--exclude", "nowhere"], "no column nowhere"),
        ("uplift", {"age": 1, "spent": 1, "town": "a", "since": "2011-01-01"}, [], "no column to learn from"),
        ("response", {"visit": 1}, [], "one class only"),
        ("response", {"visit": 3.5}, [], "must be 0/1"),
        ("response", {}, ["--revenue", "0"], "above zero"),
        ("response", {}, ["--id", "shopper"], "no column shopper"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_words_with_exit_code_2(
    folder: Path, task: str, change: dict[str, Any], arguments: list[str], said: str
) -> None:
    known = columns(rows=300, seed=3)
    write(folder / "train.csv", known | {name: [value] * 300 for name, value in change.items()})
    usual = ["--treatment", "arm"] if task == "uplift" else []
    with pytest.raises(CommandError, match=said) as caught:
        run(task, folder, *usual, "--outcome", "visit", *arguments)
    assert caught.value.returncode == 2


def test_response_is_predicted_judged_and_its_leaks_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score, truth = rows(folder / "score.csv"), rows(folder / "truth.csv")
    both = [one | {"paid": two["paid"]} for one, two in zip(score, truth, strict=True)]
    write(folder / "score.csv", {name: [row[name] for row in both] for name in both[0]})
    money = ("--outcome", "visit", "--cost", "3", "--revenue", "11")
    run("response", folder, *money)
    assert "--exclude paid" in capsys.readouterr().err
    run("response", folder, *money, "--exclude", "paid", "arm")
    assert "paid" not in capsys.readouterr().err
    found = rows(folder / "p.csv")
    assert list(found[0]) == ["id", "p", "contact"]
    for row in found:
        assert 0 < float(row["p"]) < 1
        assert (row["contact"] == "1") == (float(row["p"]) > 3 / 11)
    run(
        "response",
        folder,
        *money,
        "--compare",
        f"{folder}/p.csv",
        "--resamples",
        "50",
        verb="evaluate",
    )
    judged = json.loads((folder / "m.json").read_text())
    assert 0.4 < judged["auc"] < 0.8
    assert judged["brier"] < 0.25
    assert judged["profit - other"] == 0
    assert judged["intervals"]["auc"][0] < judged["auc"] < judged["intervals"]["auc"][1]
