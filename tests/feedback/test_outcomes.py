from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection

from campaigns.enums import Arm, CampaignState, DeliveryState
from campaigns.models import Delivery
from customers.enums import EventKind, OrderStatus
from customers.models import Refund
from feedback import outcomes
from feedback.models import LiftEstimate, Outcome, OutcomeWindow
from tests.factories.customers import EventFactory, OrderFactory, SourceFactory
from tests.factories.feedback import FROZEN_AT, FinishedCampaignFactory, deliver


pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def event(delivery: Delivery, kind: str, *, at: datetime, campaign_id: int | None = None) -> None:
    EventFactory(
        customer=delivery.customer,
        kind=kind,
        happened_at=at,
        campaign_id=campaign_id or delivery.campaign_id,
        delivery_id=delivery.pk,
    )


def outcome_of(delivery: Delivery) -> Outcome:
    return Outcome.objects.get(delivery=delivery)


def test_close_due_gives_everybody_of_the_experiment_an_outcome(now: datetime) -> None:
    campaign = FinishedCampaignFactory()
    experiment = [deliver(campaign, arm) for arm in (Arm.TREATED, Arm.HOLDOUT, Arm.NOT_TARGETED)]
    deliver(campaign, Arm.EXCLUDED)
    (window,) = outcomes.close_due(now=now)
    assert (window.customers, window.round_number, window.closed_at) == (3, 1, now)
    assert set(Outcome.objects.values_list("delivery_id", flat=True)) == {d.pk for d in experiment}


def test_close_due_counts_what_happened_in_the_window_and_nothing_else(now: datetime) -> None:
    campaign = FinishedCampaignFactory(outcome_days=14)
    delivery = deliver(campaign, Arm.TREATED)
    for placed_at, status in (
        (FROZEN_AT - timedelta(seconds=1), OrderStatus.PLACED),
        (FROZEN_AT, OrderStatus.PLACED),
        (FROZEN_AT + 3 * DAY, OrderStatus.CANCELLED),
        (FROZEN_AT + 14 * DAY - timedelta(seconds=1), OrderStatus.PLACED),
        (FROZEN_AT + 14 * DAY, OrderStatus.PLACED),
    ):
        OrderFactory(customer=delivery.customer, placed_at=placed_at, status=status)
    outcomes.close_due(now=now)
    outcome = outcome_of(delivery)
    assert (outcome.orders, outcome.revenue_cents, outcome.margin_cents) == (2, 4000, 1600)
    assert outcome.profit_cents == 1600 - 5


def test_close_due_charges_what_a_message_and_an_unsubscribe_cost(now: datetime) -> None:
    campaign = FinishedCampaignFactory(contact_cost_cents=5, unsubscribe_cost_cents=300)
    other = FinishedCampaignFactory(frozen_at=None, state=CampaignState.DRAFT)
    sent = deliver(campaign, Arm.TREATED)
    left = deliver(campaign, Arm.TREATED)
    event(left, EventKind.UNSUBSCRIBED, at=FROZEN_AT + DAY)
    left_elsewhere = deliver(campaign, Arm.TREATED)
    event(left_elsewhere, EventKind.UNSUBSCRIBED, at=FROZEN_AT + DAY, campaign_id=other.pk)
    left_late = deliver(campaign, Arm.TREATED)
    event(left_late, EventKind.UNSUBSCRIBED, at=FROZEN_AT + 14 * DAY)
    withdrawn_before = deliver(
        campaign, Arm.TREATED, state=DeliveryState.SKIPPED, reason="NO_CONSENT", accepted_at=None
    )
    held_out = deliver(campaign, Arm.HOLDOUT)
    outcomes.close_due(now=now)
    profits = [
        outcome_of(d).profit_cents
        for d in (sent, left, left_elsewhere, left_late, withdrawn_before, held_out)
    ]
    assert profits == [-5, -305, -5, -5, 0, 0]


