"""The files outside the database; tests/campaigns/test_restored.py is the drill with a real backup."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from campaigns import handover
from consent import ledger
from consent.enums import Act, Purpose, SuppressionReason
from consent.interlock import logbook, reading, replaying
from consent.interlock.logbook_models import LogbookMark
from consent.models import ConsentEvent, Suppression
from customers.models import Customer
from tests.factories.campaigns import running_campaign
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(hours=1)


def withdraws(customer: Customer, *, days: int = 0) -> None:
    at = LATER + timedelta(days=days)
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=at)


def test_an_act_is_on_the_disk_before_and_its_commit_after(home: Path) -> None:
    customer = MailableFactory()
    with transaction.atomic():
        withdraws(customer)
        (act,) = reading.read().acts
        assert (act["act"], act["customer"], act["purpose"]) == ("ENDED", customer.pk, "MARKETING")
        assert reading.read().committed == {}
    assert set(reading.read().committed) == {act["t"]}
    assert logbook.folder() == home / "logbook"


def test_no_file_has_an_address() -> None:
    customer = MailableFactory(email="ada@example.com", external_id="ada@example.com")
    withdraws(customer)
    ledger.unsubscribe(customer_id=customer.pk, method="one-click", now=LATER)
    ledger.suppress(
        address_hmac=customer.email_hmac, reason=SuppressionReason.MANUAL, detail="x", now=LATER
    )
    text = "".join(path.read_text() for path in logbook.folder().iterdir())
    assert customer.email_hmac in text
    assert "@" not in text
    assert {path.stat().st_mode & 0o077 for path in logbook.folder().glob("*.log")} == {0}


def test_what_cannot_be_written_down_does_not_happen(
    home: Path, monkeypatch: pytest.MonkeyPatch, settings_smtp: None
) -> None:
    campaign = running_campaign("a", now=NOW)
    customer = Customer.objects.get()
    (home / "a file").touch()
    monkeypatch.setattr(settings, "LOGBOOK", str(home / "a file" / "logbook"))
    with pytest.raises(OSError, match="Not a directory"):
        withdraws(customer)
    with pytest.raises(OSError, match="Not a directory"):
        ledger.suppress(
            address_hmac=customer.email_hmac, reason=SuppressionReason.MANUAL, now=LATER
        )
    claimed = handover.claim(campaign_id=campaign.pk, owner="me", limit=1)
    with pytest.raises(OSError, match="Not a directory"):
        handover.intend(campaign_id=campaign.pk, owner="me", group=claimed, now=LATER)
    assert not ConsentEvent.objects.exclude(act=Act.GRANTED).exists()
    assert not Suppression.objects.exists()


@pytest.fixture
def settings_smtp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")


def test_a_torn_line_spoils_no_other_and_is_not_passed_over(home: Path) -> None:
    customer = MailableFactory()
    withdraws(customer)
    (path,) = logbook.folder().glob("acts-*.log")
    with path.open("ab") as file:
        file.write(b'\n{"t": "0123", "at": "2026-')
    withdraws(customer, days=1)
    told = reading.read()
    assert (len(list(told.acts)), told.damaged) == (2, 1)
    assert logbook.blocked() == ""
    LogbookMark.objects.order_by("-pk").first().delete()  # type: ignore[union-attr]
    assert logbook.missing(told.committed)
    with pytest.raises(replaying.ReplayError, match="1 lines of"):
        replaying.find()
    assert len(replaying.find(despite_damage=True).acts) == 1


def test_files_older_than_any_backup_go_and_the_gap_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "BACKUP_DAYS", 40)
    customer = MailableFactory()
    for days in (0, 31, 62, 92):
        withdraws(customer, days=days)
    files = sorted(logbook.folder().glob("acts-*.log"))
    for days, path in zip((0, 31, 62, 92), files, strict=True):
        moment = (LATER + timedelta(days=days)).timestamp()
        os.utime(path, (moment, moment))
    assert reading.read().begins is None
    assert logbook.tidy(now=LATER + timedelta(days=92)) == 1
    told = reading.read()
    assert (told.begins, told.lost) == (LATER + timedelta(days=31), files[0].name)
    assert logbook.blocked() == ""
    # the marks of what is long past are gone, and not taken for a restore
    logbook.open_again()
    assert LogbookMark.objects.count() == 2
    assert logbook.blocked() == ""


def test_an_act_outside_a_transaction_is_an_error() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        logbook.enter([{"act": "ENDED"}], now=NOW)


def test_a_process_that_noted_nothing_for_days_is_no_restore() -> None:
    customer = MailableFactory()
    withdraws(customer)
    logbook.tidy(now=LATER + timedelta(days=8))  # the mark that this process has seen last goes
    withdraws(customer, days=8)
    assert logbook.blocked() == ""
    assert LogbookMark.objects.exclude(token=logbook.HORIZON).count() == 1


def test_after_the_replay_a_process_from_before_it_goes_on() -> None:
    with transaction.atomic():
        token = logbook.step(now=LATER)  # of a group in which nobody was left: no file knows it
    LogbookMark.objects.filter(token=token).delete()  # as a backup from before it
    with pytest.raises(logbook.BehindError), transaction.atomic():
        logbook.step(now=LATER)
    (logbook.folder() / logbook.SHUT).unlink()  # as manage.py restored, a process of its own, does
    with transaction.atomic():
        logbook.step(now=LATER)
    assert logbook.blocked() == ""


def test_an_act_waits_for_the_disk_whoever_notes_it() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO OFF")
        logbook.enter([{"act": "ENDED"}], now=LATER)
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)


def test_without_the_old_logbook_who_lived_before_goes_on() -> None:
    with transaction.atomic():
        logbook.step(now=LATER)
    shutil.rmtree(logbook.folder())
    last = logbook._seen.last
    replaying.begin_anew()  # as manage.py restored does, a process of its own
    logbook._seen.last = last
    with transaction.atomic():
        logbook.step(now=LATER)
    assert logbook.blocked() == ""
