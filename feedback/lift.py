"""
Did the campaign change anything? Differences between groups that chance made, with intervals.

Two questions, two estimators, both by intention to treat: customers count for the arm they were
assigned to, whether or not the message arrived.

1. *What did the campaign earn against mailing nobody?* (`difference`, the headline.) A share of everybody
   eligible is held out by a coin that knows nothing else. All others, whatever the policy then decided
   for them, are compared with the held out. This is fair under any policy, learned or not, and answers
   for the campaign as it was run. Comparing only the mailed with the held out would not be fair: the
   policy picks the mailed.
2. *What did a message do to those it was meant for?* (`effect_on_treated`.) Uses the logged assignment
   probabilities: among customers who could have gone either way (0 < p < 1), the untreated are weighted
   by p / (1 − p), which makes them look like the treated.

Money per customer is mostly zeros with a long tail, and the held out are few: the plain t interval then
misses the truth more often than it says (8 % of the time instead of 5 % in our simulation). So Welch's
interval carries Hall's correction for skewness and degrees of freedom that know the tail;
tests/feedback/test_lift_coverage.py holds it to its 95 %.
Shares of customers use Newcombe's interval, which keeps its coverage where conversions are few and
Wald's does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from feedback.enums import Verdict


CONFIDENCE = 0.95
MIN_HELD_OUT = 100  # below this the tail of money makes the interval too short
MIN_CONVERSIONS = 10  # below this hardly any data set can exclude zero honestly
SAMPLE_RATIO_ALARM = 0.001  # Fabijan et al. 2019: rare enough to stop for, common when broken

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """
    Mean of the treated less mean of the held out, per customer, with its interval.

    Bounds are NaN where a group has fewer than two customers.
    """

    treated: int
    held_out: int
    treated_mean: float
    holdout_mean: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        return self.treated_mean - self.holdout_mean

    @property
    def total(self) -> float:
        """What the difference comes to over everybody treated."""
        return self.difference * self.treated


def difference(*, treated: Floats, held_out: Floats) -> Difference:
    """
    Compare two means by Welch's t interval, corrected for skewness and long tails.

    treated: shape (n,), held_out: shape (m,), one value a customer, any unit.
    """
    return _compare(_Group.of(treated), _Group.of(held_out))


def difference_of_shares(
    *, treated: int, treated_converted: int, held_out: int, held_out_converted: int
) -> Difference:
    """Compare two shares of customers by Newcombe's hybrid score interval (Newcombe 1998, method 10)."""
    if min(treated, held_out) < 1:
        return Difference(
            treated=treated,
            held_out=held_out,
            treated_mean=treated_converted / treated if treated else math.nan,
            holdout_mean=held_out_converted / held_out if held_out else math.nan,
            low=math.nan,
            high=math.nan,
        )
    p, q = treated_converted / treated, held_out_converted / held_out
    p_low, p_high = wilson(converted=treated_converted, customers=treated)
    q_low, q_high = wilson(converted=held_out_converted, customers=held_out)
    return Difference(
        treated=treated,
        held_out=held_out,
        treated_mean=p,
        holdout_mean=q,
        low=p - q - math.hypot(p - p_low, q_high - q),
        high=p - q + math.hypot(p_high - p, q - q_low),
    )


def wilson(*, converted: int, customers: int) -> tuple[float, float]:
    """Bounds of a share by the score interval (Wilson 1927); (0, 1) when there are no customers."""
    if customers == 0:
        return 0.0, 1.0
    z = float(special.ndtri(0.5 + CONFIDENCE / 2))
    share = converted / customers
    centre = (share + z * z / (2 * customers)) / (1 + z * z / customers)
    half = (
        z
        / (1 + z * z / customers)
        * math.sqrt(share * (1 - share) / customers + (z / (2 * customers)) ** 2)
    )
    return max(centre - half, 0.0), min(centre + half, 1.0)


def effect_on_treated(*, values: Floats, treated: Bools, probability: Floats) -> Difference:
    """
    Estimate the mean effect among the treated from logged assignment probabilities.

    Hájek's ratio estimator with the odds p / (1 − p) as weights of the untreated; its variance by
    linearisation (Särndal, Swensson and Wretman 1992, section 5.6). Customers who could only go one
    way (p = 0 or 1) carry no information about the effect and are left out.

    values, treated, probability: shape (n,). `held_out` of the result counts the untreated used.
    """
    either_way = (probability > 0) & (probability < 1)
    untreated = either_way & ~treated
    odds = probability[untreated] / (1 - probability[untreated])
    return _compare(
        _Group.of(values[either_way & treated]), _Group.of(values[untreated], weights=odds)
    )


