"""BG/NBD (Fader, Hardie, Lee 2005, Marketing Science 24:275) and MBG/NBD (Batislam, Denizel, Filiztekin 2007).

While alive, a customer orders at the rate lambda ~ Gamma(r, alpha), and leaves after an order with the probability
p ~ Beta(a, b). In the modified model one may leave after the very first order as well: without that, P(alive) of
everybody who ordered once is 1, which is no churn score.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import digamma, gammaln

from segmentation.ml.btyd.histories import Histories
from segmentation.ml.btyd.optimum import Target, maximise
from segmentation.ml.tables import Floats


NODES = 24
_WARM = 4_000
"""Customers on whom a good start is found, when there are many."""


@dataclass(frozen=True, kw_only=True)
class BetaGeometric:
    """r, alpha (in the unit of time of the histories), a, b; `modified` for MBG/NBD."""

    r: float
    alpha: float
    a: float
    b: float
    modified: bool

    @classmethod
    def fit(
        cls,
        histories: Histories,
        *,
        modified: bool,
        start: Self | None = None,
        prior: float = 0.0,
    ) -> Self:
        """Maximum likelihood; with `prior` (1 / variance of the log parameters) pulled to what shops usually show.

        Raises optimum.NotFoundError when the likelihood has no maximum that can be found.
        """
        unit = max(float(histories.age.max(initial=0)), 1e-9)
        scaled = _Scaled.of(histories, unit=unit, modified=modified)
        usual = np.log([0.5, 0.3, 0.8, 2.5])
        begin = usual if start is None else np.log([start.r, start.alpha / unit, start.a, start.b])
        if start is None and len(histories) > 4 * _WARM:
            few = _Scaled.of(histories.sample(_WARM), unit=unit, modified=modified)
            begin = maximise(few, start=begin, centre=usual, prior=prior)
        r, alpha, a, b = np.exp(maximise(scaled, start=begin, centre=usual, prior=prior))
        return cls(r=float(r), alpha=float(alpha * unit), a=float(a), b=float(b), modified=modified)

    def log_likelihood(self, histories: Histories) -> float:
        """Of all customers together, without the constant that depends on the unit of time only."""
        scaled = _Scaled.of(histories, unit=1.0, modified=self.modified)
        return scaled(np.log([self.r, self.alpha, self.a, self.b]))[0]

    def alive(self, histories: Histories) -> Floats:
        """P(has not left), (n,)."""
        k = self.r + histories.repeats
        stays = np.log(self.alpha + histories.last) - np.log(self.alpha + histories.age)
        odds_left = np.log(self.a / self._left_by(histories)) - k * stays
        dead = np.where(self._may_have_left(histories), odds_left, -np.inf)
        return np.asarray(np.exp(-np.logaddexp(0, dead)), dtype=np.float64)

    def expected(self, histories: Histories, *, ahead: float) -> Floats:
        """E[(1 - e^(-lambda p t)) / p] over p and lambda, given what was seen, by Gauss-Jacobi quadrature.

        The closed form has the difference of two hypergeometric series, which is infinite or noise for a near 1 and
        for many orders; here every term is positive.
        """
        seen, which = np.unique(histories.repeats, return_inverse=True)
        nodes, weights = _beta_quadrature(self.a, self.b + seen + self.modified)
        k = self.r + histories.repeats
        share = ahead / (self.alpha + histories.age)
        total = np.zeros(len(histories))
        for number in range(NODES):
            p, weight = nodes[which, number], weights[which, number]
            total -= weight * np.expm1(-k * np.log1p(p * share)) / p
        return np.asarray(total * self.alive(histories), dtype=np.float64)

    def log_silence(self, histories: Histories, *, ahead: Floats | float) -> Floats:
        still = np.log(self.alpha + histories.age) - np.log(self.alpha + histories.age + ahead)
        orders = -np.expm1((self.r + histories.repeats) * still)
        said = self.alive(histories) * orders
        return np.asarray(np.log1p(-np.minimum(said, 1 - 1e-12)), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)

    def _may_have_left(self, histories: Histories) -> Any:
        return self.modified | (histories.repeats > 0)

    def _left_by(self, histories: Histories) -> Floats:
        """The prior b plus the orders survived, all but the last."""
        survived = self.b + histories.repeats + self.modified - 1
        return np.where(self._may_have_left(histories), survived, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scaled(Target):
    """The log likelihood over (log r, log alpha, log a, log b) with its gradient.

    Gamma functions depend on the number of repeats only, so they are taken once a number, not once a customer.
    """

    repeats: Floats
    last: Floats
    age: Floats
    may_leave: Any
    modified: bool
    seen: Floats
    count: Floats

    @classmethod
    def of(cls, histories: Histories, *, unit: float, modified: bool) -> Self:
        seen, count = np.unique(histories.repeats, return_counts=True)
        # those who cannot have left come last, so that a slice does instead of a mask
        order = np.argsort(histories.repeats == 0, kind="stable")
        return cls(
            repeats=histories.repeats[order],
            last=histories.last[order] / unit,
            age=histories.age[order] / unit,
            may_leave=slice(None if modified else int(np.count_nonzero(histories.repeats > 0))),
            modified=modified,
            seen=seen,
            count=count.astype(np.float64),
        )

    def __len__(self) -> int:
        return len(self.repeats)

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(logs)
        x, n, c = self.seen, self.count, self.seen + self.modified
        by_count = (
            gammaln(r + x) - gammaln(r) + r * np.log(alpha)
            + gammaln(a + b) + gammaln(b + c) - gammaln(b) - gammaln(a + b + c)
        )  # fmt: skip
        k, to_now = self.repeats + r, self.age + alpha
        log_now = np.log(to_now)
        stayed = -k * log_now
        some = self.may_leave
        k_some, to_last = k[some], self.last[some] + alpha
        log_last, survived = np.log(to_last), self.repeats[some] + (b + self.modified - 1)
        left = logs[2] - np.log(survived) - k_some * log_last
        # log(e^stayed + e^left) and the share of the second, with one exponential
        apart = left - stayed[some]
        small = np.exp(-np.abs(apart))
        gone = np.where(apart > 0, 1.0, small) / (1 + small)
        value = n @ by_count + stayed.sum() + (np.maximum(apart, 0) + np.log1p(small)).sum()
        gradient = np.array(
            [
                n @ (digamma(r + x) - digamma(r) + np.log(alpha))
                - log_now.sum() + gone @ (log_now[some] - log_last),
                n.sum() * r / alpha
                - (k / to_now).sum() + gone @ (k_some * (1 / to_now[some] - 1 / to_last)),
                n @ (digamma(a + b) - digamma(a + b + c)) + gone.sum() / a,
                n @ (digamma(a + b) + digamma(b + c) - digamma(b) - digamma(a + b + c))
                - (gone / survived).sum(),
            ]
        )  # fmt: skip
        return float(value), gradient * np.exp(logs)


def _beta_quadrature(a: float, b: Floats) -> tuple[Floats, Floats]:
    """Nodes and weights (u, NODES) for the mean of a function of p ~ Beta(a, b[i]) (Golub and Welsch 1969)."""
    low, high = b[:, None] - 1, a - 1  # the exponents of 1 - p and of p
    n = np.arange(NODES, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = 2 * n + low + high
        middle = (high**2 - low**2) / (s * (s + 2))
        first = (high - low) / (low + high + 2)
        m = n[1:]
        s1 = 2 * m + low + high
        off = 4 * m * (m + low) * (m + high) * (m + low + high) / (s1**2 * (s1**2 - 1))
        # the general term is 0 / 0 for m = 1 when low + high = -1
        off[:, 0] = (4 * (1 + low) * (1 + high) / ((2 + low + high) ** 2 * (3 + low + high)))[:, 0]
    middle[:, 0] = first[:, 0]
    matrix = np.zeros((len(b), NODES, NODES))
    rows = np.arange(NODES)
    matrix[:, rows, rows] = middle
    matrix[:, rows[1:], rows[:-1]] = np.sqrt(off)
    values, vectors = np.linalg.eigh(matrix)
    return np.clip((1 + values) / 2, 1e-12, 1), vectors[:, 0, :] ** 2
