from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.forms.models import model_to_dict

from customers import ingest
from customers.enums import EventKind, ImportStatus
from customers.importing.undoing import NotUndoableError, ask, undo, undo_due
from customers.models import (
    Customer,
    Event,
    Import,
    Order,
    OrderLine,
    Product,
    Refund,
    Review,
    Source,
)
from segmentation.models import Membership, Segment
from tests.customers.batches import batch
from tests.customers.files import HEADER, bring_in
from tests.factories.customers import OrderFactory, SourceFactory


pytestmark = pytest.mark.django_db

LINES = (
    "1,7,tea,Green tea,2,2026-01-05 10:00,9.90,ada@example.com",
    "1,7,cup,A cup,1,2026-01-05 10:00,5.00,ada@example.com",
    "2,8,tea,Green tea,1,2026-01-06 10:00,9.90,bob@example.com",
    "3,7,tea,Green tea,-1,2026-01-07 10:00,9.90,ada@example.com",
)
MODELS = (Customer, Product, Order, OrderLine, Refund, Review, Event)


def _bring(tmp_path: Path, source: Source, now: datetime, *lines: str, **settings: Any) -> Import:
    path = tmp_path / "shop.csv"
    path.write_text("\n".join([HEADER, *(lines or LINES)]))
    report = bring_in(path, source=source, now=now, **settings)
    return Import.objects.get(pk=report.import_id)


def _everything() -> list[Any]:
    return [
        sorted((model_to_dict(row) for row in model._default_manager.all()), key=lambda r: r["id"])
        for model in MODELS
    ]


def _adds_up(told: dict[str, Any], row: Import) -> bool:
    report = row.report["entities"]
    touched = sum(counts["inserted"] + counts["updated"] for counts in report.values())
    return bool(
        told["deleted"] + told["restored"] + told["kept"] == touched
        and told["kept"] == sum(told["reasons"].values())
    )


def test_undo_leaves_nothing_and_can_be_followed_by_the_import_again(
    tmp_path: Path, now: datetime
) -> None:
    source = SourceFactory()
    row = _bring(tmp_path, source, now)
    told = undo(row, now=now)
    assert [model._default_manager.count() for model in MODELS] == [0] * 7
    assert (told["deleted"], told["restored"], told["kept"]) == (2 + 2 + 2 + 3 + 1, 0, 0)
    assert _adds_up(told, row)
    assert (row.status, row.undone_at) == (ImportStatus.UNDONE, now)
    again = _bring(tmp_path, source, now)
    assert again.accepted == 4
    assert Order.objects.count() == 2


def test_undo_twice_changes_nothing(tmp_path: Path, now: datetime) -> None:
    source = SourceFactory()
    first = _bring(tmp_path, source, now)
    told = undo(first, now=now)
    _bring(tmp_path, source, now)
    before = _everything()
    first.refresh_from_db()
    again = undo(first, now=now + timedelta(days=1))
    assert again["deleted"] == told["deleted"]
    assert _everything() == before
    first.refresh_from_db()
    assert first.undone_at == now


def test_undo_gives_changed_rows_their_old_words_back(tmp_path: Path, now: datetime) -> None:
    source = SourceFactory()
    _bring(tmp_path, source, now)
    before = _everything()
    later = _bring(
        tmp_path, source, now,
        "1,7,tea,Black tea,2,2026-01-05 10:00,8.90,new@example.com",
        "1,7,cup,A cup,3,2026-01-05 10:00,5.00,new@example.com",
        "4,9,tea,Black tea,1,2026-01-06 10:00,8.90,cyd@example.com",
    )  # fmt: skip
    assert Customer.objects.get(external_id="7").email == "new@example.com"
    told = undo(later, now=now)
    assert _everything() == before
    assert told["restored"] == 5, "customer, product, order and its two lines"
    assert told["deleted"] == 3, "customer, order and line"
    assert _adds_up(told, later)


def test_imports_can_be_undone_the_last_one_first(tmp_path: Path, now: datetime) -> None:
    source = SourceFactory()
    rows = [
        _bring(tmp_path, source, now, f"1,7,tea,Tea {n},{n},2026-01-05 10:00,9.90,ada{n}@example.com")
        for n in (1, 2, 3)
    ]  # fmt: skip
    for row in reversed(rows):
        told = undo(row, now=now)
        assert (told["kept"], _adds_up(told, row)) == (0, True)
    assert [model._default_manager.count() for model in MODELS] == [0] * 7


