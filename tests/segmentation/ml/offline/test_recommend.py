"""`predict recommend`: lists with reasons and what is left out, the same bytes for the same file and seed."""

import json
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pytest
from django.core.management import CommandError, call_command

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.recommend import hybrid
from tests.segmentation.ml.recommend.shops import BEGIN, phones_and_coffee


CUTOFF = str(np.datetime64(BEGIN + 380 * SECONDS_PER_DAY, "s").astype("datetime64[D]"))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hybrid, "MOST_CUSTOMERS", 100)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A shop of phones and coffee for 400 days, and its products."""
    shop = phones_and_coffee(customers=150)
    days = np.datetime_as_string((shop.at.astype("datetime64[s]")).astype("datetime64[D]"))
    lines = ["customer_id,date,sku"] + [
        f"c{customer},{day},{shop.products.keys[product]}"
        for customer, day, product in zip(shop.customer, days, shop.product, strict=True)
    ]
    transactions, items = tmp_path / "tx.csv", tmp_path / "items.csv"
    transactions.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = ["sku,category,description,stock"] + [
        f"{key},{shop.products.categories[category]},{words},{0 if key == 'Novels-0' else 5}"
        for key, words, category in zip(
            shop.products.keys, shop.products.words, shop.products.category, strict=True
        )
    ]
    items.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return transactions, items


def run(transactions: Path, out: Path, *arguments: str) -> None:
    call_command(
        "predict", "recommend", "--transactions", str(transactions), "--cutoff", CUTOFF,
        "--k", "8", "--out", str(out), *arguments,
    )  # fmt: skip


def rows(path: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pc.read_csv(path).to_pylist()
    return found


def test_lists_leave_out_what_is_suppressed_sold_out_or_too_late(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    transactions, items = files
    out = tmp_path / "p.csv"
    run(transactions, out, "--items", str(items))
    assert "are ignored" in capsys.readouterr().err
    lists, closed = rows(out), rows(tmp_path / "suppressed.csv")
    assert pc.read_csv(out).column_names == ["customer_id", "rank", "sku", "score", "reason"]
    assert {row["rank"] for row in lists} == set(range(1, 9))
    shown = {(row["customer_id"], row["sku"]) for row in lists}
    assert closed
    assert not shown & {(row["customer_id"], row["sku"]) for row in closed}
    assert all(str(row["sku"]).startswith(("Phones", "Cases")) for row in closed)
    assert all("bought" in str(row["why"]) for row in closed)
    assert "Novels-0" not in {row["sku"] for row in lists}
    assert "you usually buy this every 30 days" in {row["reason"] for row in lists}
    meta = json.loads(Path(f"{out}.meta.json").read_text())
    clocks = {one["category"]: one for one in meta["clocks"]}
    assert clocks["Phones"]["cool_down_days"] > 200
    assert clocks["Coffee"]["median_days_between"] == 30


def test_same_file_gives_the_same_bytes(files: tuple[Path, Path], tmp_path: Path) -> None:
    transactions, items = files
    for name in ("a", "b"):
        run(transactions, tmp_path / f"{name}.csv", "--items", str(items),
            "--suppressed", str(tmp_path / f"{name}.closed.csv"))  # fmt: skip
    for end in ("csv", "closed.csv"):
        assert (tmp_path / f"a.{end}").read_bytes() == (tmp_path / f"b.{end}").read_bytes()


def test_rules_go_before_what_is_learned_and_owned_products_can_be_left_out(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    transactions, items = files
    rules = tmp_path / "rules.json"
    rules.write_text('{"Phones": 0, "Cases": 0, "Coffee": 20, "Tea": 9}')
    out = tmp_path / "p.csv"
    run(transactions, out, "--items", str(items), "--cooldown", str(rules), "--exclude-owned")
    assert "rules for what is not sold: Tea" in capsys.readouterr().err
    assert {str(row["sku"]).split("-")[0] for row in rows(tmp_path / "suppressed.csv")} == {
        "Coffee"
    }
    before = [line.split(",") for line in transactions.read_text().splitlines()[1:]]
    owned = {(customer, sku) for customer, day, sku in before if day < CUTOFF}
    assert not owned & {(row["customer_id"], row["sku"]) for row in rows(out)}


def test_lists_are_judged_against_what_was_bought(files: tuple[Path, Path], tmp_path: Path) -> None:
    transactions, items = files
    out, truth, said = tmp_path / "p.csv", tmp_path / "truth.csv", tmp_path / "m.json"
    run(transactions, out, "--items", str(items))
    lines = transactions.read_text().splitlines()
    later = [line for line in lines[1:] if line.split(",")[1] >= CUTOFF]
    truth.write_text("\n".join([lines[0], *later]) + "\n")
    call_command(
        "evaluate", "recommend", "--pred", str(out), "--truth", str(truth), "--k", "5",
        "--suppressed", str(tmp_path / "suppressed.csv"), "--out", str(said),
    )  # fmt: skip
    metrics = json.loads(said.read_text())
    assert metrics["suppressed_in_lists"] == 0
    assert metrics["ndcg"] > 0.5  # coffee comes back
    assert metrics["intervals"]["ndcg"][0] <= metrics["ndcg"] <= metrics["intervals"]["ndcg"][1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("customer_id,date\nc1,2019-01-01\n", "no column sku"),
        ("customer_id,date,sku\nc1,soon,a\n", "no usable row"),
        ("customer_id,date,sku\nc1,2039-01-01,a\n", "no row before"),
        ("customer_id,date,sku\nc1,2019-01-01,\n", "nothing to learn from"),
    ],
)
def test_file_that_cannot_serve_is_refused_in_words(
    text: str, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "tx.csv"
    path.write_text(text)
    with pytest.raises(CommandError, match=problem) as error:
        run(path, tmp_path / "p.csv")
    assert error.value.returncode == 2


@pytest.mark.parametrize(
    "lines",
    [["c1,2019-01-01,a"], [f"c{n},2019-01-01,a" for n in range(5)], ["c1,2019-01-01,a"] * 9],
    ids=["one line", "one product", "all the same"],
)
def test_smallest_shops_get_a_list_or_an_empty_one(lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "tx.csv"
    path.write_text("\n".join(["customer_id,date,sku", *lines]) + "\n")
    out = tmp_path / "p.csv"
    run(path, out)
    assert {row["sku"] for row in rows(out)} <= {"a"}
    assert json.loads(Path(f"{out}.meta.json").read_text())["customers_of_inner_splits"] == 0
