"""The lift of a closed window: from outcomes to rows with a sentence each."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from campaigns.enums import Arm
from feedback import lift, wording
from feedback.enums import Metric
from feedback.models import LiftEstimate, OutcomeWindow
from feedback.queries import fetch_table


OUTCOMES = """
SELECT delivery.arm, delivery.assignment_probability AS probability,
       outcome.orders, outcome.revenue_cents, outcome.profit_cents
FROM feedback_outcome outcome JOIN campaigns_delivery delivery ON delivery.id = outcome.delivery_id
WHERE outcome.window_id = %s
"""
TYPES = {
    "arm": pa.string(),
    "probability": pa.float64(),
    "orders": pa.int64(),
    "revenue_cents": pa.float64(),
    "profit_cents": pa.float64(),
}


def write(window: OutcomeWindow, *, now: datetime) -> list[LiftEstimate]:
    """Estimate every metric of a window whose outcomes are written; once per campaign."""
    outcomes = fetch_table(OUTCOMES, [window.pk], types=TYPES)
    held_out = _is(outcomes, Arm.HOLDOUT)
    treated = _is(outcomes, Arm.TREATED)
    probability = outcomes["probability"].to_numpy()
    profit, revenue = outcomes["profit_cents"].to_numpy(), outcomes["revenue_cents"].to_numpy()
    ordered = outcomes["orders"].to_numpy() > 0

    sample_ratio_p = lift.sample_ratio_p(
        held_out=int(held_out.sum()),
        treated=int(treated.sum()),
        probability=probability,
        holdout_share=window.campaign.holdout_share,
    )
    differences = {
        Metric.PROFIT: lift.difference(treated=profit[~held_out], held_out=profit[held_out]),
        Metric.CONVERSION: lift.difference_of_shares(
            treated=int((~held_out).sum()),
            treated_converted=int(ordered[~held_out].sum()),
            held_out=int(held_out.sum()),
            held_out_converted=int(ordered[held_out].sum()),
        ),
        Metric.REVENUE: lift.difference(treated=revenue[~held_out], held_out=revenue[held_out]),
        Metric.MAILED: lift.effect_on_treated(
            values=profit, treated=treated, probability=probability
        ),
    }
    return LiftEstimate.objects.bulk_create(
        _row(
            window,
            metric=metric,
            difference=difference,
            conversions=int(ordered.sum()),
            sample_ratio_p=sample_ratio_p,
            now=now,
        )
        for metric, difference in differences.items()
    )


def _row(
    window: OutcomeWindow,
    *,
    metric: Metric,
    difference: lift.Difference,
    conversions: int,
    sample_ratio_p: float,
    now: datetime,
) -> LiftEstimate:
    verdict = lift.verdict(difference, conversions=conversions, sample_ratio_p=sample_ratio_p)
    return LiftEstimate(
        campaign=window.campaign,
        metric=metric,
        treated=difference.treated,
        held_out=difference.held_out,
        treated_mean=difference.treated_mean,
        holdout_mean=difference.holdout_mean,
        difference=difference.difference,
        low=difference.low,
        high=difference.high,
        total=difference.total,
        sample_ratio_p=sample_ratio_p,
        verdict=verdict,
        sentence=wording.sentence(
            difference,
            metric=metric,
            verdict=verdict,
            conversions=conversions,
        ),
        estimated_at=now,
    )


def _is(outcomes: pa.Table, arm: Arm) -> lift.Bools:
    mask: lift.Bools = pc.equal(outcomes["arm"], arm.value).to_numpy()
    return np.asarray(mask, dtype=np.bool_)
