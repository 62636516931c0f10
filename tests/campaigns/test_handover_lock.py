"""What could make a withdrawal fail, or a message leave after it, although the lock is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from campaigns import (
    dispatch,
    handover,
    handover_lock,
    holding,
    lifecycle,
    limits,
    policy,
    recommended,
)
from campaigns.audience import freeze
from campaigns.channels.base import ChannelError, Letter, Verdict
from campaigns.enums import CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from campaigns.returns import recording
from consent import ledger
from consent.enums import SuppressionReason
from consent.models import Suppression
from consent.public import choosing
from core import clock
from customers.models import Customer
from tests.campaigns.test_races import LATER, PATIENCE, InThread, claimed
from tests.factories.campaigns import CampaignFactory, running_campaign
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW
from tests.factories.segmentation import segment_of


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def mail_server(sink: Any) -> None:
    """Launching needs one."""


def unsubscribed(customer: Customer) -> bool:
    return ledger.unsubscribe(customer_id=customer.pk, method="one-click", now=LATER)


def bounced(customer: Customer) -> None:
    ledger.suppress(
        address_hmac=customer.email_hmac, reason=SuppressionReason.HARD_BOUNCE, now=LATER
    )


@pytest.mark.parametrize("first", [unsubscribed, bounced])
def test_two_of_one_address_who_refuse_at_once_take_turns(
    first: Callable[[Customer], object],
) -> None:
    people = [MailableFactory(email="same@example.com") for _ in range(2)]
    with transaction.atomic():
        first(people[0])
        other = InThread(lambda: unsubscribed(people[1]))
        assert other.is_waiting()
        assert first(people[0]) in {False, None}  # has all that it needs
    assert other.end() is True
    assert Suppression.objects.count() == 1


def test_bounces_of_one_group_take_the_consents_in_the_order_of_a_hand_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = running_campaign("reply-550-a", "reply-550-b", now=NOW)
    other = CampaignFactory(segment=campaign.segment, holdout_share=0.0, min_days_between=0)
    lifecycle.launch(other, now=NOW)
    assert freeze(other, now=NOW)
    intend = claimed(other)
    begun, go_on = threading.Event(), threading.Event()
    record_all = recording.record_all

    def slowly(incoming: Any, *, now: Any) -> int:
        begun.set()
        assert go_on.wait(PATIENCE)
        return record_all(incoming, now=now)

    monkeypatch.setattr(recording, "record_all", slowly)
    sender = InThread(lambda: run(settings.SMTP_URL, settings.HOME / "j"))
    assert begun.wait(PATIENCE)
    second = InThread(intend)
    assert second.is_waiting()
    go_on.set()
    sender.end()
    second.end()


def run(url: str, journals: Path, *, seconds: float = 20) -> int:
    return dispatch.run(now=clock.now, seconds=seconds, channel_url=url, journals=journals)


def test_one_silent_sender_keeps_nobody_from_waiting_for_another() -> None:
    campaign = running_campaign("a", "b", now=NOW)
    first, second = (
        handover.claim(campaign_id=campaign.pk, owner=owner, limit=1) for owner in ("x", "y")
    )
    for owner, group in (("x", first), ("y", second)):
        handover.intend(campaign_id=campaign.pk, owner=owner, group=group, now=LATER)
    people = [delivery.customer for delivery in Delivery.objects.order_by("pk")]

    def both() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('coterie.silent_senders', ' x ', true)")
            unsubscribed(people[0])
            unsubscribed(people[1])

    refusals = InThread(both)
    assert refusals.is_waiting()
    handover_lock.let_go(owner="y")
    refusals.end()
    handover_lock.let_go(owner="x")


def test_a_pause_waits_for_the_group_and_a_wish_for_nothing_does_not() -> None:
    campaign = running_campaign("a", now=NOW)
    claimed(campaign)()
    customer = Delivery.objects.get().customer
    until = LATER + timedelta(days=3)

    def wish(pause: Any) -> Callable[[], None]:
        return lambda: choosing.wish(customer, at_most_a_month=None, paused_until=pause, now=LATER)

    InThread(wish(None)).end()
    pause = InThread(wish(until))
    assert pause.is_waiting()
    handover_lock.let_go(owner="me")
    pause.end()


def test_a_bounce_of_the_address_a_message_is_going_to_waits_whatever_they_have_now() -> None:
    campaign = running_campaign("a", now=NOW)
    claimed(campaign)()
    customer = Delivery.objects.get().customer
    old = customer.email_hmac
    Customer.objects.filter(pk=customer.pk).update(email="new@example.com", email_hmac="n" * 64)
    stop = InThread(
        lambda: ledger.suppress(address_hmac=old, reason=SuppressionReason.HARD_BOUNCE, now=LATER)
    )
    assert stop.is_waiting()
    handover_lock.let_go(owner="me")
    stop.end()


def test_grants_are_not_renewed_while_somebody_holds_the_limits_and_waits(
    settings: Any,
) -> None:
    """That one may wait for a withdrawal, and the withdrawal for us."""
    settings.SEND_LIMITS = "* 1000/s"
    customer = MailableFactory(email="x@example.com")
    campaigns = []
    for _ in range(2):
        made = CampaignFactory(
            segment=segment_of([customer]), holdout_share=0.0, min_days_between=0
        )
        lifecycle.launch(made, now=NOW)
        assert freeze(made, now=NOW)
        campaigns.append(made)
    (ours,) = claimed(campaigns[0])()
    assert ours.until
    others = handover.claim(campaign_id=campaigns[1].pk, owner="other", limit=10)
    withdrawal = InThread(lambda: unsubscribed(customer))
    assert withdrawal.is_waiting()

    def intend() -> Sequence[handover.Intended]:
        try:
            return handover.intend(
                campaign_id=campaigns[1].pk, owner="other", group=others, now=LATER
            )
        finally:
            handover_lock.let_go(owner="other")

    second = InThread(intend)
    assert second.is_waiting()
    (none,) = limits.renew(holding.rules().limits, {ours.id: ours.until}).values()
    assert none.keys == ()
    assert withdrawal.is_alive()
    handover_lock.let_go(owner="me")
    assert withdrawal.end() is True
    assert second.end() == []


def test_no_message_is_begun_long_after_its_intent(
    sink: Any, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(dispatch, "HANDOVER_SECONDS", 0.1)
    monkeypatch.setattr(dispatch, "LATEST_SECONDS", 0.3)
    campaign = running_campaign("a", "b", "c", now=NOW)
    asked: list[int] = []

    def slow(template: Any, intended: Sequence[Any]) -> Sequence[Any]:
        asked.append(len(intended))
        threading.Event().wait(0.4)
        return intended

    monkeypatch.setattr(recommended, "with_products", slow)
    run(sink.url, home / "j")
    campaign.refresh_from_db()
    assert sink.recipients == []
    assert asked[0] == 3
    assert asked[-1] == 1
    assert campaign.state == CampaignState.PAUSED
    assert "took" in campaign.note
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.PLANNED}


def test_a_group_that_takes_too_long_goes_back_and_leaves_with_the_next(
    start_sink: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those whose envelope the server has already."""
    monkeypatch.setattr(dispatch, "HANDOVER_SECONDS", 0.05)
    campaign = running_campaign(*(f"c{n}" for n in range(60)), now=NOW)
    with start_sink(delay=0.01) as server:
        run(server.url, home / "j", seconds=30)
    assert Delivery.objects.filter(campaign=campaign, state=DeliveryState.SENT).count() == 60
    assert sorted(server.recipients) == sorted(f"c{n}@example.com" for n in range(60))


