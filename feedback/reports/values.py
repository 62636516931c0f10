"""Values that several reports are made of. Money is cents, shares are 0 to 1, None is "not known"."""

from __future__ import annotations

import math
from dataclasses import dataclass

from feedback.enums import Metric, Verdict
from feedback.models import LiftEstimate


COMPLAINTS_WATCH = 0.001  # the large mailbox providers ask senders to stay below 0.1 % …
COMPLAINTS_STOP = 0.003  # … and refuse those who reach 0.3 %


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many of one kind."""

    code: str
    label: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`count` in `of`; `level` is "", "watch" or "stop"."""

    count: int
    of: int
    level: str = ""

    @property
    def share(self) -> float | None:
        return self.count / self.of if self.of else None


def complaints(count: int, *, of: int) -> Rate:
    """A complaint rate with its level."""
    share = count / of if of else 0.0
    level = "stop" if share >= COMPLAINTS_STOP else "watch" if share >= COMPLAINTS_WATCH else ""
    return Rate(count=count, of=of, level=level)


@dataclass(frozen=True, kw_only=True)
class Lift:
    """One metric of one campaign. Means, difference and bounds per customer: cents, or a share."""

    metric: str
    label: str
    treated: int
    held_out: int
    treated_mean: float | None
    holdout_mean: float | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: str
    verdict_label: str
    sentence: str
    sample_ratio_p: float

    @property
    def is_money(self) -> bool:
        return self.metric != Metric.CONVERSION

    @property
    def total(self) -> float | None:
        return self._over_everybody(self.difference)

    @property
    def total_low(self) -> float | None:
        return self._over_everybody(self.low)

    @property
    def total_high(self) -> float | None:
        return self._over_everybody(self.high)

    def _over_everybody(self, each: float | None) -> float | None:
        return None if each is None else each * self.treated


def lift_of(estimate: LiftEstimate) -> Lift:
    return Lift(
        metric=estimate.metric,
        label=Metric(estimate.metric).label,
        treated=estimate.treated,
        held_out=estimate.held_out,
        treated_mean=known(estimate.treated_mean),
        holdout_mean=known(estimate.holdout_mean),
        difference=known(estimate.difference),
        low=known(estimate.low),
        high=known(estimate.high),
        verdict=estimate.verdict,
        verdict_label=Verdict(estimate.verdict).label,
        sentence=estimate.sentence,
        sample_ratio_p=estimate.sample_ratio_p,
    )


def known(value: float) -> float | None:
    return value if math.isfinite(value) else None
