from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pytest

from campaigns.enums import Arm, DeliveryState
from campaigns.models import Campaign, Delivery
from customers.models import Customer, Order
from feedback import outcomes
from feedback.enums import Metric, Verdict
from feedback.models import LiftEstimate
from tests.factories.customers import SourceFactory
from tests.factories.feedback import FROZEN_AT, FinishedCampaignFactory


pytestmark = pytest.mark.django_db


def run_campaign(
    *, per_arm: dict[Arm, tuple[int, int]], holdout_share: float = 0.1, probability: float = 0.9
) -> Campaign:
    """A campaign with (customers, of them with one order of 20.00 that earns 8.00) per arm."""
    source = SourceFactory()
    campaign = FinishedCampaignFactory(holdout_share=holdout_share, contact_cost_cents=1)
    arms = [arm for arm, (customers, _) in per_arm.items() for _ in range(customers)]
    orders = [k < ordered for customers, ordered in per_arm.values() for k in range(customers)]
    people = Customer.objects.bulk_create(
        Customer(source=source, external_id=f"x{n}", joined_at=FROZEN_AT, arrived_at=FROZEN_AT)
        for n in range(len(arms))
    )
    Delivery.objects.bulk_create(
        Delivery(
            campaign=campaign,
            customer=person,
            arm=arm,
            assignment_probability=probability,
            state=DeliveryState.SENT if arm == Arm.TREATED else DeliveryState.SKIPPED,
            reason="" if arm == Arm.TREATED else arm,
        )
        for person, arm in zip(people, arms, strict=True)
    )
    Order.objects.bulk_create(
        Order(
            source=source,
            external_id=f"o{person.pk}",
            customer=person,
            status="PLACED",
            placed_at=FROZEN_AT + timedelta(days=1),
            arrived_at=FROZEN_AT + timedelta(days=1),
            currency="EUR",
            total_cents=2000,
            margin_cents=800,
        )
        for person, has_ordered in zip(people, orders, strict=True)
        if has_ordered
    )
    return campaign


def estimates(now: datetime) -> dict[str, LiftEstimate]:
    outcomes.close_due(now=now)
    return {estimate.metric: estimate for estimate in LiftEstimate.objects.all()}


def test_write_compares_everybody_not_held_out_with_the_holdout(now: datetime) -> None:
    run_campaign(
        per_arm={Arm.TREATED: (1200, 240), Arm.NOT_TARGETED: (600, 60), Arm.HOLDOUT: (200, 20)},
        probability=0.6,
    )
    found = estimates(now)
    profit, conversion = found[Metric.PROFIT], found[Metric.CONVERSION]
    assert (profit.treated, profit.held_out) == (1800, 200)
    assert profit.treated_mean == pytest.approx((300 * 800 - 1200) / 1800)
    assert profit.holdout_mean == pytest.approx(80)
    assert profit.total == pytest.approx(1800 * (profit.treated_mean - 80))
    assert conversion.difference == pytest.approx(300 / 1800 - 0.1)
    assert found[Metric.REVENUE].difference == pytest.approx(2000 * (300 / 1800 - 0.1))
    mailed = found[Metric.MAILED]
    assert (mailed.treated, mailed.held_out) == (1200, 800)
    assert mailed.difference == pytest.approx(240 / 1200 * 800 - 1 - 80)
    assert {e.verdict for e in found.values()} == {Verdict.HELPED}


def test_write_says_what_helped_in_words(now: datetime) -> None:
    run_campaign(per_arm={Arm.TREATED: (1800, 360), Arm.HOLDOUT: (200, 10)})
    found = estimates(now)
    assert re.fullmatch(
        r"€2,142 more profit than mailing nobody \(95\u00a0% interval \+.€1,\d{3} to \+.€2,\d{3}\)\.",
        found[Metric.PROFIT].sentence,
    )
    assert re.fullmatch(
        r"15\.0\u00a0points more customers ordered than without mailing "
        r"\(95\u00a0% interval \+1[01]\.\d to \+1[78]\.\d\u00a0points\)\.",
        found[Metric.CONVERSION].sentence,
    )


def test_write_says_that_it_harmed(now: datetime) -> None:
    run_campaign(per_arm={Arm.TREATED: (1800, 90), Arm.HOLDOUT: (200, 40)})
    found = estimates(now)
    assert found[Metric.PROFIT].verdict == Verdict.HARMED
    assert found[Metric.PROFIT].sentence.startswith("€2,178 less profit than mailing nobody (")
    assert found[Metric.CONVERSION].sentence.startswith("15.0\u00a0points fewer customers ordered")


def test_write_says_when_there_is_not_enough_data(now: datetime) -> None:
    run_campaign(per_arm={Arm.TREATED: (1800, 180), Arm.HOLDOUT: (200, 18)})
    conversion = estimates(now)[Metric.CONVERSION]
    assert conversion.verdict == Verdict.NOT_ENOUGH_DATA
    assert re.fullmatch(
        r"Not enough data: between −\d\.\d and \+\d\.\d\u00a0points\.", conversion.sentence
    )


@pytest.mark.parametrize(
    ("treated", "held_out", "shortage"),
    [
        ((855, 700), (95, 10), "95 held out where at least 100 are needed"),
        ((1800, 9), (200, 0), "9 customers ordered where at least 10 are needed"),
    ],
)
def test_write_says_what_is_missing(
    treated: tuple[int, int], held_out: tuple[int, int], shortage: str, now: datetime
) -> None:
    run_campaign(per_arm={Arm.TREATED: treated, Arm.HOLDOUT: held_out})
    for estimate in estimates(now).values():
        assert estimate.verdict == Verdict.NOT_ENOUGH_DATA
        assert estimate.sentence.endswith(f"{shortage}.")


def test_write_refuses_to_judge_when_the_holdout_is_not_what_was_planned(now: datetime) -> None:
    run_campaign(per_arm={Arm.TREATED: (1850, 700), Arm.HOLDOUT: (140, 10)})
    for estimate in estimates(now).values():
        assert estimate.sample_ratio_p < 0.001
        assert estimate.verdict == Verdict.SAMPLE_RATIO
        assert estimate.sentence.startswith("Do not trust this result")


def test_write_refuses_to_judge_when_the_probabilities_are_wrong(now: datetime) -> None:
    run_campaign(per_arm={Arm.TREATED: (1800, 700), Arm.HOLDOUT: (200, 10)}, probability=0.8)
    assert {e.verdict for e in estimates(now).values()} == {Verdict.SAMPLE_RATIO}


def test_write_without_anybody_held_out_keeps_bounds_undefined(now: datetime) -> None:
    run_campaign(per_arm={Arm.TREATED: (20, 15), Arm.HOLDOUT: (1, 0)})
    profit = estimates(now)[Metric.PROFIT]
    assert np.isnan(profit.low)
    assert profit.sentence == "Not enough data: 1 held out where at least 100 are needed."
