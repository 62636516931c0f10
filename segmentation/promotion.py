"""Champion or challenger: which model gives the scores from now on, and why, in words.

Pure: takes losses per row on the newest closed window, which neither model has learned from, and returns
a decision. Who calls it stores the decision and moves the pointer.
"""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import ArrayLike

from segmentation.ml.metrics import Interval, paired_bootstrap


@dataclass(frozen=True, kw_only=True)
class Decision:
    """`evidence` is plain JSON: the intervals of the loss differences that were looked at."""

    promote: bool
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)


def decide(
    *,
    challenger: ArrayLike,
    baseline: ArrayLike,
    champion: ArrayLike | None,
    metric: str,
    champion_stale: bool = False,
    schema_changed: bool = False,
    incomparable: str = "",
    seed: int = 42,
    resamples: int = 1_000,
) -> Decision:
    """Compare losses per row, (n,) each, of the same rows in the same order; lower is better.

    Give `champion` as None when there is none, or when it cannot read the features of today
    (`schema_changed`), or when the two have no common truth (`incomparable`, why in words). `metric` names the loss. Promotes a challenger that beats the baseline and is
    either the first, or better than the champion, or not worse while the champion is stale or of
    another feature schema; better and worse mean a 95 % paired bootstrap interval off zero.
    """

    def against(other: ArrayLike) -> Interval:
        return compare(challenger, other, seed=seed, resamples=resamples)

    against_baseline = against(baseline)
    evidence: dict[str, Any] = {"metric": metric, "against_baseline": plain(against_baseline)}
    if against_baseline.high >= 0:
        reason = f"Not proven better than the baseline: {in_words(metric, against_baseline)}."
        return Decision(promote=False, reason=reason, evidence=evidence)
    if champion is None:
        how = "The first model, and it"
        if schema_changed:
            how = "The champion cannot read the features of today, and this model"
        elif incomparable:
            how = f"{incomparable}, and this one"
        reason = f"{how} beats the baseline: {in_words(metric, against_baseline)}."
        return Decision(promote=True, reason=reason, evidence=evidence)

    against_champion = against(champion)
    evidence["against_champion"] = plain(against_champion)
    said = in_words(metric, against_champion)
    if against_champion.high < 0:
        return Decision(
            promote=True, reason=f"Better than the champion: {said}.", evidence=evidence
        )
    if against_champion.low > 0:
        return Decision(
            promote=False, reason=f"Worse than the champion: {said}.", evidence=evidence
        )
    if champion_stale or schema_changed:
        why = "stale" if champion_stale else "of another feature schema"
        reason = f"Not worse than the champion, which is {why}: {said}."
        return Decision(promote=True, reason=reason, evidence=evidence)
    reason = f"No proof that it is better than the champion: {said}."
    return Decision(promote=False, reason=reason, evidence=evidence)


def compare(
    first: ArrayLike, second: ArrayLike, *, seed: int = 42, resamples: int = 1_000
) -> Interval:
    """The mean of the differences of losses per row, (n,) each, with its 95 % paired bootstrap interval."""
    return paired_bootstrap(first=first, second=second, seed=seed, resamples=resamples)


def in_words(metric: str, difference: Interval) -> str:
    return (
        f"{metric} {difference.mean:+.4f} "
        f"(95\u00a0% interval {difference.low:+.4f} to {difference.high:+.4f})"
    )


def plain(difference: Interval) -> dict[str, float]:
    return {"mean": difference.mean, "low": difference.low, "high": difference.high}
