"""Two connections at once: who comes first is decided by locks in the database, not by luck."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from campaigns import audience, dispatch, handover, handover_lock, lifecycle, queries
from campaigns.enums import CampaignState, DeliveryState, SkipReason
from campaigns.models import Campaign, Delivery
from consent import gate, ledger
from consent.enums import Purpose, Refusal, SuppressionReason
from consent.models import ConsentState
from consent.public import choosing
from core import clock
from customers import identity
from customers.enums import MergeReason
from customers.models import Customer
from tests.factories.campaigns import CampaignFactory, running_campaign, segment_in_bulk
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(hours=1)
PATIENCE = 60.0  # seconds until something that must happen is given up; nothing is measured by it


@pytest.fixture(autouse=True)
def mail_server(sink: Any) -> None:
    """Launching needs one."""


class InThread(threading.Thread):
    """Runs something on a database connection of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self.work, self.result, self.error = work, None, None
        self.connection: Any = None
        self.start()

    def run(self) -> None:
        self.connection = connections[DEFAULT_DB_ALIAS]  # a thread's own
        try:
            self.result = self.work()
        except BaseException as error:  # noqa: BLE001 - raised again by end()
            self.error = error
        finally:
            connection.close()

    def is_waiting(self) -> bool:
        """Whether it comes to wait for a lock that somebody has; False when it ends instead."""
        until = time.monotonic() + PATIENCE
        while self.is_alive() and time.monotonic() < until:
            if self._waits():
                return True
            time.sleep(0.005)
        return False

    def _waits(self) -> bool:
        session = getattr(self.connection, "connection", None)
        if session is None or session.closed:
            return False
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %s AND NOT granted)",
                [session.info.backend_pid],
            )
            return bool(cursor.fetchone()[0])

    def end(self) -> Any:
        self.join(PATIENCE)
        assert not self.is_alive(), f"still at work after {PATIENCE:.0f} s"
        if self.error:
            raise self.error
        return self.result


def claimed(campaign: Campaign) -> Callable[[], list[handover.Intended]]:
    group = handover.claim(campaign_id=campaign.pk, owner="me", limit=10)
    return lambda: handover.intend(campaign_id=campaign.pk, owner="me", group=group, now=LATER)


def test_who_was_merged_since_the_freeze_is_not_mailed_before_their_consents_are_one() -> None:
    """The survivor had no address of their own: theirs is now that of somebody who withdrew."""
    campaign = running_campaign("a", "b", now=NOW)
    survivor = Delivery.objects.earliest("pk").customer
    Customer.objects.filter(pk=survivor.pk).update(email="", email_hmac="")
    gone = MailableFactory(email="gone@example.com")
    ledger.withdraw(customer=gone, purpose=Purpose.MARKETING, method="form", now=NOW)
    ledger.absorb(now=NOW)
    identity.merge(
        survivor=survivor, absorbed=gone, reason=MergeReason.STAFF, source=None, now=LATER
    )
    assert [row.recipient.email for row in claimed(campaign)()] == ["b@example.com"]
    assert queries.skips_by_reason(campaign) == {"JUST_MERGED": 1}


def test_intent_waits_for_a_withdrawal_that_has_not_committed() -> None:
    campaign = running_campaign("a", "b", now=NOW)
    intend = claimed(campaign)
    customer = Delivery.objects.earliest("pk").customer
    with transaction.atomic():
        ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=LATER)
        sender = InThread(intend)
        assert sender.is_waiting()
    assert [row.recipient.email for row in sender.end()] == ["b@example.com"]
    assert queries.skips_by_reason(campaign) == {"NO_CONSENT": 1}


def test_withdrawal_waits_for_an_intent_that_has_not_committed() -> None:
    campaign = running_campaign("a", now=NOW)
    intend = claimed(campaign)
    customer = Delivery.objects.get().customer
    with transaction.atomic():
        assert len(intend()) == 1
        withdrawal = InThread(
            lambda: ledger.unsubscribe(customer_id=customer.pk, method="one-click", now=LATER)
        )
        assert withdrawal.is_waiting()
    handover_lock.let_go(owner="me")
    assert withdrawal.end() is True


def unsubscribed(customer: Customer) -> bool:
    return ledger.unsubscribe(customer_id=customer.pk, method="one-click", now=LATER)


def suppressed(customer: Customer) -> None:
    ledger.suppress(address_hmac=customer.email_hmac, reason=SuppressionReason.COMPLAINT, now=LATER)


def restricted(customer: Customer) -> int:
    return Customer.objects.filter(pk=customer.pk).update(restricted_at=LATER)


def forgotten(customer: Customer) -> object:
    return ConsentState.objects.filter(customer=customer).delete()


@pytest.mark.parametrize("refuse", [unsubscribed, suppressed, restricted, forgotten])
def test_whoever_refuses_waits_until_the_group_with_their_message_has_left(
    refuse: Callable[[Customer], object],
) -> None:
    campaign = running_campaign("a", "b", now=NOW)
    intend = claimed(campaign)
    assert len(intend()) == 2
    refusal = InThread(lambda: refuse(Delivery.objects.earliest("pk").customer))
    assert refusal.is_waiting()
    handover_lock.let_go(owner="me")
    refusal.end()


