"""F19: a database restored from an older backup sends nothing before what it has forgotten is replayed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from campaigns import handover, lifecycle, replaying, tasks
from campaigns.enums import Arm, CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from consent import gate, ledger
from consent.accountability import probing
from consent.desk import requests
from consent.enums import Purpose, Refusal, RequestKind, SuppressionReason
from consent.interlock import logbook
from core import clock
from customers.models import Customer
from tests import dumping
from tests.factories.campaigns import CampaignFactory, running_campaign
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW
from tests.factories.segmentation import segment_of


pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(hours=1)
AFTER = NOW + timedelta(hours=2)


@pytest.fixture
def backup(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Called for the first time it dumps the database, then it restores it."""
    made: list[Path] = []
    yield lambda: dumping.restore(tmp_path) if made else made.append(dumping.dump(tmp_path))
    connection.close()


@pytest.fixture(autouse=True)
def at_later() -> None:
    clock.set_now(LATER)


def customer(local_part: str) -> Customer:
    return Customer.objects.get(email=f"{local_part}@example.com")


def restored(**options: Any) -> dict[str, int]:
    out = StringIO()
    call_command("restored", json=True, stdout=out, **options)
    counts: dict[str, int] = json.loads(out.getvalue().strip().splitlines()[-1])
    return counts


def send_some(campaign: Campaign, count: int) -> None:
    """As a sender does until it is killed: the first `count` are handed over and marked."""
    before = Delivery.objects.filter(state=DeliveryState.SENT).count()
    rest = Delivery.objects.filter(campaign=campaign, state=DeliveryState.PLANNED).order_by("-pk")
    held = list(rest.values_list("pk", flat=True)[: rest.count() - count])
    Delivery.objects.filter(pk__in=held).update(next_attempt_at=clock.wall() + timedelta(days=1))
    tasks.dispatch_due(seconds=10)
    Delivery.objects.filter(pk__in=held).update(next_attempt_at=None)
    assert Delivery.objects.filter(state=DeliveryState.SENT).count() == before + count


def test_the_drill(sink: Any, backup: Callable[[], None]) -> None:
    names = [f"c{n:02}" for n in range(40)]
    campaign = running_campaign(*names, now=NOW)
    send_some(campaign, 5)
    backup()

    requests.carry_out(
        requests.ask(
            kind=RequestKind.ERASURE, customer=customer("c39"), requested_by="t", now=LATER
        ),
        now=LATER,
    )
    ledger.unsubscribe(customer_id=customer("c38").pk, method="one-click", now=LATER)
    ledger.withdraw(customer=customer("c37"), purpose=Purpose.MARKETING, method="form", now=LATER)
    ledger.suppress(
        address_hmac=customer("c36").email_hmac, reason=SuppressionReason.COMPLAINT, now=LATER
    )
    send_some(campaign, 10)
    assert sorted(sink.recipients) == [f"{name}@example.com" for name in names[:15]]

    backup()
    assert gate.refusal(customer("c38")) is None  # the backup has forgotten them all
    assert Delivery.objects.filter(state=DeliveryState.SENT).count() == 5
    clock.set_now(AFTER)
    assert tasks.dispatch_due(seconds=10) == 0
    assert len(sink.received) == 15
    assert logbook.blocked() == logbook.IS_OLDER

    counts = restored()
    assert counts["people erased"] == 1
    assert counts["messages marked as sent"] == 10
    assert counts["consents ended"] >= 2
    assert logbook.blocked() == ""
    tasks.dispatch_due(seconds=10)
    left = {"c36", "c37", "c38", "c39"}
    assert sorted(sink.recipients) == [f"{n}@example.com" for n in names if n not in left]
    assert gate.refusal(customer("c38")) == Refusal.SUPPRESSED
    assert gate.refusal(customer("c37")) == Refusal.NO_CONSENT
    assert not Customer.objects.filter(email="c39@example.com").exists()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.FINISHED
    assert restored_again() == "Nothing is missing: the database is as young as the logbook."


def restored_again() -> str:
    out = StringIO()
    call_command("restored", stdout=out)
    return out.getvalue().strip()


def test_a_campaign_that_began_after_the_backup_does_not_begin_anew(
    sink: Any, backup: Callable[[], None]
) -> None:
    people = [MailableFactory(email=f"c{n}@example.com") for n in range(6)]
    campaign = CampaignFactory(segment=segment_of(people), holdout_share=0.0)
    lifecycle.schedule(campaign, at=LATER, now=NOW)
    backup()
    tasks.dispatch_due(seconds=10)
    assert len(sink.received) == 6
    backup()
    tasks.dispatch_due(seconds=10)
    counts = restored()
    assert counts["campaigns cancelled that began after the backup"] == 1
    tasks.dispatch_due(seconds=10)
    assert len(sink.received) == 6
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.CANCELLED
    assert "6 messages had left" in campaign.note
    rows = Delivery.objects.filter(campaign=campaign)
    assert set(rows.values_list("state", "arm")) == {(DeliveryState.SENT, Arm.EXCLUDED)}


def test_a_campaign_that_the_backup_does_not_know_is_named(
    sink: Any, backup: Callable[[], None]
) -> None:
    MailableFactory(email="a@example.com")
    backup()
    campaign = running_campaign("b", "c", now=NOW)
    assert tasks.dispatch_due(seconds=10) == 2
    backup()
    said = restored_again()
    assert f"does not know ({campaign.salt}): 2 messages left between" in said
    assert "Do not send it again." in said


