"""Linear regression whose coefficients are shrunk by as much as the data say: empirical Bayes.

Every group of coefficients has a variance of its own, chosen by maximising the evidence (type-II maximum
likelihood; MacKay 1992, "Bayesian interpolation"), so a group without signal is shrunk to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_TINY = 1e-12


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """Coefficients with their uncertainty. `evidence`: log evidence less that of group 0 alone."""

    mean: Floats
    covariance: Floats
    group_variance: Floats
    evidence: float

    def predict(self, design: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of design @ coefficients; both of shape (n,)."""
        spread = np.einsum("ij,jk,ik->i", design, self.covariance, design, optimize=True)
        return design @ self.mean, np.sqrt(np.maximum(spread, 0.0))


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What a weighted regression needs of its rows: X'WX (p, p) and X'Wy (p,). Those of disjoint rows add up."""

    gram: Floats
    moment: Floats

    @classmethod
    def of(cls, *, design: Floats, target: Floats, precision: Floats) -> Self:
        """Design (n, p), target (n,), precision (n,): one over the variance of the noise."""
        weighted = design * precision[:, None]
        return cls(gram=weighted.T @ design, moment=weighted.T @ target)

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        several = list(parts)
        return cls(
            gram=np.sum([part.gram for part in several], axis=0),
            moment=np.sum([part.moment for part in several], axis=0),
        )


def shrink(
    moments: Moments,
    *,
    groups: Ints,
    known: Mapping[int, float] | None = None,
    typical: Mapping[int, float] | None = None,
    iterations: int = 25,
) -> Posterior:
    """Fit target = design @ beta + noise, of which only the moments of the rows are needed.

    groups (p,): group 0 is not shrunk, the coefficients of group g > 0 are drawn from N(0, variance_g). `known`
    fixes the variance of a group; `typical` adds to a group one imagined coefficient of that variance, so that a
    small group is neither switched off nor let loose by chance. Columns should have about the same scale within a
    group.
    """
    gram, moment = moments.gram, moments.moment
    known, typical = known or {}, typical or {}
    members = {group: np.flatnonzero(groups == group) for group in range(1, int(groups.max()) + 1)}
    diagonal = np.maximum(np.diag(gram), _TINY)
    # Start where a coefficient is about as large as its error: neither all noise nor all signal.
    variance = np.zeros(len(members) + 1)
    for group, rows in members.items():
        variance[group] = known.get(
            group, typical.get(group, 1.0 / float(np.median(diagonal[rows])))
        )
    for step in range(iterations):
        mean, inverse, _ = _solve(gram, moment, _prior(groups, variance))
        before = variance.copy()
        for group, rows in members.items():
            if group in known:
                continue
            energy, width = float(mean[rows] @ mean[rows]), float(np.diag(inverse)[rows].sum())
            belief, weight = typical.get(group, 0.0), float(group in typical)
            if step < 3:  # the slow, safe update first, then MacKay's fixed point
                variance[group] = (energy + width + belief) / (len(rows) + weight)
            else:
                used = max(len(rows) - width / variance[group], 1e-6)
                variance[group] = (energy + belief) / (used + weight)
        variance[1:] = np.maximum(variance[1:], _TINY)
        if step > 3 and np.all(np.abs(np.log(variance[1:] / before[1:])) < 0.02):
            break
    mean, inverse, log_determinant = _solve(gram, moment, _prior(groups, variance))
    evidence = 0.5 * (moment @ mean - log_determinant)
    evidence -= 0.5 * sum(len(rows) * np.log(variance[group]) for group, rows in members.items())
    return Posterior(
        mean=mean,
        covariance=inverse,
        group_variance=variance[1:],
        evidence=float(evidence - _flat_evidence(gram, moment, groups == 0)),
    )


def _flat_evidence(gram: Floats, moment: Floats, fixed: Bools) -> float:
    """Log evidence of the coefficients that are not shrunk, alone."""
    part = moment[fixed]
    mean, _, log_determinant = _solve(gram[np.ix_(fixed, fixed)], part, np.zeros(len(part)))
    return float(0.5 * (part @ mean - log_determinant))


def total(parts: Sequence[Posterior]) -> Posterior:
    """The sum of independent effects, each known by its own posterior over the same coefficients."""
    return Posterior(
        mean=np.sum([part.mean for part in parts], axis=0),
        covariance=np.sum([part.covariance for part in parts], axis=0),
        group_variance=np.sum([part.group_variance for part in parts], axis=0),
        evidence=float(sum(part.evidence for part in parts)),
    )


def _prior(groups: Ints, variance: Floats) -> Floats:
    """Ridge per coefficient; `variance` has an unused first entry for group 0."""
    return np.where(groups == 0, 0.0, 1.0 / np.where(variance > 0, variance, 1.0)[groups])


def _solve(gram: Floats, moment: Floats, ridge: Floats) -> tuple[Floats, Floats, float]:
    jitter = 1e-10 * float(np.mean(np.diag(gram)))
    factor = cho_factor(gram + np.diag(ridge + jitter), lower=True)
    inverse = cho_solve(factor, np.eye(len(gram)))
    return cho_solve(factor, moment), inverse, 2.0 * float(np.log(np.diag(factor[0])).sum())


@dataclass(frozen=True, kw_only=True)
class RankBasis:
    """Turns features of any scale into bounded functions of their rank, the same for every later table.

    `knots[j]`: quantiles of kept column j; `order`: number of cosines per column (1: about linear in the
    rank; more: curvature). A missing value sits in the middle of the ranks; where many are missing, that
    is a column of its own.
    """

    columns: tuple[int, ...]
    knots: tuple[Floats, ...]
    missing: tuple[bool, ...]
    order: int

    @classmethod
    def learn(
        cls, X: Floats, *, order: int, alike: float = 0.98, sample: int = 20_000
    ) -> RankBasis:
        """Keep the columns that vary, and one of each set that ranks customers alike."""
        rows = np.linspace(0, len(X) - 1, min(len(X), sample)).astype(int)
        kept: list[int] = []
        knots: list[Floats] = []
        missing: list[bool] = []
        seen: list[Floats] = []
        for column in range(X.shape[1]):
            values = X[rows, column]
            there = np.isfinite(values)
            known = np.sort(values[there])
            if len(known) < 0.01 * len(values) + 10 or known[0] == known[-1]:
                continue
            points = np.quantile(known, np.linspace(0, 1, 257))
            rank = _rank(values, points) - 0.5
            spread = float(np.sqrt(rank @ rank))
            if spread < 1e-3 * np.sqrt(len(rank)):
                continue
            rank /= spread
            if any(abs(float(rank @ other)) > alike for other in seen):
                continue
            seen.append(rank)
            kept.append(column)
            knots.append(points)
            missing.append(bool(0.02 < there.mean() < 0.98))
        return cls(columns=tuple(kept), knots=tuple(knots), missing=tuple(missing), order=order)

    def ranks(self, X: Floats) -> Floats:
        """Ranks in [0, 1] of the kept columns, 0.5 where missing; shape (n, kept)."""
        pairs = zip(self.columns, self.knots, strict=True)
        return np.stack([_rank(X[:, column], points) for column, points in pairs], axis=1)

    def functions(self, X: Floats) -> tuple[Floats, Ints, Ints]:
        """Design (n, q), and of each of its columns the source column and the order (0: missing)."""
        ranks = self.ranks(X)
        parts: list[Floats] = []
        source: list[int] = []
        orders: list[int] = []
        for position, column in enumerate(self.columns):
            there = np.isfinite(X[:, column])
            for order in range(1, self.order + 1):
                wave = np.sqrt(2) / order * np.cos(np.pi * order * ranks[:, position])
                parts.append(np.where(there, wave, 0.0))
                source.append(column)
                orders.append(order)
            if self.missing[position]:
                parts.append((~there).astype(float))
                source.append(column)
                orders.append(0)
        return np.stack(parts, axis=1), np.array(source), np.array(orders)

    def to_dict(self) -> dict[str, Any]:
        return {
            "columns": list(self.columns),
            "knots": [points.tolist() for points in self.knots],
            "missing": list(self.missing),
            "order": self.order,
        }

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> RankBasis:
        return cls(
            columns=tuple(tree["columns"]),
            knots=tuple(np.array(points) for points in tree["knots"]),
            missing=tuple(tree["missing"]),
            order=tree["order"],
        )


def _rank(values: Floats, points: Floats) -> Floats:
    """Mid-rank among the quantiles: ties share the middle of their range."""
    last = len(points)
    low = np.searchsorted(points, values, side="left")
    high = np.searchsorted(points, values, side="right")
    rank = np.clip((low + high) / 2 / last, 0.0, 1.0)
    return np.asarray(np.where(np.isfinite(values), rank, 0.5))
