"""P(outcome) of any records: a shrunk logistic regression and boosted trees, averaged in log-odds and calibrated.

How much each says, and by how much the average is drawn to the middle or away from it, is a logistic regression on what
both said of rows they had not seen (stacking, Wolpert 1992), begun at equal weights and held there by little data.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from segmentation.ml import metrics
from segmentation.ml.records import trees
from segmentation.ml.records.columns import Records
from segmentation.ml.records.encoding import Design, Encoder
from segmentation.ml.records.logistic import Logistic
from segmentation.ml.tables import Floats, Ints


FOLDS = 5
FEWEST_ROWS = 100
FEWEST_OF_A_CLASS = 20
MEMBERS = ("logistic", "boosted trees")
_SEVERAL = 3
_FAR = 1e-4  # nobody is more certain than this
_HELD = 20.0  # weight of the beginning, in units of the curvature of the rows


@dataclass(frozen=True, kw_only=True)
class _Pair:
    encoder: Encoder
    logistic: Logistic
    boosters: tuple[Any, ...]
    jobs: int

    @classmethod
    def fit(cls, records: Records, label: Floats, *, seed: int, jobs: int) -> Self:
        encoder = Encoder.fit(records)
        design = encoder.transform(records)
        table = _with_one(design.linear)
        groups = np.r_[0, np.full(design.linear.shape[1], 1)].astype(np.int64)
        logistic = Logistic.fit(table, label, groups=groups, typical=np.array([0.0, 0.3]))
        return cls(
            encoder=encoder,
            logistic=logistic,
            boosters=_grown(design, label, seed, jobs),
            jobs=jobs,
        )

    def logits(self, records: Records) -> Floats:
        """(n, 2): log-odds of each member."""
        design = self.encoder.transform(records)
        said = [
            logit(trees.predict(one, design.trees, jobs=self.jobs).clip(_FAR, 1 - _FAR))
            for one in self.boosters
        ]
        one = np.clip(self.logistic.logit(_with_one(design.linear)), logit(_FAR), -logit(_FAR))
        return np.column_stack([one, np.mean(said, axis=0)])


@dataclass(frozen=True, kw_only=True)
class ContactModel:
    """offset and weights of the members' log-odds. inner: measures on rows the members had not seen, by member."""

    pair: _Pair
    offset: float
    weights: Floats
    inner: dict[str, dict[str, float]]

    @classmethod
    def fit(cls, records: Records, label: ArrayLike, *, seed: int, jobs: int = 1) -> Self:
        """Label (n,) 0/1. Raises ValueError in words when there is too little to learn from."""
        y = np.asarray(label, float)
        _enough(y)
        fold = _folds(y, seed)
        held = np.empty((len(y), len(MEMBERS)))
        for number in range(FOLDS):
            inside = fold != number
            part = _Pair.fit(records.take(inside), y[inside], seed=seed, jobs=jobs)
            held[~inside] = part.logits(records.take(~inside))
        offset, weights = _stacked(held, y)
        said = {name: expit(held[:, at]) for at, name in enumerate(MEMBERS)}
        said["blend"] = expit(offset + held @ weights)
        return cls(
            pair=_Pair.fit(records, y, seed=seed, jobs=jobs),
            offset=offset,
            weights=weights,
            inner={
                name: {
                    "AUC": round(metrics.auc(label=y, score=p), 6),
                    "Brier": round(metrics.brier(label=y, probability=p), 6),
                    "log_loss": round(metrics.log_loss(label=y, probability=p), 6),
                }
                for name, p in said.items()
            },
        )

    def predict(self, records: Records) -> Floats:
        """P(outcome), (n,)."""
        return np.asarray(expit(self.offset + self.pair.logits(records) @ self.weights))


def _enough(label: Floats) -> None:
    hits = int(label.sum())
    if len(label) < FEWEST_ROWS:
        raise ValueError(f"only {len(label)} rows; at least {FEWEST_ROWS} are needed")
    for name, count in (("positive", hits), ("negative", len(label) - hits)):
        if count == 0:
            raise ValueError(f"the outcome has one class only: there is no {name} row")
        if count < FEWEST_OF_A_CLASS:
            raise ValueError(f"only {count} {name} rows; at least {FEWEST_OF_A_CLASS} are needed")


def _grown(design: Design, label: Floats, seed: int, jobs: int) -> tuple[Any, ...]:
    """Several on different rows and columns: their mean varies less than any of them."""
    rarer = min(label.sum(), len(label) - label.sum())
    return tuple(
        trees.fit(
            design.trees, label,
            binary=True, seed=_SEVERAL * seed + number, jobs=jobs,
            trees=int(np.clip(rarer, 40, 200)), least_rows=20,
            feature_fraction=0.5, bagging_fraction=0.7, bagging_freq=1,
        )
        for number in range(_SEVERAL)
    )  # fmt: skip


def _folds(label: Floats, seed: int) -> Ints:
    order = np.lexsort((np.random.default_rng(seed).random(len(label)), label))
    fold = np.empty(len(label), dtype=np.int64)
    fold[order] = np.arange(len(label)) % FOLDS
    return fold


def _stacked(held: Floats, label: Floats) -> tuple[float, Floats]:
    """Offset and weights, none below zero: the members one by one where one would be."""
    used = list(range(held.shape[1]))
    while True:
        begun = np.r_[0.0, np.full(len(used), 1 / len(used))]
        table = _with_one(held[:, used])
        p = expit(table @ begun)
        # held at the beginning as by so many rows like these
        prior = _HELD * float(np.mean(p * (1 - p))) * table.var(axis=0)
        found = begun.copy()
        for _ in range(30):
            p = expit(table @ found)
            hessian = (table * (p * (1 - p))[:, None]).T @ table + np.diag(prior + 1e-9)
            step = np.linalg.solve(hessian, table.T @ (label - p) - prior * (found - begun))
            found = found + step
            if np.abs(step).max() < 1e-8:
                break
        if found[1:].min() >= 0 or len(used) == 1:
            weights = np.zeros(held.shape[1])
            weights[used] = np.maximum(found[1:], 0)
            return float(found[0]), weights
        used.pop(int(found[1:].argmin()))


def _with_one(linear: Floats) -> Floats:
    return np.column_stack([np.ones(len(linear)), linear])
