from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client

from campaigns import dispatch, handover, lifecycle, policy, queries, recommended, sweeper, tasks
from campaigns.channels.base import Letter
from campaigns.channels.smtp import SmtpChannel
from campaigns.enums import Arm, CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery, Link
from campaigns.tracking import click_url
from consent import gate, ledger
from consent.enums import Purpose, Refusal, SuppressionReason
from core import clock
from customers.models import Customer, Event
from tests.factories.campaigns import BODY, CampaignFactory, running_campaign
from tests.factories.consent import agree
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def at_later(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set_now(LATER)
    monkeypatch.setattr(settings, "SMTP_URL", settings.SMTP_URL or "smtp://127.0.0.1:1")


def states(campaign: Campaign) -> dict[str, int]:
    return {state: count for state, count in queries.counts_by_state(campaign).items() if count}


def row(local_part: str) -> Delivery:
    return Delivery.objects.get(customer__email=f"{local_part}@example.com")


def make_due() -> None:
    Delivery.objects.filter(state=DeliveryState.DEFERRED).update(next_attempt_at=NOW)


def test_a_campaign_runs_from_launch_to_finished(sink: Any) -> None:
    campaign = running_campaign(*(f"c{n}" for n in range(120)), now=NOW)
    assert tasks.dispatch_due(seconds=10) == 120
    campaign.refresh_from_db()
    assert (campaign.state, states(campaign)) == (CampaignState.FINISHED, {"SENT": 120})
    assert sorted(sink.recipients) == sorted(f"c{n}@example.com" for n in range(120))
    sent = {entry["message_id"] for entry in sink.received}
    assert sent == set(Delivery.objects.values_list("message_id", flat=True))
    delivered = Event.objects.filter(kind="DELIVERED", campaign_id=campaign.pk)
    assert set(delivered.values_list("delivery_id", flat=True)) == set(
        Delivery.objects.values_list("pk", flat=True)
    )
    accepted = row("c0").accepted_at
    assert accepted is not None
    assert LATER <= accepted < LATER + timedelta(minutes=1)
    assert delivered.get(delivery_id=row("c0").pk).happened_at == accepted
    assert list((settings.HOME / "journals").iterdir()) == []
    assert tasks.dispatch_due(seconds=10) == 0


def test_a_scheduled_campaign_waits_for_its_time(sink: Any) -> None:
    campaign = CampaignFactory()
    lifecycle.schedule(campaign, at=LATER + timedelta(hours=1), now=NOW)
    tasks.dispatch_due()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.SCHEDULED
    clock.set_now(LATER + timedelta(hours=2))
    tasks.dispatch_due()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.FINISHED  # an empty segment is done at once


def test_replies_become_states(sink: Any) -> None:
    campaign = running_campaign(
        "ok", "reply-550-5.1.1", "data-552-5.2.2", "reply-451", "drop-before", "drop-after",
        "reply-550-5.7.26", now=NOW,
    )  # fmt: skip
    tasks.dispatch_due()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.RUNNING
    assert {d.customer.email.split("@")[0]: d.state for d in Delivery.objects.all()} == {
        "ok": "SENT", "reply-550-5.1.1": "FAILED", "data-552-5.2.2": "FAILED", "reply-451": "DEFERRED",
        "drop-before": "UNKNOWN", "drop-after": "UNKNOWN", "reply-550-5.7.26": "DEFERRED",
    }  # fmt: skip
    assert campaign.reputation_errors == 1
    bounced = dict(
        Event.objects.filter(kind="BOUNCED").values_list("customer__email", "properties")
    )
    assert bounced == {
        "reply-550-5.1.1@example.com": {"class": "hard", "status": "5.1.1"},
        "data-552-5.2.2@example.com": {"class": "soft", "status": "5.2.2"},
    }
    assert row("reply-550-5.1.1").reply == "550 5.1.1 scripted"
    ledger.absorb(now=LATER)
    assert gate.refusal(row("reply-550-5.1.1").customer) == Refusal.SUPPRESSED
    for others in ("data-552-5.2.2", "reply-451", "reply-550-5.7.26"):
        assert gate.refusal(row(others).customer) is None


def test_a_deferred_message_is_tried_five_times_and_then_failed(sink: Any) -> None:
    campaign = running_campaign("reply-451", "greylist", now=NOW)
    for attempt in range(1, 6):
        tasks.dispatch_due()
        assert row("reply-451").attempt == attempt
        assert tasks.dispatch_due() == 0  # not before its time
        make_due()
    campaign.refresh_from_db()
    tasks.dispatch_due()
    campaign.refresh_from_db()
    assert (campaign.state, states(campaign)) == (
        CampaignState.FINISHED, {"SENT": 1, "FAILED": 1},
    )  # fmt: skip
    assert row("greylist").attempt == 2


def test_reputation_pauses_the_campaign_in_words_and_suppresses_nobody(sink: Any) -> None:
    names = [f"reply-550-5.7.1-{n}" for n in range(60)]
    campaign = running_campaign(*names, now=NOW)
    tasks.dispatch_due()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert "SPF" in campaign.note
    refused = policy.REPUTATION_BUDGET  # not the whole group
    assert states(campaign) == {"DEFERRED": refused, "PLANNED": 60 - refused}
    assert not Event.objects.filter(kind="BOUNCED").exists()
    lifecycle.resume(campaign, now=LATER)
    assert campaign.reputation_errors == 0


def test_an_unreachable_server_pauses_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(settings, "SMTP_URL", f"smtp://127.0.0.1:{taken.getsockname()[1]}")
        campaign = running_campaign("a", "b", now=NOW)
        tasks.dispatch_due()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert "cannot be reached" in campaign.note
    assert states(campaign) == {"PLANNED": 2}
    assert row("a").attempt == 0


@pytest.mark.parametrize(
    ("setting", "body", "note"),
    [("", BODY, "COTERIE_SMTP_URL"), ("smtp://127.0.0.1:1", "{% if %}", "cannot be made")],
)
def test_what_cannot_begin_is_paused_in_words(
    monkeypatch: pytest.MonkeyPatch, setting: str, body: str, note: str
) -> None:
    campaign = running_campaign("a", now=NOW)
    Campaign.objects.update(body_html=body)
    monkeypatch.setattr(settings, "SMTP_URL", setting)
    assert tasks.dispatch_due() == 0
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert note in campaign.note
    assert states(campaign) == {"PLANNED": 1}


def test_a_message_that_cannot_be_made_is_skipped_and_the_others_go_on(sink: Any) -> None:
    campaign = running_campaign("a", "b", "c", now=NOW)
    Customer.objects.filter(email="b@example.com").update(email="not an address")
    tasks.dispatch_due()
    campaign.refresh_from_db()
    assert (campaign.state, states(campaign)) == (
        CampaignState.FINISHED, {"SENT": 2, "SKIPPED": 1},
    )  # fmt: skip
    assert queries.skips_by_reason(campaign) == {"RENDER_ERROR": 1}
    assert "address" in Delivery.objects.get(reason="RENDER_ERROR").reply


def test_consent_is_asked_again_at_the_hand_over(sink: Any) -> None:
    campaign = running_campaign("withdrawn", "suppressed", "erased", "moved", "stays", now=NOW)
    people = {c.email.split("@")[0]: c for c in Customer.objects.all()}
    ledger.withdraw(
        customer=people["withdrawn"], purpose=Purpose.MARKETING, method="form", now=LATER
    )
    ledger.suppress(
        address_hmac=people["suppressed"].email_hmac, reason=SuppressionReason.COMPLAINT, now=LATER
    )
    Customer.objects.filter(pk=people["erased"].pk).update(erased_at=LATER)
    Customer.objects.filter(pk=people["moved"].pk).update(email="new@example.com")
    tasks.dispatch_due()
    assert sorted(sink.recipients) == ["new@example.com", "stays@example.com"]
    assert queries.skips_by_reason(campaign) == {"ERASED": 1, "SUPPRESSED": 1, "NO_CONSENT": 1}


def test_a_withdrawal_between_claim_and_intent_is_honoured(sink: Any) -> None:
    campaign = running_campaign("a", "b", now=NOW)
    claimed = handover.claim(campaign_id=campaign.pk, owner="me", limit=10)
    ledger.unsubscribe(customer_id=row("a").customer_id, method="one-click", now=LATER)
    intended = handover.intend(campaign_id=campaign.pk, owner="me", group=claimed, now=LATER)
    assert [i.recipient.email for i in intended] == ["b@example.com"]
    assert queries.skips_by_reason(campaign) == {"SUPPRESSED": 1}


def test_pausing_between_claim_and_intent_stops_everything(sink: Any) -> None:
    campaign = running_campaign("a", "b", now=NOW)
    claimed = handover.claim(campaign_id=campaign.pk, owner="me", limit=10)
    lifecycle.pause(campaign, now=LATER)
    assert handover.intend(campaign_id=campaign.pk, owner="me", group=claimed, now=LATER) == []
    assert handover.release(owner="me") == 2
    assert tasks.dispatch_due() == 0
    assert sink.received == []
    lifecycle.resume(campaign, now=LATER)
    tasks.dispatch_due()
    assert len(sink.received) == 2


def test_cancelling_skips_what_is_left(sink: Any) -> None:
    campaign = running_campaign("a", "b", now=NOW)
    handover.claim(campaign_id=campaign.pk, owner="me", limit=1)
    lifecycle.cancel(campaign, now=LATER)
    tasks.dispatch_due()
    assert queries.skips_by_reason(campaign) == {"CANCELLED": 2}
    assert sink.received == []


def test_who_lost_a_lease_can_neither_send_nor_write(sink: Any) -> None:
    campaign = running_campaign("a", now=NOW)
    old = handover.claim(campaign_id=campaign.pk, owner="old", limit=10)
    Delivery.objects.update(leased_until=NOW)
    assert sweeper.sweep(now=LATER, journals=settings.HOME / "journals") == 1
    new = handover.claim(campaign_id=campaign.pk, owner="new", limit=10)
    assert new[0].epoch == old[0].epoch + 1
    assert handover.intend(campaign_id=campaign.pk, owner="old", group=old, now=LATER) == []
    assert len(handover.intend(campaign_id=campaign.pk, owner="new", group=new, now=LATER)) == 1
    late = handover.Outcome(id=old[0].id, epoch=old[0].epoch, attempt=1)
    assert handover.mark(owner="old", outcomes=[late], now=LATER) == 0
    assert row("a").state == DeliveryState.SENDING


def test_a_sender_lost_with_its_journal_leaves_unknown(sink: Any) -> None:
    campaign = running_campaign("a", now=NOW)
    claimed = handover.claim(campaign_id=campaign.pk, owner="elsewhere", limit=10)
    handover.intend(campaign_id=campaign.pk, owner="elsewhere", group=claimed, now=LATER)
    assert tasks.sweep() == 0  # its lease is not over
    Delivery.objects.update(leased_until=NOW)
    assert tasks.sweep() == 1
    assert row("a").state == DeliveryState.UNKNOWN


def test_a_failure_of_the_sender_itself_is_recovered_from_its_journal(
    sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = running_campaign(*(f"c{n}" for n in range(10)), now=NOW)
    send, failing = SmtpChannel.send, "c4@example.com"

    def fail_once(channel: SmtpChannel, letter: Letter, **ahead: Any) -> str:
        nonlocal failing
        if letter.recipient == failing:
            failing = ""
            raise MemoryError
        return send(channel, letter, **ahead)

    monkeypatch.setattr(SmtpChannel, "send", fail_once)
    with suppress(MemoryError):
        tasks.dispatch_due()
    assert states(campaign) == {"SENDING": 10}
    assert tasks.sweep() == 10
    assert states(campaign) == {"SENT": 4, "UNKNOWN": 1, "PLANNED": 5}
    tasks.dispatch_due()
    assert states(campaign) == {"SENT": 9, "UNKNOWN": 1}
    assert len(set(sink.recipients)) == len(sink.recipients) == 9
    assert Event.objects.filter(kind="DELIVERED").count() == 9


def test_unsubscribing_by_the_header_of_a_real_message(sink: Any, client: Client) -> None:
    campaign = running_campaign("reader", "other", now=NOW)
    tasks.dispatch_due()
    raw = next(
        text for entry in sink.received if entry["recipient"] == "reader@example.com"
        for text in [(sink.sink.folder / "messages" / entry["file"]).read_text()]
    )  # fmt: skip
    address = raw.split("List-Unsubscribe: <")[1].split(">")[0]
    assert address.startswith(settings.PUBLIC_URL)
    clock.set_now(LATER + timedelta(minutes=5))
    response = client.post(
        address.removeprefix(settings.PUBLIC_URL), {"List-Unsubscribe": "One-Click"}
    )
    assert response.status_code == 200
    event = Event.objects.get(kind="UNSUBSCRIBED")
    assert (event.campaign_id, event.delivery_id) == (campaign.pk, row("reader").pk)
    following = CampaignFactory(segment=campaign.segment, holdout_share=0.0)
    lifecycle.launch(following, now=LATER)
    tasks.dispatch_due()
    assert queries.skips_by_reason(following) == {"SUPPRESSED": 1}
    assert sink.recipients.count("reader@example.com") == 1
    assert sink.recipients.count("other@example.com") == 2


# ------------------------------------------------------------------ clicks
@pytest.fixture
def clicked() -> Delivery:
    campaign = running_campaign("reader", now=NOW)
    agree(row("reader").customer, Purpose.CLICK_TRACKING)
    assert Link.objects.filter(campaign=campaign).count() == 2
    return row("reader")


def path(delivery: Delivery, number: int) -> str:
    return click_url(delivery.pk, number).removeprefix(settings.PUBLIC_URL)


def test_a_click_goes_on_and_is_noted_once(clicked: Delivery, client: Client) -> None:
    for _ in range(2):
        response = client.get(path(clicked, 1))
        assert (response.status_code, response["Location"]) == (
            302,
            "https://shop.example/tea?a=1&b=2",
        )
        assert not response.cookies
    event = Event.objects.get()
    assert (event.kind, event.delivery_id, event.campaign_id, event.properties) == (
        "CLICKED", clicked.pk, clicked.campaign_id, {"link": 1},
    )  # fmt: skip


def test_a_click_after_the_withdrawal_goes_on_and_is_not_noted(
    clicked: Delivery, client: Client
) -> None:
    ledger.withdraw(
        customer=clicked.customer, purpose=Purpose.CLICK_TRACKING, method="form", now=LATER
    )
    assert client.get(path(clicked, 2))["Location"] == "https://shop.example/cups"
    assert not Event.objects.exists()


def test_head_and_unknown_links_note_nothing(clicked: Delivery, client: Client) -> None:
    assert client.head(path(clicked, 1)).status_code == 302
    for wrong in ("/m/c/nonsense/1", path(clicked, 3), path(clicked, 1).replace("/m/c/", "/m/c/A")):
        assert client.get(wrong).status_code == 404
    assert client.post(path(clicked, 1)).status_code == 405
    assert not Event.objects.exists()


def test_links_in_messages_name_only_who_agreed(sink: Any) -> None:
    running_campaign("agreed", "silent", now=NOW, body_html=BODY)
    agree(row("agreed").customer, Purpose.CLICK_TRACKING)
    tasks.dispatch_due()
    tracked = {
        entry["recipient"]: b"/m/c/" in (sink.sink.folder / "messages" / entry["file"]).read_bytes()
        for entry in sink.received
    }
    assert tracked == {"agreed@example.com": True, "silent@example.com": False}


def test_the_arms_add_up_with_the_states(sink: Any) -> None:
    campaign = running_campaign(*(f"c{n}" for n in range(40)), now=NOW, holdout_share=0.5)
    tasks.dispatch_due()
    counts = queries.counts_by_state(campaign)
    assert sum(counts.values()) == campaign.audience == 40
    treated = Delivery.objects.filter(arm=Arm.TREATED).count()
    assert counts["SENT"] == treated == len(sink.received)


def test_run_stops_at_its_time_and_gives_back_the_rest(
    start_sink: Callable[..., Any], now: datetime, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "GROUP", 50)
    campaign = running_campaign(*(f"c{n}" for n in range(200)), now=NOW)
    with start_sink(delay=0.01) as server:
        done = dispatch.run(now=clock.now, seconds=0.8, channel_url=server.url, journals=home / "j")
        assert 50 <= done < 200
        assert states(campaign) == {"SENT": done, "PLANNED": 200 - done}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM campaigns_delivery WHERE owner <> ''")
        assert cursor.fetchone() == (0,)


def test_what_fails_after_the_intent_and_before_any_hand_over_comes_back(
    sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = running_campaign("a", "b", now=NOW)

    def broken(*args: Any) -> Any:
        raise OperationalError("the database went away while products were looked up")

    with monkeypatch.context() as patch:
        patch.setattr(recommended, "with_products", broken)
        with pytest.raises(OperationalError):
            tasks.dispatch_due(seconds=5)
    assert states(campaign) == {"SENDING": 2}
    assert tasks.sweep() == 2
    assert states(campaign) == {"PLANNED": 2}
    assert tasks.dispatch_due(seconds=5) == 2
    assert sorted(sink.recipients) == ["a@example.com", "b@example.com"]
