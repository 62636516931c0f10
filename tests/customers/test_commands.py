from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from customers.models import Import, Source
from tests.customers.files import NASTY, write_nasty, write_uci


pytestmark = pytest.mark.django_db


def _run(*arguments: Any) -> dict[str, Any]:
    out = StringIO()
    call_command(*arguments, "--json", stdout=out)
    last = out.getvalue().splitlines()[-1]
    told: dict[str, Any] = json.loads(last)
    return told


def test_import_shop_prints_counts_that_add_up(tmp_path: Path, capfd: Any) -> None:
    told = _run("import_shop", str(write_nasty(tmp_path / "nasty.csv")))
    assert set(told) >= {
        "lines", "accepted", "rejected", "duplicates", "customers", "orders", "sales_total", "seconds",
    }  # fmt: skip
    assert told["lines"] == len(NASTY)
    assert told["lines"] == told["accepted"] + told["duplicates"] + sum(told["rejected"].values())
    assert told["sales_total"] == 56.60
    screen = capfd.readouterr().err
    assert "28 lines = 6 accepted + 1 known or repeated + 21 refused" in screen
    assert "The line is in another encoding" in screen
    again = _run("import_shop", str(tmp_path / "nasty.csv"))
    assert (again["accepted"], again["orders"]) == (0, told["orders"])
    assert Source.objects.count() == 1


def test_import_shop_lays_a_simulation_over_a_real_file(tmp_path: Path) -> None:
    path = write_uci(tmp_path / "retail.parquet", spelling="Kaggle")
    told = _run(
        "import_shop", str(path), "--layout", "uci", "--simulate-outcomes", "--source", "UCI"
    )
    source = Source.objects.get(name="UCI")
    assert (source.kind, source.outcomes_simulated) == ("UCI", True)
    assert told["starts_at"] == source.settings["starts_at"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.csv"], "There is no file"),
        (["good.csv", "--layout", "nope"], "known: generic, .*uci"),
        (["good.csv", "--mapping", "missing.json"], "cannot be read"),
        (["good.csv", "--layout", "uci"], "Is it UCI Online Retail"),
        (["good.csv", "--simulate-outcomes", "--parameters", "nope"], "No parameters 'nope'"),
    ],
)
def test_import_shop_says_one_clear_line_and_returns_2(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text(
        "order,product,quantity,date,price,customer\n1,tea,1,2026-01-01,5,7\n"
    )
    with pytest.raises(CommandError, match=words) as caught:
        call_command("import_shop", *arguments)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    assert not Import.objects.exists(), "refused before anything was written"


def test_simulate_shop_makes_the_same_shop_of_the_same_seed() -> None:
    told = [
        _run(
            "simulate_shop", "--customers", "200", "--seed", "4", "--starts-at", "2026-03-01",
            "--name", name,
        )
        for name in ("A", "B", "A")
    ]  # fmt: skip
    assert told[0]["customers"] == told[1]["customers"] == 200
    assert told[0]["sales_total"] == told[1]["sales_total"] > 0
    assert (told[2]["accepted"], told[2]["duplicates"]) == (0, told[0]["accepted"])


def test_simulate_shop_refuses_nonsense() -> None:
    with pytest.raises(CommandError, match="customers must lie between") as caught:
        call_command("simulate_shop", "--customers", "0")
    assert caught.value.returncode == 2
    assert not Source.objects.exists()
