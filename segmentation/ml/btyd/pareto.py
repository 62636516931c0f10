"""Pareto/NBD (Schmittlein, Morrison, Colombo 1987): orders at a rate lambda ~ Gamma(r, alpha) until a customer leaves,
at a rate mu ~ Gamma(s, beta), whether an order was just placed or not.

The likelihood is written as an integral over the moment of leaving instead of hypergeometric functions. So it
has a gradient in closed form, nothing overflows for many orders, and it is vectorised over customers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import digamma, gammaln

from segmentation.ml.btyd.histories import Histories
from segmentation.ml.btyd.optimum import Target, maximise
from segmentation.ml.tables import Floats


_FITTING, _SAYING = 16, 24
"""Points of the quadrature: estimates need fewer than the small differences of two likelihoods that a silence is."""

_BLOCK = 20_000
"""Customers at a time: the (rows, nodes) arrays stay in the cache."""
_WARM = 2_000


@dataclass(frozen=True, kw_only=True)
class Pareto:
    """r, alpha of ordering and s, beta of leaving; alpha and beta in the unit of time of the histories."""

    r: float
    alpha: float
    s: float
    beta: float

    @classmethod
    def fit(cls, histories: Histories, *, start: Self | None = None, prior: float = 0.0) -> Self:
        """As BetaGeometric.fit. Raises optimum.NotFoundError."""
        unit = max(float(histories.age.max(initial=0)), 1e-9)
        usual = np.log([0.6, 0.3, 0.6, 0.4])
        begin = usual
        if start is not None:
            begin = np.log([start.r, start.alpha / unit, start.s, start.beta / unit])
        elif len(histories) > 4 * _WARM:
            few = _Scaled.of(histories.sample(_WARM), unit=unit)
            begin = maximise(few, start=usual, centre=usual, prior=prior)
        target = _Scaled.of(histories, unit=unit)
        r, alpha, s, beta = np.exp(maximise(target, start=begin, centre=usual, prior=prior))
        return cls(r=float(r), alpha=float(alpha * unit), s=float(s), beta=float(beta * unit))

    def log_likelihood(self, histories: Histories) -> float:
        """Of all customers together, without the constant that depends on the unit of time only."""
        return float(self._each(histories)[0].sum())

    def alive(self, histories: Histories) -> Floats:
        """P(has not left), (n,)."""
        return self._each(histories)[1]

    def expected(self, histories: Histories, *, ahead: float) -> Floats:
        rate = (self.r + histories.repeats) / (self.alpha + histories.age)
        waited = self.beta + histories.age
        # (1 - (waited / (waited + t))^(s - 1)) / (s - 1), also at s = 1
        power = (self.s - 1) * np.log1p(ahead / waited)
        shrink = np.where(
            np.abs(power) < 1e-8, 1.0, -np.expm1(-power) / np.where(power == 0, 1, power)
        )
        return self.alive(histories) * rate * waited * np.log1p(ahead / waited) * shrink

    def log_silence(self, histories: Histories, *, ahead: Floats | float) -> Floats:
        """The likelihood of the same orders and a longer silence, by that of the silence so far."""
        longer = Histories(
            repeats=histories.repeats, last=histories.last, age=histories.age + ahead
        )
        return np.minimum(self._each(longer)[0] - self._each(histories)[0], 0.0)

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)

    def _each(self, histories: Histories) -> tuple[Floats, Floats]:
        """Log likelihood and P(alive), (n,) each."""
        values, alive = np.empty(len(histories)), np.empty(len(histories))
        for first in range(0, len(histories), _BLOCK):
            block = slice(first, first + _BLOCK)
            terms = _terms(histories.rows(block), **vars(self), points=_SAYING)
            values[block], alive[block] = terms.value, terms.alive
        return values, alive


@dataclass(frozen=True, kw_only=True, eq=False)
class _Terms:
    """value, alive: (n,). left: (n, nodes), P(left about then). *_then: logarithms and reciprocals at the nodes."""

    value: Floats
    alive: Floats
    left: Floats
    log_alpha_then: Floats
    log_beta_then: Floats


def _terms(
    histories: Histories, *, r: float, alpha: float, s: float, beta: float, points: int
) -> _Terms:
    """
    L / (constants) = (alpha+T)^-k (beta+T)^-s + s * integral over [t_x, T] of (alpha+y)^-k (beta+y)^-(s+1) dy,
    k = r + x. With 1 - z = ((alpha+t_x) / (alpha+y))^m the integrand is nearly constant for m = k + s; where that would
    squeeze a long silence into the end of the range, m is smaller, and the integrand close to a polynomial in z.
    """
    nodes, weights = np.polynomial.legendre.leggauss(points)
    nodes, weights = (nodes + 1) / 2, weights / 2
    k = r + histories.repeats
    start, now = alpha + histories.last, alpha + histories.age
    log_start = np.log(start)
    long = np.log(now) - log_start
    power = np.minimum(k + s, 2 / np.maximum(long, 1e-9))
    reach = -np.expm1(-power * long)
    log_rest = np.log1p(-reach[:, None] * nodes)
    log_alpha_then = log_start[:, None] - log_rest / power[:, None]
    log_beta_then = np.log(np.exp(log_alpha_then) + (beta - alpha))
    # dy = (alpha+y) / m dz / (1-z)
    density = (
        (1 - k)[:, None] * log_alpha_then
        - (s + 1) * log_beta_then
        - log_rest
        + np.log(weights)
        + np.log(s * np.maximum(reach, 1e-300) / power)[:, None]
    )
    stay = -k * np.log(now) - s * np.log(beta + histories.age)
    top = np.maximum(stay, density.max(axis=1))
    left, alive = np.exp(density - top[:, None]), np.exp(stay - top)
    total = alive + left.sum(axis=1)
    constant = gammaln(k) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return _Terms(
        value=constant + top + np.log(total),
        alive=alive / total,
        left=left / total[:, None],
        log_alpha_then=log_alpha_then,
        log_beta_then=log_beta_then,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scaled(Target):
    """The log likelihood over (log r, log alpha, log s, log beta) with its gradient.

    Each part of it is a mean over when the customer left, given what was seen.
    """

    histories: Histories
    count: Floats

    @classmethod
    def of(cls, histories: Histories, *, unit: float) -> Self:
        one, count = histories.distinct()
        scaled = Histories(repeats=one.repeats, last=one.last / unit, age=one.age / unit)
        return cls(histories=scaled, count=count)

    def __len__(self) -> int:
        return int(self.count.sum())

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        value, gradient = 0.0, np.zeros(4)
        for first in range(0, len(self.histories), _BLOCK):
            block = slice(first, first + _BLOCK)
            part, slope = self._block(self.histories.rows(block), self.count[block], logs)
            value, gradient = value + part, gradient + slope
        return value, gradient * np.exp(logs)

    def _block(self, block: Histories, n: Floats, logs: Floats) -> tuple[float, Floats]:
        r, alpha, s, beta = np.exp(logs)
        terms = _terms(block, r=r, alpha=alpha, s=s, beta=beta, points=_FITTING)
        k, alive, left = r + block.repeats, terms.alive, terms.left
        now_alpha, now_beta = alpha + block.age, beta + block.age
        mean_log_alpha = alive * np.log(now_alpha) + (left * terms.log_alpha_then).sum(axis=1)
        mean_log_beta = alive * np.log(now_beta) + (left * terms.log_beta_then).sum(axis=1)
        by_alpha = alive / now_alpha + (left * np.exp(-terms.log_alpha_then)).sum(axis=1)
        by_beta = (left * np.exp(-terms.log_beta_then)).sum(axis=1)
        return float(n @ terms.value), np.array(
            [
                n @ (digamma(k) - digamma(r) + np.log(alpha) - mean_log_alpha),
                n @ (r / alpha - k * by_alpha),
                n @ (np.log(beta) + (1 - alive) / s - mean_log_beta),
                n @ (s / beta - s * alive / now_beta - (s + 1) * by_beta),
            ]
        )
