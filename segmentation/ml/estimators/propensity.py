"""Purchase likelihood and churn: will this customer order within the window?

One model serves both: churn is the complement over 90 days, purchase likelihood is P(buys) in 30.
Boosted trees learn, over rolling cut-offs, what sets a customer apart from the others *at that
cut-off* (its base rate is given as the offset), so that December's level does not become everybody's.
The level at the moment of scoring is the base rate of the same season a year ago if there was one,
else of the newest closed window. Beta calibration (Kull, Silva Filho, Flach 2017) is fitted on the newest
training cut-off, on customers that the scoring fold has not seen at any cut-off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from segmentation.ml import artifacts
from segmentation.ml.columns import RECENCY_DAYS, SECONDS_PER_DAY
from segmentation.ml.estimators.baselines import RecencyRule
from segmentation.ml.tables import Bools, FeatureTable, Floats, Ints


SEASON_TOLERANCE_DAYS = 16
"""A closed window counts as the same season when its cut-off lies this close to a year ago."""

FOLDS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """One cut-off: who was there, what was known, who bought in the window after it."""

    as_of: int
    features: FeatureTable
    bought: Bools

    def __post_init__(self) -> None:
        if len(self.bought) != len(self.features):
            raise ValueError(f"{len(self.bought)} labels for {len(self.features)} customers")

    @property
    def rate(self) -> float:
        """Base rate, kept off 0 and 1 by one imagined buyer and one imagined non-buyer."""
        return (float(self.bought.sum()) + 1) / (len(self.bought) + 2)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Small trees and strong leaves: the signal is recency and rhythm, the rest is mostly noise.

    Above `most_rows`, all cut-offs together, a fixed share of the customers is learned from.
    """

    seed: int = 42
    num_threads: int = 1
    trees: int = 150
    learning_rate: float = 0.03
    leaves: int = 8
    rows_per_leaf: int = 100
    most_rows: int = 250_000


@dataclass(frozen=True, kw_only=True, eq=False)
class PropensityModel:
    """P(buys within the horizon). A value object: it scores, and it can be written down and read."""

    names: tuple[str, ...]
    trees: str
    rates: tuple[tuple[int, float], ...]
    calibration: tuple[float, float, float]

    def predict(self, features: FeatureTable, *, as_of: int, num_threads: int = 1) -> Floats:
        """Return P(buys), (n,), for customers as they are at `as_of` (epoch seconds)."""
        margin = _margin(self.trees, features.columns(self.names), num_threads=num_threads)
        return _calibrated(expit(margin + logit(self.level(as_of))), self.calibration)

    def level(self, as_of: int) -> float:
        """Return the base rate to expect: that of the same season a year ago, else the newest."""
        year_ago = as_of - round(365.2425 * SECONDS_PER_DAY)
        nearest = min(self.rates, key=lambda pair: abs(pair[0] - year_ago))
        if abs(nearest[0] - year_ago) <= SEASON_TOLERANCE_DAYS * SECONDS_PER_DAY:
            return nearest[1]
        return self.rates[-1][1]

    def reasons(self, features: FeatureTable) -> Floats:
        """Return what each feature adds to the log-odds, (n, p): some 300 times the price of a score."""
        contributions = _booster(self.trees).predict(
            features.columns(self.names), pred_contrib=True, num_threads=1
        )
        return np.asarray(contributions, dtype=np.float64)[:, :-1]

    def to_files(self) -> dict[str, bytes]:
        document = {
            "names": list(self.names),
            "rates": [list(pair) for pair in self.rates],
            "calibration": list(self.calibration),
        }
        return artifacts.to_files(documents={"model": document}, texts={"trees": self.trees})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        document = artifacts.read_document(files, "model")
        slope_low, slope_high, intercept = document["calibration"]
        return cls(
            names=tuple(document["names"]),
            trees=artifacts.read_text(files, "trees"),
            rates=tuple((int(as_of), float(rate)) for as_of, rate in document["rates"]),
            calibration=(slope_low, slope_high, intercept),
        )


