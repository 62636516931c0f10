"""The best model of orders that can be trusted, and which one that is, in words.

A fit may be infinite, or promise more than anybody ever ordered, without an error. So each is checked on the customers it
was fitted on before it is used: Pareto/NBD, else MBG/NBD, else BG/NBD, else a steady rate.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from segmentation.ml.btyd.geometric import BetaGeometric
from segmentation.ml.btyd.histories import Histories, Purchases
from segmentation.ml.btyd.optimum import NotFoundError
from segmentation.ml.btyd.pareto import Pareto
from segmentation.ml.btyd.rate import SteadyRate


FEWEST = 10
"""Customers who came back, below which nothing about leaving can be learned."""

ENOUGH = 100
"""Customers who came back, below which the estimates are pulled to what shops usually show."""

MOST = 20_000
"""Customers to fit on: with more, parameters move by less than they differ between two months."""

TOO_MUCH = 3.0
"""Times what a steady rate promises."""

PARETO: Final = "Pareto/NBD"
MODIFIED: Final = "MBG/NBD"
PLAIN: Final = "BG/NBD"
STEADY: Final = "steady rate"
CHAIN: Final = (PARETO, MODIFIED, PLAIN)
_CLASSES: dict[str, type[Purchases]] = {
    PARETO: Pareto, MODIFIED: BetaGeometric, PLAIN: BetaGeometric, STEADY: SteadyRate,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """`name` of the model that serves, and why in words."""

    model: Purchases
    name: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "reason": self.reason, "parameters": self.model.to_dict()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        model = _CLASSES[document["name"]].from_dict(document["parameters"])
        return cls(model=model, name=document["name"], reason=document["reason"])


def fit(
    histories: Histories,
    *,
    ahead: float,
    start: Fitted | None = None,
    chain: tuple[str, ...] = CHAIN,
) -> Fitted:
    """Fit the first of `chain` that passes `check` for the next `ahead`; a `start` of the same kind saves time.

    Never fails: without anything to learn from, the steady rate serves.
    """
    returned = int(np.count_nonzero(histories.repeats > 0))
    steady = SteadyRate.fit(histories)
    if returned < FEWEST:
        return Fitted(
            model=steady,
            name=STEADY,
            reason=f"{returned} customers came back, {FEWEST} are needed to see how customers leave: "
            "each is expected to go on at a steady rate, own and the shop's weighed together",
        )
    some = histories.sample(MOST)
    few = returned < ENOUGH
    prior = 1.0 if few else 0.05  # the trace of one keeps the maximum where nobody seems to leave
    refused = []
    for name in chain:
        begin = start.model if start is not None and start.name == name else None
        try:
            model = _FITS[name](some, begin, prior)
        except NotFoundError as error:
            refused.append(f"{name}: {error}")
            continue
        if problem := check(model, some, ahead=ahead):
            refused.append(f"{name}: {problem}")
            continue
        told = f"{name} fitted on {len(some)} customers, {returned} of whom came back"
        if len(some) < len(histories):
            told = f"{name} fitted on {len(some)} of {len(histories)} customers"
        if few:
            told += "; few, so the estimates are pulled to what shops usually show"
        return Fitted(model=model, name=name, reason="; ".join([told, *refused]))
    return Fitted(
        model=steady,
        name=STEADY,
        reason="; ".join([*refused, "each is expected to go on at a steady rate"]),
    )


def check(model: Purchases, histories: Histories, *, ahead: float) -> str:
    """Return why `model` cannot be trusted, or an empty string.

    Expectations must be finite and not negative, in all not more than TOO_MUCH times those of a steady rate.
    """
    with np.errstate(all="ignore"):
        expected = model.expected(histories, ahead=ahead)
        silence = model.log_silence(histories, ahead=ahead)
    if not np.isfinite(expected).all() or np.any(expected < 0):
        return "its expectations are not finite"
    if not np.isfinite(silence).all():
        return "its probabilities are not finite"
    naive = SteadyRate.fit(histories).expected(histories, ahead=ahead).sum()
    if expected.sum() > TOO_MUCH * naive:
        return f"it promises {expected.sum():.0f} orders where a steady rate promises {naive:.0f}"
    return ""


def _pareto(histories: Histories, start: Any, prior: float) -> Purchases:
    return Pareto.fit(histories, start=start, prior=prior)


def _modified(histories: Histories, start: Any, prior: float) -> Purchases:
    return BetaGeometric.fit(histories, modified=True, start=start, prior=prior)


def _plain(histories: Histories, start: Any, prior: float) -> Purchases:
    return BetaGeometric.fit(histories, modified=False, start=start, prior=prior)


_FITS: dict[str, Callable[[Histories, Any, float], Purchases]] = {
    PARETO: _pareto, MODIFIED: _modified, PLAIN: _plain,
}  # fmt: skip
