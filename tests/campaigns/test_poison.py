"""People whose data is poison: they are named, and everybody else gets their message."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import lifecycle, queries, tasks
from campaigns.enums import CampaignState, DeliveryState
from campaigns.models import Delivery
from core import clock
from customers.models import Customer
from tests.factories.campaigns import CampaignFactory, segment_in_bulk
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
PEOPLE = 1000
NO_ADDRESSES = [
    "not an address", "a@example.com\r\nRCPT TO:<b@example.com>", "<a@example.com>",
    "a@example.com, b@example.com", " ", "a" * 250 + "@",
]  # fmt: skip
NAMES = [
    "Ada\r\nBcc: everybody@example.com", "\u202eevil", "{{ customer.email }}", "<script>", "x" * 150,
    "\ufeff", "\U0001f600" * 60, "=?utf-8?q?=41?=",
]  # fmt: skip


def test_one_percent_of_poison_spoils_nothing_else(sink: Any) -> None:
    campaign = CampaignFactory(segment=segment_in_bulk(PEOPLE), holdout_share=0.0)
    people = list(Customer.objects.order_by("pk")[: 60 * (len(NO_ADDRESSES) + len(NAMES)) : 60])
    for person, address in zip(people, NO_ADDRESSES, strict=False):
        Customer.objects.filter(pk=person.pk).update(email=address)
    for person, name in zip(people[len(NO_ADDRESSES) :], NAMES, strict=True):
        Customer.objects.filter(pk=person.pk).update(first_name=name)
    clock.set_now(NOW)
    lifecycle.launch(campaign, now=NOW)
    tasks.dispatch_due()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.FINISHED, campaign.note
    states = {state: count for state, count in queries.counts_by_state(campaign).items() if count}
    spoiled = Delivery.objects.filter(state=DeliveryState.SKIPPED, reason="RENDER_ERROR")
    assert set(spoiled.values_list("customer", flat=True)) == {
        person.pk for person in people[: len(NO_ADDRESSES)]
    }
    assert states == {"SENT": PEOPLE - len(NO_ADDRESSES), "SKIPPED": len(NO_ADDRESSES)}
    assert len(set(sink.recipients)) == len(sink.recipients) == states["SENT"]
    assert not any(address.startswith(("b@", "everybody@")) for address in sink.recipients)
    print(f"\n{len(people)} poisoned of {PEOPLE}: {states}")
