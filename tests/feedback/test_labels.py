from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from campaigns.enums import Arm, DeliveryState
from customers.enums import EventKind
from feedback import labels, outcomes
from tests.factories.customers import EventFactory, OrderFactory
from tests.factories.feedback import FROZEN_AT, FinishedCampaignFactory, deliver


pytestmark = pytest.mark.django_db


def test_training_rows_tell_the_whole_story_of_a_customer(now: datetime) -> None:
    campaign = FinishedCampaignFactory(discount_percent=10)
    delivery = deliver(campaign, Arm.TREATED, probability=0.85)
    OrderFactory(customer=delivery.customer, placed_at=FROZEN_AT + timedelta(days=2))
    for kind in (EventKind.CLICKED, EventKind.UNSUBSCRIBED):
        EventFactory(
            customer=delivery.customer,
            kind=kind,
            happened_at=FROZEN_AT + timedelta(days=1),
            campaign_id=campaign.pk,
        )
    outcomes.close_due(now=now)
    assert labels.training_rows(until=now).to_pylist() == [
        {
            "delivery_id": delivery.pk,
            "customer_id": delivery.customer_id,
            "campaign_id": campaign.pk,
            "round_number": 1,
            "frozen_at": int(FROZEN_AT.timestamp()),
            "treated": 1,
            "probability": 0.85,
            "ordered": 1,
            "orders": 1,
            "first_order_days": 2.0,
            "window_days": campaign.outcome_days,
            "margin_cents": 800,
            "revenue_cents": 2000,
            "profit_cents": 800 - 5 - 300,
            "unsubscribed": 1,
            "clicked": 1,
            "discount_percent": 10,
            "contact_cost_cents": 5,
            "unsubscribe_cost_cents": 300,
        }
    ]


def test_training_rows_count_as_treated_who_was_assigned_not_who_was_reached(now: datetime) -> None:
    campaign = FinishedCampaignFactory()
    deliver(campaign, Arm.TREATED, state=DeliveryState.FAILED, accepted_at=None)
    deliver(campaign, Arm.HOLDOUT)
    deliver(campaign, Arm.NOT_TARGETED)
    deliver(campaign, Arm.EXCLUDED)
    outcomes.close_due(now=now)
    assert labels.training_rows(until=now)["treated"].to_pylist() == [1, 0, 0]


def test_training_rows_know_only_windows_that_were_closed_then(now: datetime) -> None:
    deliver(FinishedCampaignFactory(outcome_days=10), Arm.TREATED)
    outcomes.close_due(now=now)
    deliver(FinishedCampaignFactory(outcome_days=30), Arm.TREATED)
    later = now + timedelta(days=5)
    outcomes.close_due(now=later)
    rounds = [
        labels.training_rows(until=until)["round_number"].to_pylist()
        for until in (now - timedelta(seconds=1), now, later)
    ]
    assert rounds == [[], [1], [1, 2]]


def test_training_rows_leave_out_the_erased(now: datetime) -> None:
    delivery = deliver(FinishedCampaignFactory(), Arm.TREATED)
    outcomes.close_due(now=now)
    delivery.customer.erased_at = now
    delivery.customer.save()
    assert labels.training_rows(until=now).num_rows == 0


def test_training_rows_of_nothing_keep_their_columns(now: datetime) -> None:
    table = labels.training_rows(until=now)
    assert table.num_rows == 0
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == labels.TYPES