def test_undo_keeps_what_was_changed_since_and_what_is_referred_to(
    tmp_path: Path, now: datetime
) -> None:
    source = SourceFactory()
    row = _bring(tmp_path, source, now)
    Product.objects.filter(external_id="cup").update(name="Somebody's word")
    OrderFactory(source=source, customer=Customer.objects.get(external_id="7"))
    told = undo(row, now=now)
    assert told["reasons"] == {"changed_since": 1, "referred_to": 1}
    assert _adds_up(told, row)
    assert Customer.objects.get().external_id == "7"
    assert Product.objects.get().name == "Somebody's word"
    assert told["examples"]["referred_to"] == [
        {"entity": "customers", "count": 1, "ids": [Customer.objects.get().pk]}
    ]


def test_undo_does_not_take_back_a_change_that_was_changed_again(
    tmp_path: Path, now: datetime
) -> None:
    source = SourceFactory()
    _bring(tmp_path, source, now)
    changed = _bring(
        tmp_path, source, now, "1,7,tea,Green tea,2,2026-01-05 10:00,9.90,new@example.com"
    )
    Customer.objects.filter(external_id="7").update(email="", email_hmac="", erased_at=now)
    told = undo(changed, now=now)
    assert told["reasons"] == {"changed_since": 1}
    assert Customer.objects.get(external_id="7").email == "", "an erased customer stays erased"
    assert _adds_up(told, changed)


def test_undo_withdraws_the_consents_that_came_with_the_import(
    tmp_path: Path, now: datetime
) -> None:
    source = SourceFactory()
    lines = [f"{n},{n},tea,Tea,1,2026-01-05 10:00,9.90,c{n}@example.com" for n in range(20)]
    row = _bring(tmp_path, source, now, *lines, demonstration=True)
    given = Event.objects.filter(kind=EventKind.CONSENT_GIVEN)
    assert given.exists()
    told = undo(row, now=now)
    withdrawn = Event.objects.filter(kind=EventKind.CONSENT_WITHDRAWN)
    assert told["consents_withdrawn"] == withdrawn.count() == given.count()
    assert {(e.customer_id, e.properties["purpose"], e.happened_at) for e in withdrawn} == {
        (e.customer_id, e.properties["purpose"], e.happened_at) for e in given
    }
    assert told["reasons"] == {
        "consent_on_record": given.count() + given.values("customer").distinct().count()
    }
    assert _adds_up(told, row)
    assert not Order.objects.exists()


def test_undo_deletes_what_was_computed_from_the_rows(tmp_path: Path, now: datetime) -> None:
    row = _bring(tmp_path, SourceFactory(), now)
    segment = Segment.objects.first() or Segment.objects.create(name="All", created_at=now)
    for customer in Customer.objects.all():
        Membership.objects.create(segment=segment, customer=customer, joined_at=now)
    assert undo(row, now=now)["kept"] == 0
    assert not Membership.objects.exists()


def test_only_a_finished_import_of_a_file_can_be_undone(now: datetime) -> None:
    report = ingest.load(batch(), source=SourceFactory(), now=now)
    with pytest.raises(NotUndoableError, match="no finished import of a file"):
        undo(Import.objects.get(pk=report.import_id), now=now)


def test_asked_undoing_is_done_once_by_the_worker(tmp_path: Path, now: datetime) -> None:
    row = _bring(tmp_path, SourceFactory(), now)
    assert undo_due(now=now) == 0
    ask(row)
    ask(row)
    assert (undo_due(now=now), undo_due(now=now)) == (1, 0)
    row.refresh_from_db()
    assert row.status == ImportStatus.UNDONE
    assert not Order.objects.exists()
    ask(row)
    assert undo_due(now=now) == 0


def test_undoing_that_fails_is_not_tried_for_ever(tmp_path: Path, now: datetime) -> None:
    row = _bring(tmp_path, SourceFactory(), now)
    del row.report["written_by"]
    row.save(update_fields=["report"])
    ask(row)
    assert (undo_due(now=now), undo_due(now=now)) == (1, 0)
    row.refresh_from_db()
    assert row.status == ImportStatus.FINISHED
    assert row.settings["undo"] != "asked"
    assert Order.objects.exists()


def test_what_cannot_be_undone_cannot_be_asked_for(now: datetime) -> None:
    row = Import.objects.create(source=SourceFactory(), started_at=now)
    with pytest.raises(NotUndoableError):
        ask(row)