def test_a_message_without_an_answer_is_unknown_and_not_sent_again(
    sink: Any, backup: Callable[[], None]
) -> None:
    campaign = running_campaign("a", "b", now=NOW)
    backup()
    claimed = handover.claim(campaign_id=campaign.pk, owner="killed", limit=1)
    handover.intend(campaign_id=campaign.pk, owner="killed", group=claimed, now=LATER)
    backup()
    assert tasks.dispatch_due(seconds=10) == 0
    assert restored()["messages marked as unknown"] == 1
    tasks.dispatch_due(seconds=10)
    assert sink.recipients == ["b@example.com"]
    assert Delivery.objects.get(customer=customer("a")).state == DeliveryState.UNKNOWN


def test_a_restore_under_a_living_sender_is_found_at_the_next_group(
    backup: Callable[[], None], sink: Any
) -> None:
    campaign = running_campaign("a", "b", "c", now=NOW)
    backup()
    first = handover.claim(campaign_id=campaign.pk, owner="me", limit=1)
    assert handover.intend(campaign_id=campaign.pk, owner="me", group=first, now=LATER)
    backup()
    again = handover.claim(campaign_id=campaign.pk, owner="me", limit=3)
    with pytest.raises(logbook.BehindError):
        handover.intend(campaign_id=campaign.pk, owner="me", group=again, now=LATER)


def test_what_was_rolled_back_is_no_restore(sink: Any) -> None:
    campaign = running_campaign("a", "b", now=NOW)
    with pytest.raises(RuntimeError), gives_up():
        ledger.withdraw(customer=customer("a"), purpose=Purpose.PROFILING, method="form", now=LATER)
    assert logbook.blocked() == ""
    tasks.dispatch_due(seconds=10)
    assert len(sink.received) == 2
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.FINISHED


@contextmanager
def gives_up() -> Iterator[None]:
    with transaction.atomic():
        yield
        raise RuntimeError("written to the file, never committed")


def test_a_missing_file_is_named_and_nothing_is_sent(sink: Any, backup: Callable[[], None]) -> None:
    running_campaign("a", "b", now=NOW)
    ledger.withdraw(customer=customer("a"), purpose=Purpose.PROFILING, method="form", now=LATER)
    backup()
    for days in (40, 80):
        ledger.withdraw(
            customer=customer("a"), purpose=Purpose.PROFILING, method="form",
            now=LATER + timedelta(days=days),
        )  # fmt: skip
    lost = sorted(logbook.folder().glob("acts-*.log"))[1]
    lost.rename(lost.with_suffix(".elsewhere"))
    backup()
    assert tasks.dispatch_due(seconds=10) == 0
    with pytest.raises(CommandError, match=lost.name):
        restored()
    lost.with_suffix(".elsewhere").rename(lost)
    clock.set_now(LATER + timedelta(days=90))
    assert restored()["consents ended"] == 2
    assert tasks.dispatch_due(seconds=10) == 2


def test_without_its_logbook_a_database_sends_nothing(sink: Any, tmp_path: Path) -> None:
    running_campaign("a", now=NOW)
    ledger.withdraw(customer=customer("a"), purpose=Purpose.PROFILING, method="form", now=LATER)
    logbook.folder().rename(tmp_path / "elsewhere")
    assert tasks.dispatch_due(seconds=10) == 0
    with pytest.raises(CommandError, match="The logbook is missing"):
        restored()
    call_command("restored", without_logbook=True, stdout=StringIO())
    assert tasks.dispatch_due(seconds=10) == 1
    assert sink.recipients == ["a@example.com"]


def test_the_hourly_probe_withdraws_for_nobody(backup: Callable[[], None], sink: Any) -> None:
    running_campaign("a", now=NOW)
    backup()
    assert probing.run(now=LATER).failed == ""
    ledger.withdraw(customer=customer("a"), purpose=Purpose.RESEARCH, method="form", now=LATER)
    backup()
    assert restored() == {"consents ended": 1}


def test_the_last_words_of_each_message_count_whatever_portion_it_is_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")
    monkeypatch.setattr(replaying, "PORTION", 2)
    names = ("sent", "refused", "silent", "later", "again", "never")
    campaign = running_campaign(*names, now=NOW)
    rows = {row.customer.email.split("@")[0]: row for row in campaign.deliveries.all()}

    def handed(*who: str, salt: str = campaign.salt) -> dict[str, Any]:
        told = [
            [rows[one].pk, rows[one].customer_id, rows[one].customer.email_hmac[:22]] for one in who
        ]
        return {"at": LATER.isoformat(), "s": salt, "d": told}

    def answered(state: str, *who: str) -> dict[str, Any]:
        return {
            "at": AFTER.isoformat(),
            "s": campaign.salt,
            "a": {state: [rows[one].pk for one in who]},
        }

    lines = [
        {"begins": NOW.isoformat(), "at": NOW.isoformat()},
        answered("SENT", "never"),  # of a hand-over that a file before told of: not known here
        handed("sent", "refused", "silent", "later", "again"),
        answered("DEFERRED", "again"),
        handed("again"),
        answered("SENT", "sent", "again"), answered("FAILED", "refused"), answered("DEFERRED", "later"),
        handed("sent", "silent", salt="gone"),
    ]  # fmt: skip
    for _ in range(2):
        replayed = replaying.replay(iter(lines), now=AFTER)
        assert {name: Delivery.objects.get(pk=row.pk).state for name, row in rows.items()} == {
            "sent": "SENT", "again": "SENT", "refused": "FAILED", "silent": "UNKNOWN",
            "later": "PLANNED", "never": "PLANNED",
        }  # fmt: skip
        (unknown,) = replayed.unknown
        assert (unknown.salt, unknown.messages, unknown.first_at) == ("gone", 2, LATER)
