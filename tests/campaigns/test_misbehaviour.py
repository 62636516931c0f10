"""A mail server that misbehaves in every way we could think of, in the middle of a campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from campaigns import policy, queries, tasks
from campaigns.channels import smtp
from campaigns.channels.base import Verdict
from campaigns.enums import BounceClass, CampaignState, DeliveryState
from campaigns.models import Delivery
from consent.models import Suppression
from core import clock
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
SENT, DEFERRED, FAILED, UNKNOWN = (
    DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.FAILED, DeliveryState.UNKNOWN,
)  # fmt: skip
KEPT = True  # the server has the message, whatever it said

# What the server does -> what becomes of the message, and whether the server has it.
MISBEHAVIOURS = {
    "reply-550-5.1.1": (FAILED, not KEPT),
    "reply-553": (FAILED, not KEPT),
    "reply-lines-550-5.1.1": (FAILED, not KEPT),
    "data-552-5.2.2": (FAILED, not KEPT),
    "data-554-5.6.0": (FAILED, not KEPT),
    "data-lines-554-5.3.4": (FAILED, not KEPT),
    "nodata-554-5.5.1": (FAILED, not KEPT),
    "reply-450-4.2.1": (DEFERRED, not KEPT),
    "reply-451": (DEFERRED, not KEPT),
    "reply-452-4.2.2": (DEFERRED, not KEPT),
    "reply-lines-451-4.3.0": (DEFERRED, not KEPT),
    "reply-421-4.3.2": (DEFERRED, not KEPT),
    "data-451-4.3.0": (DEFERRED, not KEPT),
    "data-421-4.3.2": (DEFERRED, not KEPT),
    "nodata-451-4.3.0": (DEFERRED, not KEPT),
    "nodata-250": (DEFERRED, not KEPT),  # it does not wait for a message, whatever it believes
    "reply-354": (DEFERRED, not KEPT),
    "greylist": (DEFERRED, not KEPT),
    "reply-550-5.7.1": (DEFERRED, not KEPT),
    "reply-550-5.7.26": (DEFERRED, not KEPT),
    "data-550-5.7.28": (DEFERRED, not KEPT),
    "data-550-5.7.515": (DEFERRED, not KEPT),
    "reply-421-4.7.28": (DEFERRED, not KEPT),
    "drop-at-rcpt": (DEFERRED, not KEPT),
    "drop-at-data": (DEFERRED, not KEPT),
    "late-rcpt": (DEFERRED, not KEPT),
    "garbage-rcpt": (DEFERRED, not KEPT),
    "drop-mid": (UNKNOWN, not KEPT),  # all of it had left by then
    "drop-before": (UNKNOWN, not KEPT),
    "drop-after": (UNKNOWN, KEPT),
    "late-data": (UNKNOWN, KEPT),
    "garbage-data": (UNKNOWN, KEPT),
    "endless-data": (UNKNOWN, KEPT),
    "data-354": (UNKNOWN, not KEPT),  # not a word about the message
    "bytes-data": (SENT, KEPT),
    "bare-data": (SENT, KEPT),
    "feed-data": (SENT, KEPT),
    "reply-251-2.1.5": (SENT, KEPT),
    "drip": (SENT, KEPT),
}
ABOUT_US = {name for name in MISBEHAVIOURS if "-5.7." in name or "-4.7.28" in name}


@pytest.mark.parametrize(
    "server",
    [{}, {"pipelining": False}, {"extended": False}],
    ids=["pipelining", "one-by-one", "HELO"],
)
def test_every_misbehaviour_has_its_outcome_and_touches_nobody_else(
    start_sink: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, server: dict[str, bool]
) -> None:
    monkeypatch.setattr(smtp, "COMMAND_SECONDS", 0.25)
    monkeypatch.setattr(smtp, "AFTER_DOT_SECONDS", 0.25)
    clock.set_now(NOW)
    with start_sink(late=0.6, keep=0, **server) as sink:
        monkeypatch.setattr(settings, "SMTP_URL", sink.url)
        people = [name for script in MISBEHAVIOURS for name in (script, f"after-{script}")]
        campaign = running_campaign(*people, now=NOW)
        tasks.dispatch_due()
        campaign.refresh_from_db()
        assert campaign.state == CampaignState.RUNNING, campaign.note
        found = {
            row.customer.email.partition("@")[0]: row
            for row in Delivery.objects.select_related("customer")
        }
        received = Counter(address.partition("@")[0] for address in sink.recipients)
    states = {name: DeliveryState(found[name].state) for name in MISBEHAVIOURS}
    assert states == {name: state for name, (state, _) in MISBEHAVIOURS.items()}
    assert {name for name in MISBEHAVIOURS if received[name]} == {
        name for name, (_, kept) in MISBEHAVIOURS.items() if kept
    }
    others = [row for name, row in found.items() if name.startswith("after-")]
    assert {row.state for row in others} == {SENT}
    assert set(received.values()) == {1}
    assert {row.attempt for row in found.values()} == {1}  # no tight loop
    assert campaign.reputation_errors == len(ABOUT_US) == 5
    assert Suppression.objects.count() <= 2  # of the two addresses that do not exist
    assert sum(queries.counts_by_state(campaign).values()) == 2 * len(MISBEHAVIOURS)
    print(f"\n{len(MISBEHAVIOURS)} misbehaviours, {len(others)} others: all as in the table")


def test_no_misbehaviour_but_a_missing_address_suppresses_anybody() -> None:
    for name, (state, _) in MISBEHAVIOURS.items():
        if state == FAILED:
            enhanced = name.rpartition("-")[2] if name.count(".") else ""
            hard = policy.refusal_class(Verdict.PERMANENT, enhanced) == BounceClass.HARD
            assert hard == name.endswith("5.1.1")