def sample_ratio_p(
    *, held_out: int, treated: int, probability: Floats, holdout_share: float
) -> float:
    """
    How probable so odd an assignment is if the plan was followed; below 0.001 nothing may be concluded.

    Two checks in one number (the smaller p, doubled): the held out against the planned share by an
    exact binomial test, and the treated against the sum of their logged probabilities by a normal
    approximation of the Poisson binomial with continuity correction.

    probability: shape (n,), of everybody in the experiment.
    """
    from scipy import stats

    if not len(probability):
        return 1.0
    holdout_p = float(stats.binomtest(held_out, len(probability), holdout_share).pvalue)
    surplus = max(abs(treated - float(probability.sum())) - 0.5, 0.0)
    sd = math.sqrt(float((probability * (1 - probability)).sum()))
    treated_p = 1.0 if surplus == 0 else float(2 * special.ndtr(-surplus / sd)) if sd else 0.0
    return min(1.0, 2 * min(holdout_p, treated_p))


def verdict(estimate: Difference, *, conversions: int, sample_ratio_p: float) -> Verdict:
    """
    Say what may be concluded.

    conversions: customers of both groups who ordered.
    """
    if sample_ratio_p < SAMPLE_RATIO_ALARM:
        return Verdict.SAMPLE_RATIO
    if estimate.held_out < MIN_HELD_OUT or conversions < MIN_CONVERSIONS:
        return Verdict.NOT_ENOUGH_DATA
    if estimate.low > 0:
        return Verdict.HELPED
    if estimate.high < 0:
        return Verdict.HARMED
    return Verdict.NOT_ENOUGH_DATA  # also where the bounds are NaN


@dataclass(frozen=True, kw_only=True)
class _Group:
    """A weighted mean and the moments of its sampling distribution."""

    size: int
    mean: float
    variance: float
    third_moment: float
    variance_of_variance: float

    @classmethod
    def of(cls, values: Floats, *, weights: Floats | None = None) -> _Group:
        n = len(values)
        if n < 2:
            mean = float(values[0]) if n else math.nan
            return cls(
                size=n,
                mean=mean,
                variance=math.nan,
                third_moment=math.nan,
                variance_of_variance=math.nan,
            )
        share = np.full(n, 1 / n) if weights is None else weights / weights.sum()
        mean = float(share @ values)
        effective = 1 / float(share @ share)  # Kish's sample size
        residual = share * (values - mean)
        variance = float(residual @ residual) * effective / (effective - 1)
        fourth = float((residual**4).sum())
        return cls(
            size=n,
            mean=mean,
            variance=variance,
            third_moment=float((residual**3).sum()),
            # never less than for normal values: a sample may not yet have met its tail
            variance_of_variance=max(
                fourth - variance**2 / effective, 2 * variance**2 / (effective - 1)
            ),
        )


def _compare(treated: _Group, held_out: _Group) -> Difference:
    """
    The interval of a difference of means.

    Welch's t interval (Welch 1947) after Hall's cubic transformation (Hall 1992, "On the removal of
    skewness by transformation"; for two samples Zhou and Dinh 2005); `a` is the skewness of the
    difference of the means. Degrees of freedom by Satterthwaite's moment matching (1946) with the fourth
    moment in place of normality (O'Neill 2014), since a long tail makes the variance itself uncertain.
    For values without skewness or tail this is Welch's interval.
    """
    estimate = treated.mean - held_out.mean
    variance = treated.variance + held_out.variance
    low = high = estimate if variance == 0 else math.nan
    if variance > 0:
        freedom = 2 * variance**2 / (treated.variance_of_variance + held_out.variance_of_variance)
        t = float(special.stdtrit(freedom, 0.5 + CONFIDENCE / 2))
        a = (treated.third_moment - held_out.third_moment) / variance**1.5
        low = estimate - math.sqrt(variance) * _undo_skewness(t, a)
        high = estimate - math.sqrt(variance) * _undo_skewness(-t, a)
    return Difference(
        treated=treated.size,
        held_out=held_out.size,
        treated_mean=treated.mean,
        holdout_mean=held_out.mean,
        low=low,
        high=high,
    )


def _undo_skewness(quantile: float, a: float) -> float:
    """The inverse of Hall's g(t) = t + a t² / 3 + a² t³ / 27 + a / 6."""
    if abs(a) < 1e-6:
        return quantile
    return float(3 / a * (np.cbrt(1 + a * (quantile - a / 6)) - 1))
