from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.registry import UnknownNameError
from customers.enums import ImportStatus
from customers.importing import preparing, reading, runs, workspace
from customers.importing.dialect import detect
from customers.importing.rejected import harmless, rejected_csv
from customers.importing.workspace import BusyError
from customers.models import (
    Customer,
    Event,
    Import,
    ImportChange,
    Order,
    OrderLine,
    Product,
    RejectedRow,
)
from customers.sources.base import SourceError
from tests.customers.files import GOOD, HEADER, NASTY, bring_in, write_nasty
from tests.factories.customers import SourceFactory


pytestmark = pytest.mark.django_db


def _draft(path: Path, now: datetime, **more: Any) -> Import:
    return runs.create(
        source=SourceFactory(), path=path, file_name=path.name, layout="generic", now=now, **more
    )


def test_a_dry_run_tells_everything_and_leaves_nothing(tmp_path: Path, now: datetime) -> None:
    row = _draft(write_nasty(tmp_path / "nasty.csv"), now)
    told = runs.dry_run(row, now=now)
    for model in (Customer, Product, Order, OrderLine, Event, RejectedRow, ImportChange):
        assert not model.objects.exists()
    assert (row.status, row.dry_run) == (ImportStatus.DRAFT, told)
    assert told["lines"] == len(NASTY)
    assert told["lines"] == told["accepted"] + told["duplicates"] + sum(told["rejected"].values())
    assert told["entities"]["orders"]["inserted"] == 4
    assert [entry["line"] for entry in told["examples"]["bad_date"]] == [9, 10]
    assert set(told["examples"]) == set(told["rejected"])
    report = runs.run(row, now=now)
    assert (report.lines, report.accepted, report.rejected) == (
        told["lines"], told["accepted"], told["rejected"],
    )  # fmt: skip


def test_a_dry_run_of_a_known_file_tells_new_changed_and_unchanged(
    tmp_path: Path, now: datetime
) -> None:
    path, source = tmp_path / "shop.csv", SourceFactory()
    path.write_text(f"{HEADER}\n{GOOD}\n")
    bring_in(path, source=source, now=now)
    path.write_text(f"{HEADER}\n{GOOD.replace('Ada@', 'new@').replace(',2,', ',3,')}\n")
    row = runs.create(source=source, path=path, file_name="f", layout="generic", now=now)
    told = runs.dry_run(row, now=now)["entities"]
    assert {name: (c["inserted"], c["updated"], c["duplicates"]) for name, c in told.items()} == {
        "customers": (0, 0, 1), "products": (0, 0, 1), "orders": (0, 1, 0), "order_lines": (0, 1, 0),
    }  # fmt: skip
    assert OrderLine.objects.get().quantity == 2


def test_a_run_takes_over_what_the_dry_run_prepared(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = _draft(write_nasty(tmp_path / "nasty.csv"), now)
    runs.dry_run(row, now=now)
    for module, name in ((reading, "read"), (preparing, "translate"), (preparing, "check")):
        monkeypatch.setattr(module, name, None)
    assert runs.run(row, now=now).accepted > 0


def test_another_mapping_translates_anew_and_reads_no_more(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("a;b;c;d;e;f\n1;tea;2;2026-01-05;9.90;cup\n")
    row = _draft(path, now)
    columns = dict(zip(("order", "product", "quantity", "date", "price"), "abcde", strict=True))
    runs.configure(row, layout="generic", settings={"mapping": {"columns": columns}})
    runs.dry_run(row, now=now)
    monkeypatch.setattr(reading, "read", None)
    runs.configure(
        row, layout="generic", settings={"mapping": {"columns": {**columns, "product": "f"}}}
    )
    assert row.dry_run is None, "the old one is of no use"
    runs.run(row, now=now)
    assert Product.objects.get().external_id == "cup"


def test_an_upload_is_kept_until_it_is_brought_in(now: datetime) -> None:
    chunks = [f"{HEADER}\n".encode(), f"{GOOD}\n".encode()]
    row = runs.create(
        source=SourceFactory(), chunks=chunks, file_name="up.csv", layout="generic", now=now
    )
    assert detect(runs.file_of(row)).layout == "generic"
    runs.queue(row, dry_run=True)
    assert runs.run_due(now=now) == 1
    row.refresh_from_db()
    assert (row.status, row.dry_run["lines"]) == (ImportStatus.DRAFT, 1)  # type: ignore[index]
    runs.queue(row)
    assert runs.run_due(now=now) == 1
    row.refresh_from_db()
    assert (row.status, row.accepted, row.leased_until) == (ImportStatus.FINISHED, 1, None)
    assert not workspace.folder(row.pk).exists()
    assert runs.run_due(now=now) == 0
    with pytest.raises(BusyError):
        runs.run(row, now=now)


def test_a_file_that_cannot_be_used_fails_in_words_and_can_be_tried_again(
    tmp_path: Path, now: datetime
) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("a,b\n1,2\n")
    row = _draft(path, now)
    with pytest.raises(SourceError):
        runs.configure(row, layout="generic", settings={})
    with pytest.raises(UnknownNameError):
        runs.configure(row, layout="nope", settings={})
    runs.queue(row)
    runs.run_due(now=now)
    row.refresh_from_db()
    assert row.status == ImportStatus.FAILED
    assert "Name it in a mapping" in row.error
    path.write_text(f"{HEADER}\n{GOOD}\n")
    assert runs.run(row, now=now).accepted == 1
    assert row.finished_at == now


def test_files_that_nobody_went_on_with_are_removed(now: datetime) -> None:
    row = runs.create(
        source=SourceFactory(), chunks=[b"a,b\n"], file_name="f", layout="generic", now=now
    )
    runs.tidy(now=now + timedelta(days=6))
    assert workspace.folder(row.pk).exists()
    runs.tidy(now=now + timedelta(days=8))
    assert not workspace.folder(row.pk).exists()


def test_lines_of_orders_that_are_there_or_were_refused_find_their_way(
    tmp_path: Path, now: datetime
) -> None:
    """All orders new, some known, one refused: each has its own way in, and all add up."""
    path, source = tmp_path / "shop.csv", SourceFactory()
    path.write_text(f"{HEADER}\n{GOOD}\n2,7,gold,Gold,999999,2026-01-05 10:00,999999999,\n")
    first = bring_in(path, source=source, now=now)
    assert (first.accepted, first.rejected) == (1, {"unknown_order": 1})
    path.write_text(f"{HEADER}\n{GOOD}\n3,7,tea,Green tea,1,2026-01-05 10:00,9.90,\n")
    second = bring_in(path, source=source, now=now)
    assert (second.accepted, second.duplicates) == (1, 1)
    created = OrderLine.objects.order_by("pk").values_list("created_by_import", flat=True)
    assert list(created) == [first.import_id, second.import_id]


def test_what_was_refused_can_be_downloaded_without_formulas(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n=cmd(),7\n")
    report = bring_in(path, source=SourceFactory(), now=now)
    lines = list(rejected_csv(Import.objects.get(pk=report.import_id)))
    assert lines == ["line,table,reason,row\r\n", '3,line,bad_fields,"\'=cmd(),7"\r\n']
    for sign in "=+-@\t\r":
        assert harmless(f"{sign}1") == f"'{sign}1"
    assert harmless("1-2") == "1-2"
