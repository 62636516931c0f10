"""Purchase likelihood and churn: will this customer order within the window?

One model serves both: churn is the complement over 90 days, purchase likelihood is P(buys) in 30. Three steps, each on
top of the other:

1. *Rhythm*: buy-till-you-die (MBG/NBD) says how likely an order is after this silence.
2. *Level*: how far everybody together bought more or less than that, at each cut-off (`levels.py`). So December's level
   does not become everybody's; at the moment of scoring it is that of the same season a year ago, if it was seen.
3. *What sets customers apart* at a cut-off, learned with both as the offset: by boosted trees, or by one decision
   tree or a logistic regression, which are simpler to read and are compared with them (`rivals`).

Beta calibration is fitted on customers of the newest cut-off that the scoring fold has not seen at any cut-off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from scipy.special import expit, logit

from segmentation.ml import artifacts, btyd
from segmentation.ml.boosting import steady
from segmentation.ml.btyd import Fitted, Histories
from segmentation.ml.btyd.chain import MODIFIED, PLAIN
from segmentation.ml.columns import ORDER_DAYS, RECENCY_DAYS, TENURE_DAYS
from segmentation.ml.estimators import telling
from segmentation.ml.estimators.baselines import RecencyRule
from segmentation.ml.estimators.calibrating import Beta, beta_calibration, calibrated
from segmentation.ml.estimators.levels import Levels, odds_level
from segmentation.ml.estimators.linear import OffsetLogit
from segmentation.ml.sampling import fold, share_of
from segmentation.ml.tables import Bools, FeatureTable, Floats


FOLDS = 2
_BLOCK = 16_384
"""Customers at a time in scoring: what belongs to them stays in the cache, and nothing is copied as a whole."""

BOOSTED: Final = "boosted trees"
DECISION_TREE: Final = "decision tree"
LOGISTIC: Final = "logistic regression"
ALGORITHMS: Final = (BOOSTED, DECISION_TREE, LOGISTIC)


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """One cut-off: who was there, what was known, who bought in the `horizon_days` after it."""

    as_of: int
    features: FeatureTable
    bought: Bools
    horizon_days: float = 90.0

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
    algorithm: str = BOOSTED


@dataclass(frozen=True, kw_only=True, eq=False)
class PropensityModel:
    """P(buys within the horizon). A value object: it scores, and it can be written down and read.

    trees: LightGBM's text (empty for a logistic regression, which is `linear`). rates: base rate by cut-off. rhythm,
    levels: the offset; without them, as where the features tell no rhythm, it is the base rate. usual: the mean log-odds
    by rhythm, from which reasons are told.
    """

    names: tuple[str, ...]
    trees: str
    rates: tuple[tuple[int, float], ...]
    calibration: Beta
    horizon_days: float = 90.0
    algorithm: str = BOOSTED
    rhythm: Fitted | None = None
    levels: Levels | None = None
    linear: OffsetLogit | None = None
    usual: float = 0.0

    def predict(self, features: FeatureTable, *, as_of: int, num_threads: int = 1) -> Floats:
        """Return P(buys), (n,), for customers as they are at `as_of` (epoch seconds).

        Raises KeyError naming the features that are missing.
        """
        move = self._move(as_of)
        said = np.empty(len(features))
        for first in range(0, len(features), _BLOCK):
            part = _slice(features, slice(first, first + _BLOCK))
            margin = self._margin(part.columns(self.names), num_threads=num_threads)
            odds = margin + self._odds(part) + move
            said[first : first + len(part)] = calibrated(expit(odds), self.calibration)
        if not len(features):
            features.columns(self.names)
        return said

    def level(self, as_of: int) -> float:
        """Return the base rate to compare with: that of the same season a year ago, else the newest."""
        season = Levels.of([(at, 1.0, rate) for at, rate in self.rates]).season(as_of, ahead=1.0)
        return self.rates[-1][1] if season is None else season

    def reasons(self, features: FeatureTable) -> Floats:
        """Return what each feature adds to the log-odds, (n, p): some 300 times the price of a score."""
        values = features.columns(self.names)
        if self.linear is not None:
            contributions = self.linear.contributions(values)
        else:
            said = self._booster.predict(values, pred_contrib=True, num_threads=1)
            contributions = np.array(said, dtype=np.float64)[:, :-1]
        if self.rhythm is not None:
            # what the rhythm makes of the silence is shown as what it is about
            contributions[:, self.names.index(RECENCY_DAYS)] += self._odds(features) - self.usual
        return contributions

    def told(self, features: FeatureTable, *, most: int = 3) -> list[str]:
        """The weightiest reasons of each customer in words, (n,)."""
        return telling.in_words(
            features, names=self.names, contributions=self.reasons(features), most=most
        )

    def to_files(self) -> dict[str, bytes]:
        document = {
            "names": list(self.names),
            "rates": [list(pair) for pair in self.rates],
            "calibration": list(self.calibration),
            "horizon_days": self.horizon_days,
            "algorithm": self.algorithm,
            "rhythm": None if self.rhythm is None else self.rhythm.to_dict(),
            "usual": self.usual,
            "levels": None if self.levels is None else self.levels.to_list(),
            "linear": None if self.linear is None else self.linear.to_dict(),
        }
        return artifacts.to_files(documents={"model": document}, texts={"trees": self.trees})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read what `to_files` wrote, of earlier versions too (they had no rhythm). Raises artifacts.ArtifactError."""
        document = artifacts.read_document(files, "model")
        slope_low, slope_high, intercept = document["calibration"]
        rhythm, levels = document.get("rhythm"), document.get("levels")
        linear = document.get("linear")
        return cls(
            names=tuple(document["names"]),
            trees=artifacts.read_text(files, "trees"),
            rates=tuple((int(as_of), float(rate)) for as_of, rate in document["rates"]),
            calibration=(slope_low, slope_high, intercept),
            horizon_days=document.get("horizon_days", 90.0),
            algorithm=document.get("algorithm", BOOSTED),
            rhythm=None if rhythm is None else Fitted.from_dict(rhythm),
            levels=None if levels is None else Levels.from_document(document, "levels"),
            usual=document.get("usual", 0.0),
            linear=None if linear is None else OffsetLogit.from_dict(linear),
        )

    @cached_property
    def _booster(self) -> Any:
        """Parsed once: reading the text takes as long as scoring thousands."""
        import lightgbm

        return lightgbm.Booster(model_str=self.trees)

    def _margin(self, values: Floats, *, num_threads: int) -> Floats:
        if self.linear is not None:
            return self.linear.margin(values)
        return np.asarray(
            self._booster.predict(values, raw_score=True, num_threads=num_threads),
            dtype=np.float64,
        )

    def _move(self, as_of: int) -> float:
        """What the log-odds of everybody are moved by: the level to expect at `as_of`."""
        if self.levels is None:
            return float(logit(self.level(as_of)))
        return self.levels.at(as_of, ahead=self.horizon_days)

    def _odds(self, features: FeatureTable) -> Floats:
        if self.rhythm is None:
            return np.zeros(len(features))
        return rhythm_odds(self.rhythm, features, horizon_days=self.horizon_days)