def test_a_server_slow_over_the_envelope_is_not_given_the_message(
    start_sink: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(dispatch, "LATEST_SECONDS", 0.3)
    with start_sink(late=0.6, pipelining=False) as server:
        campaign: Campaign = running_campaign("late-rcpt", now=NOW)
        run(server.url, home / "j", seconds=1)
        assert server.recipients == []
    (delivery,) = Delivery.objects.filter(campaign=campaign)
    assert delivery.state == DeliveryState.DEFERRED
    assert "too long" in delivery.reply


class Blocked:
    """A server that says in words alone that it is about us."""

    def connect(self) -> None:
        return

    def send(self, letter: Letter, **_: Any) -> str:
        raise ChannelError(
            "550 Message rejected: your IP is listed by Spamhaus, blocked",
            verdict=Verdict.PERMANENT,
        )

    def close(self) -> None:
        return


def test_refusals_told_in_words_stop_a_group_as_codes_do(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "open_channel", lambda _: Blocked())
    campaign = running_campaign(*(f"c{n}" for n in range(60)), now=NOW)
    run("blocked://", home / "j")
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert campaign.reputation_errors == policy.REPUTATION_BUDGET
    assert (
        Delivery.objects.filter(state=DeliveryState.PLANNED).count()
        == 60 - policy.REPUTATION_BUDGET
    )


def test_nothing_stays_held_when_giving_back_was_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = running_campaign("a", now=NOW)
    claimed(campaign)()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(handover_lock.statements, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            handover_lock.let_go(owner="me")
    handover_lock.let_go(owner="me")
    assert InThread(lambda: unsubscribed(Delivery.objects.get().customer)).end() is True
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
               WHERE locktype = 'advisory' AND granted AND datname = current_database()"""
        )
        assert cursor.fetchone() == (0,)