def fit(origins: Sequence[Origin], *, settings: Settings) -> PropensityModel:
    """Learn from cut-offs in ascending order, all with the same features."""
    origins = _thinned(origins, settings=settings)
    names = origins[0].features.names
    values = np.concatenate([origin.features.columns(names) for origin in origins])
    bought = np.concatenate([origin.bought for origin in origins])
    offset = np.concatenate([np.full(len(o.features), logit(o.rate)) for o in origins])
    fold = np.concatenate([_fold(o.features.customer_ids, settings.seed) for o in origins])

    newest = len(bought) - len(origins[-1].bought)
    unseen = np.empty(len(origins[-1].bought))
    for number in range(FOLDS):
        learn, judge = fold != number, fold[newest:] == number
        trees = _grow(values[learn], bought[learn], offset[learn], settings=settings)
        unseen[judge] = _margin(trees, values[newest:][judge], num_threads=settings.num_threads)
    return PropensityModel(
        names=names,
        trees=_grow(values, bought, offset, settings=settings),
        rates=tuple((origin.as_of, origin.rate) for origin in origins),
        calibration=_beta_calibration(expit(unseen + offset[newest:]), origins[-1].bought),
    )


def fit_baseline(origins: Sequence[Origin]) -> RecencyRule:
    """The recency rule of the newest cut-off."""
    newest = origins[-1]
    return RecencyRule.fit(recency_days=newest.features.column(RECENCY_DAYS), bought=newest.bought)


def _grow(values: Floats, bought: Bools, offset: Floats, *, settings: Settings) -> str:
    import lightgbm

    parameters = {
        "objective": "binary",
        "boost_from_average": False,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.rows_per_leaf,
        "lambda_l2": 5.0,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "max_bin": 63,
        "seed": settings.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": settings.num_threads,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        values, label=bought.astype(np.float64), init_score=offset, params=parameters
    )
    booster = lightgbm.train(parameters, data, num_boost_round=settings.trees)
    return str(booster.model_to_string())


def _booster(trees: str) -> Any:
    import lightgbm

    return lightgbm.Booster(model_str=trees)


def _margin(trees: str, values: Floats, *, num_threads: int) -> Floats:
    margin = _booster(trees).predict(values, raw_score=True, num_threads=num_threads)
    return np.asarray(margin, dtype=np.float64)


def _thinned(origins: Sequence[Origin], *, settings: Settings) -> Sequence[Origin]:
    """Keep the same customers at every cut-off, so many that the rows fit into `most_rows`."""
    rows = sum(len(origin.bought) for origin in origins)
    if rows <= settings.most_rows:
        return origins
    thinned = []
    for origin in origins:
        bucket = (_mixed(origin.features.customer_ids, settings.seed) >> np.uint64(44)) % 1_000
        kept = bucket < 1_000 * settings.most_rows / rows
        thinned.append(
            Origin(
                as_of=origin.as_of,
                features=origin.features.rows(kept),
                bought=origin.bought[kept],
            )
        )
    return thinned


def _fold(customer_ids: Ints, seed: int) -> Ints:
    """The same customer is in the same fold at every cut-off."""
    folds: Ints = ((_mixed(customer_ids, seed) >> np.uint64(33)) % np.uint64(FOLDS)).astype(
        np.int64
    )
    return folds


def _mixed(customer_ids: Ints, seed: int) -> NDArray[np.uint64]:
    """A multiplicative hash (Knuth); only its upper bits are mixed well."""
    return (customer_ids.astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)


def _beta_calibration(probability: Floats, bought: Bools) -> tuple[float, float, float]:
    """Fit logit(q) = a ln p - b ln(1 - p) + c with a, b >= 0; a weak pull to a = b = 1, c = 0."""
    from scipy.optimize import minimize

    p = np.clip(probability, 1e-9, 1 - 1e-9)
    low, high, truth = np.log(p), -np.log1p(-p), bought.astype(np.float64)

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = weights[0] * low + weights[1] * high + weights[2]
        pull = weights - np.array([1.0, 1.0, 0.0])
        value = np.sum(np.logaddexp(0, z) - truth * z) + 5 * np.sum(pull**2)
        error = expit(z) - truth
        gradient = np.array([error @ low, error @ high, error.sum()]) + 10 * pull
        return float(value), gradient

    start = np.array([1.0, 1.0, 0.0])
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None)]
    )
    a, b, c = (float(weight) for weight in found.x)
    return a, b, c


def _calibrated(probability: Floats, calibration: tuple[float, float, float]) -> Floats:
    a, b, c = calibration
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(expit(a * np.log(p) - b * np.log1p(-p) + c), dtype=np.float64)
