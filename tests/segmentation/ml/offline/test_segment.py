"""`predict segment`: from a file of transactions to groups, the same bytes for the same file and seed."""

import json
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pytest
from django.core.management import CommandError, call_command


KINDS = {"regular": (12, 8_000, 5), "rare": (3, 3_000, 60), "once": (1, 1_000, 200)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three kinds of customers before 2024-01-01, and one order after it."""
    rng = np.random.default_rng(1)
    rows = ["customer_id,date,amount,order_id"]
    for kind, (orders, cents, days) in KINDS.items():
        for number in range(60):
            for order in range(orders):
                ago = days * float(np.exp(rng.normal(0, 0.15))) + 20 * order
                day = np.datetime64("2024-01-01") - np.timedelta64(round(ago * 24), "h")
                amount = cents * float(np.exp(rng.normal(0, 0.15))) / 100
                rows.append(
                    f"{kind}-{number},{day.astype('datetime64[s]')},{amount:.2f},{kind}-{number}-{order}"
                )
    rows.append("late-1,2024-01-05,10.00,late-1-0")
    path = tmp_path / "tx.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def run(file: Path, out: Path, *arguments: str) -> None:
    call_command(
        "predict", "segment", "--transactions", str(file), "--cutoff", "2024-01-01",
        "--out", str(out), *arguments,
    )  # fmt: skip


def test_groups_come_with_names_memberships_and_the_table_of_choice(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.csv"
    run(file, out, "--algorithm", "kmeans")
    assert "1 rows at or after 2024-01-01 are ignored" in capsys.readouterr().err
    meta = json.loads(Path(f"{out}.meta.json").read_text())
    table = pc.read_csv(out)
    groups = len(meta["segments"])
    memberships = [f"m_{number + 1}" for number in range(groups)]
    assert table.column_names == [
        "customer_id", "segment", "segment_name", "confidence", *memberships,
    ]  # fmt: skip
    shares = np.column_stack([table[name].to_numpy() for name in memberships])
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-9)
    assert np.array_equal(shares.argmax(axis=1) + 1, table["segment"].to_numpy())
    assert np.array_equal(shares.max(axis=1), table["confidence"].to_numpy())
    # every kind has a segment of its own, or several, and shares none
    kinds = np.array([name.split("-")[0] for name in table["customer_id"].to_pylist()])
    for segment in np.unique(table["segment"].to_numpy()):
        assert len(set(kinds[table["segment"].to_numpy() == segment])) == 1
    assert set(kinds) == set(KINDS)
    assert [one["k"] for one in meta["tried"]] == [3, 4, 5, 6, 7, 8]
    assert {"silhouette", "DB", "CH", "ARI", "min_share"} <= set(meta["tried"][0])
    assert sum(one["share"] for one in meta["segments"]) == pytest.approx(1, abs=1e-5)


def test_same_file_and_seed_give_the_same_bytes(file: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    for out in (first, second):
        run(file, out, "--algorithm", "gmm", "--k", "3")
    assert first.read_bytes() == second.read_bytes()
    meta = json.loads(Path(f"{first}.meta.json").read_text())
    assert meta["model"] == "Gaussian mixture, k = 3"
    assert meta["memberships"] == "probabilities of a mixture"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--k", "many"], "neither auto nor a number from 2 to 20"),
        (["--k", "15"], "180 customers with an order; 300 are needed"),
        (["--cutoff", "1999-01-01"], "no row before 1999-01-01"),
        (["--cutoff", "soon"], "--cutoff: 'soon' is not a date"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    file: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        run(file, tmp_path / "p.csv", *arguments)