def fit(origins: Sequence[Origin], *, settings: Settings) -> PropensityModel:
    """Learn from cut-offs in ascending order, all with the same features.

    Raises ValueError for an algorithm that is not one of ALGORITHMS.
    """
    if settings.algorithm not in ALGORITHMS:
        raise ValueError(f"{settings.algorithm!r} is none of {', '.join(ALGORITHMS)}")
    origins = _thinned(origins, settings=settings)
    newest = origins[-1]
    names = newest.features.names
    rhythms = _rhythms(origins)
    odds = [
        np.zeros(len(origin.features))
        if rhythm is None
        else rhythm_odds(rhythm, origin.features, horizon_days=origin.horizon_days)
        for rhythm, origin in zip(rhythms, origins, strict=True)
    ]
    at = [odds_level(said, origin.bought) for said, origin in zip(odds, origins, strict=True)]
    rows = _Rows(
        values=np.concatenate([origin.features.columns(names) for origin in origins]),
        bought=np.concatenate([origin.bought for origin in origins]),
        offset=np.concatenate([said + level for said, level in zip(odds, at, strict=True)]),
    )
    part = np.concatenate([_fold(o.features.customer_ids, settings.seed) for o in origins])
    model = PropensityModel(
        names=names,
        trees="",
        rates=tuple((origin.as_of, origin.rate) for origin in origins),
        calibration=(1.0, 1.0, 0.0),
        horizon_days=newest.horizon_days,
        algorithm=settings.algorithm,
        rhythm=rhythms[-1],
        usual=float(odds[-1].mean()),
        levels=None
        if rhythms[-1] is None
        else Levels.of([(o.as_of, o.horizon_days, a) for o, a in zip(origins, at, strict=True)]),
    )
    first = len(rows.bought) - len(newest.bought)
    unseen = np.zeros(len(newest.bought))
    for number in range(FOLDS):
        learn, judge = part != number, part[first:] == number
        if not learn.any() or not judge.any():
            continue
        half = _learned(model, rows, learn, settings=settings)
        unseen[judge] = half._margin(rows.values[first:][judge], num_threads=settings.num_threads)
    return replace(
        _learned(model, rows, np.ones(len(part), bool), settings=settings),
        calibration=beta_calibration(expit(unseen + rows.offset[first:]), newest.bought),
    )