def test_close_due_nets_refunds(now: datetime) -> None:
    campaign = FinishedCampaignFactory(contact_cost_cents=0)

    def refunded(*, days: float, order_days: float | None, amount: int = 1000) -> Delivery:
        delivery = deliver(campaign, Arm.TREATED)
        order = OrderFactory(customer=delivery.customer, placed_at=FROZEN_AT + DAY)
        earlier = OrderFactory(customer=delivery.customer, placed_at=FROZEN_AT - DAY)
        Refund.objects.create(
            source=order.source,
            external_id=f"r{delivery.pk}",
            order=None if order_days is None else order if order_days > 0 else earlier,
            customer=delivery.customer,
            refunded_at=FROZEN_AT + days * DAY,
            arrived_at=FROZEN_AT + days * DAY,
            amount_cents=amount,
        )
        return delivery

    deliveries = [
        refunded(days=3, order_days=1),  # half of an order of 2000 with a margin of 800
        refunded(days=3, order_days=None),  # names no order: the assumed margin of 40 %
        refunded(days=3, order_days=-1),  # of an order before the campaign
        refunded(days=14, order_days=1),  # after the window
    ]
    outcomes.close_due(now=now)
    assert settings.ASSUMED_MARGIN == 0.4
    assert [(o.revenue_cents, o.margin_cents) for o in map(outcome_of, deliveries)] == [
        (1000, 400),
        (1000, 400),
        (2000, 800),
        (2000, 800),
    ]


def test_close_due_attributes_by_the_last_click_of_all_campaigns(now: datetime) -> None:
    campaign, other = FinishedCampaignFactory(), FinishedCampaignFactory()
    mine, theirs, nobodys = (deliver(campaign, Arm.TREATED) for _ in range(3))
    for delivery in (mine, theirs, nobodys):
        OrderFactory(customer=delivery.customer, placed_at=FROZEN_AT + 3 * DAY)
    event(mine, EventKind.CLICKED, at=FROZEN_AT + DAY)
    event(theirs, EventKind.CLICKED, at=FROZEN_AT + DAY)
    event(theirs, EventKind.CLICKED, at=FROZEN_AT + 2 * DAY, campaign_id=other.pk)
    outcomes.close_due(now=now)
    assert [
        (o.clicked, o.attributed_orders, o.attributed_revenue_cents)
        for o in map(outcome_of, (mine, theirs, nobodys))
    ] == [(True, 1, 2000), (True, 0, 0), (False, 0, 0)]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"state": CampaignState.RUNNING}, id="still sending"),
        pytest.param({"state": CampaignState.CANCELLED}, id="cancelled"),
        pytest.param({"outcome_days": 31}, id="not over"),
    ],
)
def test_close_due_leaves_open_what_is_not_due(fields: dict[str, object], now: datetime) -> None:
    deliver(FinishedCampaignFactory(**fields), Arm.TREATED)
    assert outcomes.close_due(now=now) == []
    assert not Outcome.objects.exists()


def test_close_due_waits_until_the_simulated_shop_has_answered(now: datetime) -> None:
    answered_until = FROZEN_AT + 14 * DAY - timedelta(seconds=1)
    source = SourceFactory(
        outcomes_simulated=True, settings={"answered_until": int(answered_until.timestamp())}
    )
    deliver(FinishedCampaignFactory(), Arm.TREATED)
    assert outcomes.close_due(now=now) == []
    source.settings["answered_until"] += 1
    source.save()
    assert len(outcomes.close_due(now=now)) == 1


def test_close_due_closes_once_and_numbers_rounds_by_their_end(now: datetime) -> None:
    late = FinishedCampaignFactory(outcome_days=20)
    early = FinishedCampaignFactory(outcome_days=10)
    for campaign in (late, early):
        deliver(campaign, Arm.TREATED)
    closed = outcomes.close_due(now=now)
    assert [(w.campaign_id, w.round_number) for w in closed] == [(early.pk, 1), (late.pk, 2)]
    assert outcomes.close_due(now=now + DAY) == []
    assert set(OutcomeWindow.objects.values_list("closed_at", flat=True)) == {now}


def test_close_due_of_a_campaign_without_anybody_eligible(now: datetime) -> None:
    deliver(FinishedCampaignFactory(), Arm.EXCLUDED)
    (window,) = outcomes.close_due(now=now)
    assert window.customers == 0
    assert {e.sentence for e in LiftEstimate.objects.all()} == {
        "Not enough data: 0 held out where at least 100 are needed."
    }


@pytest.mark.django_db(transaction=True)
def test_close_due_by_two_at_once_closes_once(now: datetime) -> None:
    campaigns = [FinishedCampaignFactory() for _ in range(4)]
    for campaign in campaigns:
        deliver(campaign, Arm.TREATED)
    both_ready = threading.Barrier(2)
    closed: list[int] = []
    errors: list[BaseException] = []

    def close() -> None:
        try:
            both_ready.wait()
            closed.extend(w.campaign_id for w in outcomes.close_due(now=now))
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=close) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(closed) == [c.pk for c in campaigns]
    assert Outcome.objects.count() == 4
    rounds = OutcomeWindow.objects.values_list("round_number", flat=True)
    assert sorted(rounds) == [1, 2, 3, 4]
