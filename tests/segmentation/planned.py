"""What a campaign's targeting decides, its parts put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation import targeting


ECONOMICS = targeting.Economics(
    contact_cost_cents=2, unsubscribe_cost_cents=300, discount_percent=5, outcome_days=14
)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One entry a customer, in the order asked."""

    arm: np.ndarray
    probability: np.ndarray
    predicted_profit_cents: np.ndarray
    model_version_id: int | None
    note: str


def planned(ids: np.ndarray, **changes: Any) -> Planned:
    plan = targeting.plan(**{
        "customer_ids": ids, "economics": ECONOMICS, "holdout_share": 0.1, "explore_share": 0.2,
        "salt": "campaign-1", "everyone": False, **changes,
    })  # fmt: skip
    parts = list(plan.parts())
    assert [len(part.customer_ids) for part in parts[:-1]] == [targeting.PART] * (len(parts) - 1)
    assert np.array_equal(joined([part.customer_ids for part in parts]), ids)
    return Planned(
        arm=joined([part.arm for part in parts]),
        probability=joined([part.probability for part in parts]),
        predicted_profit_cents=joined([part.predicted_profit_cents for part in parts]),
        model_version_id=plan.model_version_id,
        note=plan.note,
    )


def joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0)
