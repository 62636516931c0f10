"""Soft bounces: what they add up to, and in which order their addresses are locked."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import handover
from campaigns.channels.base import Verdict
from campaigns.enums import BounceClass, ReportKind
from campaigns.handover import Outcome
from campaigns.journal import Reply
from campaigns.models import Delivery
from campaigns.returns import recording
from campaigns.returns.recording import Incoming
from consent.enums import SuppressionReason
from consent.models import Suppression
from tests.campaigns.returns.test_recording import LATER, mail_server, reasons, sent
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mail_server")]
__all__ = ["mail_server"]


def test_soft_bounces_on_five_days_suppress_and_an_outage_of_one_day_does_not() -> None:
    (delivery,) = sent("full")
    for number in range(9):
        soft(delivery, at=NOW - timedelta(days=30, minutes=number))
    for day in range(1, 5):
        soft(delivery, at=NOW - timedelta(days=day))
    assert reasons() == {}
    soft(delivery, at=NOW - timedelta(days=8))
    assert reasons() == {delivery.customer.email_hmac: SuppressionReason.SOFT_BOUNCES}


def _locked(captured: CaptureQueriesContext) -> list[str]:
    """The addresses of soft bounces in the order in which they were locked."""
    pattern = r"pg_advisory_xact_lock\(\d+, hashtext\('(\w+)'\)"
    return [found[1] for one in captured if (found := re.search(pattern, one["sql"]))]


def test_addresses_of_soft_bounces_are_locked_in_one_order() -> None:
    campaign = running_campaign(*(f"c{n}" for n in range(8)), now=NOW)
    group = handover.claim(campaign_id=campaign.pk, owner="me", limit=100)
    rows = handover.intend(campaign_id=campaign.pk, owner="me", group=group, now=LATER)
    refused = [
        Outcome(id=row.id, epoch=row.epoch, attempt=row.attempt, reply=Reply(
            delivery_id=row.id, epoch=row.epoch, verdict=Verdict.PERMANENT, reply="552 5.2.2 full",
            enhanced="5.2.2", at=LATER,
        ))
        for row in rows
    ]  # fmt: skip
    with CaptureQueriesContext(connection) as captured:
        assert handover.mark(owner="me", outcomes=refused, now=LATER) == 8
    assert len(_locked(captured)) == 8
    assert _locked(captured) == sorted(_locked(captured))


def test_addresses_of_soft_bounces_that_waited_are_locked_in_the_same_order() -> None:
    deliveries = sent(*(f"c{n}" for n in range(8)))
    for delivery in deliveries:
        incoming = Incoming(
            source="postmark", identity=f"early {delivery.pk}", kind=ReportKind.BOUNCED,
            bounce=BounceClass.SOFT, status="4.2.2", provider_number=f"n{delivery.pk}",
            address=delivery.customer.email, happened_at=LATER,
        )  # fmt: skip
        recording.record(incoming, now=LATER)
        Delivery.objects.filter(pk=delivery.pk).update(reply=f"accepted as n{delivery.pk}")
    with CaptureQueriesContext(connection) as captured:
        assert recording.match_waiting(now=LATER) == 8
    # deliveries and consents are locked before, once for all
    assert sum("FOR NO KEY UPDATE" in one["sql"] for one in captured) == 2
    assert len(_locked(captured)) == 8
    assert _locked(captured) == sorted(_locked(captured))


def test_soft_bounces_before_staff_lifted_the_suppression_do_not_count_again() -> None:
    (delivery,) = sent("full")
    for day in range(10, 15):
        soft(delivery, at=NOW - timedelta(days=day))
    assert reasons()
    Suppression.objects.update(lifted_at=NOW - timedelta(days=9))
    for day in range(5, 9):
        soft(delivery, at=NOW - timedelta(days=day))
    assert reasons() == {}
    soft(delivery, at=NOW - timedelta(days=4))
    assert reasons() == {delivery.customer.email_hmac: SuppressionReason.SOFT_BOUNCES}


def soft(delivery: Delivery, *, at: datetime) -> None:
    incoming = Incoming(
        source="dsn", identity=f"{delivery.pk} {at}", kind=ReportKind.BOUNCED,
        bounce=BounceClass.SOFT, status="5.2.2", delivery_id=delivery.pk, happened_at=at,
    )  # fmt: skip
    recording.record(incoming, now=LATER)