def fit_baseline(origins: Sequence[Origin]) -> RecencyRule:
    """The recency rule of the newest cut-off."""
    newest = origins[-1]
    return RecencyRule.fit(recency_days=newest.features.column(RECENCY_DAYS), bought=newest.bought)


def rivals(learn: Sequence[Origin], test: Origin, *, settings: Settings) -> dict[str, Floats]:
    """What each algorithm but the one in `settings`, learned from `learn`, says of `test`: (n,) by name."""
    said = {}
    for algorithm in ALGORITHMS:
        if algorithm != settings.algorithm:
            model = fit(learn, settings=replace(settings, algorithm=algorithm))
            said[algorithm] = model.predict(
                test.features, as_of=test.as_of, num_threads=settings.num_threads
            )
    return said


def rhythm_odds(rhythm: Fitted, features: FeatureTable, *, horizon_days: float) -> Floats:
    """Log-odds of an order within the horizon by rhythm alone, (n,)."""
    silence = rhythm.model.log_silence(Histories.of(features), ahead=horizon_days)
    silence = np.clip(silence, -30.0, -1e-7)
    return np.asarray(np.log(-np.expm1(silence)) - silence, dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """All cut-offs under each other."""

    values: Floats
    bought: Bools
    offset: Floats


def _learned(
    model: PropensityModel, rows: _Rows, chosen: Bools, *, settings: Settings
) -> PropensityModel:
    values, bought, offset = rows.values[chosen], rows.bought[chosen], rows.offset[chosen]
    if settings.algorithm == LOGISTIC:
        return replace(model, linear=OffsetLogit.fit(values, bought, offset))
    return replace(model, trees=_grow(values, bought, offset, settings=settings))


def _rhythms(origins: Sequence[Origin]) -> list[Fitted | None]:
    """MBG/NBD at each cut-off (its silence has a closed form: cheap for a million), or None where features tell no rhythm."""
    if {ORDER_DAYS, TENURE_DAYS, RECENCY_DAYS} - set(origins[-1].features.names):
        return [None for _ in origins]
    fitted: list[Fitted | None] = []
    for origin in origins:
        fitted.append(
            btyd.fit(
                Histories.of(origin.features),
                ahead=origin.horizon_days,
                start=fitted[-1] if fitted else None,
                chain=(MODIFIED, PLAIN),
            )
        )
    return fitted


def _grow(values: Floats, bought: Bools, offset: Floats, *, settings: Settings) -> str:
    import lightgbm

    one = settings.algorithm == DECISION_TREE
    parameters = {
        "objective": "binary",
        "boost_from_average": False,
        "learning_rate": 1.0 if one else settings.learning_rate,
        "num_leaves": settings.leaves,
        "lambda_l2": 5.0,
        "feature_fraction": 1.0 if one else 0.7,
        "bagging_fraction": 1.0 if one else 0.8,
        "bagging_freq": 0 if one else 1,
        **steady(
            rows_per_leaf=settings.rows_per_leaf,
            seed=settings.seed,
            num_threads=settings.num_threads,
        ),
    }
    data = lightgbm.Dataset(
        values, label=bought.astype(np.float64), init_score=offset, params=parameters
    )
    booster = lightgbm.train(parameters, data, num_boost_round=1 if one else settings.trees)
    return str(booster.model_to_string())


def _slice(features: FeatureTable, rows: slice) -> FeatureTable:
    return FeatureTable(
        customer_ids=features.customer_ids[rows],
        names=features.names,
        values=features.values[rows],
    )


def _thinned(origins: Sequence[Origin], *, settings: Settings) -> Sequence[Origin]:
    """Keep the same customers at every cut-off, so many that the rows fit into `most_rows`."""
    rows = sum(len(origin.bought) for origin in origins)
    if rows <= settings.most_rows:
        return origins
    thinned = []
    for origin in origins:
        kept = share_of(
            origin.features.customer_ids, share=settings.most_rows / rows, seed=settings.seed
        )
        thinned.append(
            replace(origin, features=origin.features.rows(kept), bought=origin.bought[kept])
        )
    return thinned


def _fold(customer_ids: Any, seed: int) -> Any:
    """The same customer is in the same fold at every cut-off."""
    return fold(customer_ids, folds=FOLDS, seed=seed)


_beta_calibration, _calibrated = beta_calibration, calibrated