def test_others_and_those_whose_sender_has_died_wait_for_nobody() -> None:
    campaign = running_campaign("a", "b", now=NOW)
    intend = claimed(campaign)
    assert len(intend()) == 2
    stranger = InThread(lambda: unsubscribed(MailableFactory(email="c@example.com")))
    assert stranger.end() is True
    connection.close()  # as when the process is killed
    assert InThread(lambda: unsubscribed(Delivery.objects.earliest("pk").customer)).end() is True


def test_a_mail_server_that_does_not_answer_keeps_nobody_from_withdrawing() -> None:
    campaign = running_campaign("a", now=NOW)
    intend = claimed(campaign)
    assert len(intend()) == 1
    assert InThread(lambda: unsubscribed(Delivery.objects.get().customer)).end() is True
    assert gate.refusal(Delivery.objects.get().customer) == Refusal.SUPPRESSED


def test_intent_sees_a_suppression_that_commits_while_it_waits() -> None:
    campaign = running_campaign("a", "b", now=NOW)
    intend = claimed(campaign)
    with transaction.atomic():
        suppressed(Delivery.objects.earliest("pk").customer)
        sender = InThread(intend)
        assert sender.is_waiting()
    assert [row.recipient.email for row in sender.end()] == ["b@example.com"]
    assert queries.skips_by_reason(campaign) == {"SUPPRESSED": 1}


def _sent_before(campaign: Campaign, customer: Customer) -> None:
    earlier = CampaignFactory(segment=campaign.segment, state=CampaignState.FINISHED)
    Delivery.objects.create(
        campaign=earlier, customer=customer, arm="TREATED", assignment_probability=1.0,
        state=DeliveryState.SENT, intent_at=NOW, accepted_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "pause", "reason"),
    [(None, timedelta(days=3), SkipReason.PAUSED), (1, None, SkipReason.FREQUENCY)],
)
@pytest.mark.parametrize("wished_before", [False, True])
def test_intent_waits_for_a_wish_that_has_not_committed(
    *, limit: int | None, pause: timedelta | None, reason: SkipReason, wished_before: bool
) -> None:
    campaign = running_campaign("a", "b", now=NOW, min_days_between=0)
    customer = Delivery.objects.earliest("pk").customer
    intend = claimed(campaign)
    _sent_before(campaign, customer)
    if wished_before:
        choosing.wish(customer, at_most_a_month=8, paused_until=None, now=NOW)
    with transaction.atomic():
        choosing.wish(
            customer, at_most_a_month=limit, paused_until=pause and LATER + pause, now=LATER
        )
        sender = InThread(intend)
        assert sender.is_waiting()
    assert [row.recipient.email for row in sender.end()] == ["b@example.com"]
    assert queries.skips_by_reason(campaign) == {reason: 1}


def test_a_wish_waits_for_an_intent_that_has_not_committed() -> None:
    campaign = running_campaign("a", now=NOW)
    intend = claimed(campaign)
    customer = Delivery.objects.get().customer
    until = LATER + timedelta(days=3)
    with transaction.atomic():
        assert len(intend()) == 1
        wish = InThread(
            lambda: choosing.wish(customer, at_most_a_month=None, paused_until=until, now=LATER)
        )
        assert wish.is_waiting()
    handover_lock.let_go(owner="me")
    wish.end()
    assert gate.refusal(customer) == Refusal.PAUSED


def test_intent_waits_for_a_pause_that_has_not_committed() -> None:
    campaign = running_campaign("a", now=NOW)
    intend = claimed(campaign)
    with transaction.atomic():
        lifecycle.pause(campaign, now=LATER)
        sender = InThread(intend)
        assert sender.is_waiting()
    assert sender.end() == []


def test_two_senders_at_once_send_nothing_twice(sink: Any) -> None:
    campaign = CampaignFactory(segment=segment_in_bulk(400), holdout_share=0.0)
    lifecycle.launch(campaign, now=NOW)
    senders = [
        InThread(
            lambda: dispatch.run(
                now=clock.now, seconds=20, channel_url=sink.url,
                journals=settings.HOME / "journals",
            )
        )
        for _ in range(2)
    ]  # fmt: skip
    assert sum(sender.end() for sender in senders) >= 400
    dispatch.finish(campaign, now=LATER)
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.FINISHED
    assert len(sink.recipients) == len(set(sink.recipients)) == 400
    assert queries.counts_by_state(campaign)["SENT"] == 400


def test_two_freezes_at_once_make_one_audience() -> None:
    campaign = CampaignFactory(segment=segment_in_bulk(300))
    lifecycle.launch(campaign, now=NOW)
    copies = [Campaign.objects.get(pk=campaign.pk) for _ in range(2)]
    freezes = [InThread(lambda copy=copy: audience.freeze(copy, now=LATER)) for copy in copies]
    assert sorted(freeze.end() for freeze in freezes) == [False, True]
    assert Delivery.objects.count() == 300
