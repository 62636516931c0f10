"""The two ways to a new model that do not begin anew: to build on the old one, or to mix it with a new one.

Warm start: trees are grown on the new cut-offs alone, from where the old model left off: its log-odds are their
starting point, and what was grown by an earlier warm start is continued (LightGBM's `init_model`). Blend: the old model
stays as it is, one is learned from the new cut-offs, and their log-odds are mixed with a weight learned on past cut-offs.
Both take any model that predicts as `PropensityModel` does, whatever it is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
from scipy.special import expit, logit

from segmentation.ml import artifacts
from segmentation.ml.boosting import steady
from segmentation.ml.estimators import propensity
from segmentation.ml.estimators.propensity import Origin, PropensityModel, Settings
from segmentation.ml.metrics import log_loss
from segmentation.ml.sampling import fold
from segmentation.ml.tables import Bools, FeatureTable, Floats


TREES = 40
"""Grown by one warm start: a quarter of what a model has that begins anew."""

DEEPEST = 3
"""Old models inside a new one; then it is time to begin anew."""

_EDGE = 1e-6
_OLD, _NEW = "old_", "new_"


class Model(Protocol):
    """P(buys) of customers, what it is made of, and its files."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def predict(self, features: FeatureTable, *, as_of: int, num_threads: int = 1) -> Floats: ...

    def reasons(self, features: FeatureTable) -> Floats: ...

    def to_files(self) -> dict[str, bytes]: ...


def depth(model: Model) -> int:
    """How often it was built on something older, each warm start counted: 0 for one that began anew."""
    if isinstance(model, Continued):
        return model.times + depth(model.base)
    return 1 + depth(model.old) if isinstance(model, Blend) else 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Continued:
    """P(buys) by an old model and the trees grown from it.

    own: the features of the trees. shift: what the newest cut-off adds to the log-odds of everybody. slope, intercept:
    of the calibration (Platt 1999). times: how often it was continued.
    """

    base: Model
    own: tuple[str, ...]
    trees: str
    shift: float
    slope: float
    intercept: float
    times: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.base.names, *self.own)))

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.trees)

    def predict(self, features: FeatureTable, *, as_of: int, num_threads: int = 1) -> Floats:
        margin = _log_odds(self.base.predict(features, as_of=as_of, num_threads=num_threads))
        grown = self._booster.predict(
            features.columns(self.own), raw_score=True, num_threads=num_threads
        )
        margin += self.shift + np.asarray(grown, dtype=np.float64)
        return np.asarray(expit(self.slope * margin + self.intercept), dtype=np.float64)

    def reasons(self, features: FeatureTable) -> Floats:
        """What each of `names` adds to the log-odds, (n, p), before the calibration."""
        said = self._booster.predict(features.columns(self.own), pred_contrib=True, num_threads=1)
        ours: Floats = np.asarray(said, dtype=np.float64)[:, :-1]
        return _aligned(self.base.reasons(features), self.base.names, self.names) + _aligned(
            ours, self.own, self.names
        )

    def to_files(self) -> dict[str, bytes]:
        document = {
            "own": list(self.own), "shift": self.shift, "slope": self.slope,
            "intercept": self.intercept, "times": self.times,
        }  # fmt: skip
        return {
            **artifacts.to_files(documents={"continued": document}, texts={"grown": self.trees}),
            **{f"{_OLD}{name}": content for name, content in self.base.to_files().items()},
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        document = artifacts.read_document(files, "continued")
        return cls(
            base=read(_under(files, _OLD)),
            own=tuple(document["own"]),
            trees=artifacts.read_text(files, "grown"),
            shift=float(document["shift"]),
            slope=float(document["slope"]),
            intercept=float(document["intercept"]),
            times=int(document["times"]),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Blend:
    """P(buys) by the weighted mean of two models' log-odds; `weight`, 0 to 1, is the old one's."""

    old: Model
    new: Model
    weight: float

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.old.names, *self.new.names)))

    def predict(self, features: FeatureTable, *, as_of: int, num_threads: int = 1) -> Floats:
        return mixed(
            self.old.predict(features, as_of=as_of, num_threads=num_threads),
            self.new.predict(features, as_of=as_of, num_threads=num_threads),
            weight=self.weight,
        )

    def reasons(self, features: FeatureTable) -> Floats:
        old = _aligned(self.old.reasons(features), self.old.names, self.names)
        new = _aligned(self.new.reasons(features), self.new.names, self.names)
        return self.weight * old + (1 - self.weight) * new

    def to_files(self) -> dict[str, bytes]:
        return {
            **artifacts.to_files(documents={"blend": {"weight": self.weight}}),
            **{f"{_OLD}{name}": content for name, content in self.old.to_files().items()},
            **{f"{_NEW}{name}": content for name, content in self.new.to_files().items()},
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        return cls(
            old=read(_under(files, _OLD)),
            new=read(_under(files, _NEW)),
            weight=float(artifacts.read_document(files, "blend")["weight"]),
        )


def read(files: Mapping[str, bytes]) -> Model:
    """The model in these files, whichever of the three it is."""
    if "continued.json" in files:
        return Continued.from_files(files)
    if "blend.json" in files:
        return Blend.from_files(files)
    return PropensityModel.from_files(files)


def mixed(old: Floats, new: Floats, *, weight: float) -> Floats:
    """The probability whose log-odds are the weighted mean of these two's."""
    return np.asarray(
        expit(weight * _log_odds(old) + (1 - weight) * _log_odds(new)), dtype=np.float64
    )


def continued(old: Model, origins: Sequence[Origin], *, settings: Settings) -> Continued:
    """
    Grow trees from `old` on `origins`, cut-offs it has not learned from, in ascending order.

    At each cut-off the old log-odds are first moved so that they give its rate of buyers, lest the trees learn
    one month's level as everybody's; the newest cut-off's move is kept.
    """
    base, start, times = old, None, 1
    if isinstance(old, Continued):
        base, start, times = old.base, old.trees, old.times + 1
    names = origins[0].features.names
    starts, shifts = [], []
    for origin in origins:
        margin = _log_odds(
            base.predict(origin.features, as_of=origin.as_of, num_threads=settings.num_threads)
        )
        shifts.append(_shift(margin, origin.rate))
        starts.append(margin + shifts[-1])
    values = np.concatenate([origin.features.columns(names) for origin in origins])
    bought = np.concatenate([origin.bought for origin in origins])
    offset = np.concatenate(starts)
    half = np.concatenate(
        [fold(o.features.customer_ids, folds=2, seed=settings.seed) for o in origins]
    )
    newest = len(bought) - len(origins[-1].bought)

    unseen = np.empty(len(bought) - newest)
    for side in (0, 1):
        learn, judge = half != side, half[newest:] == side
        grown = _grow(values[learn], bought[learn], offset[learn], start=start, settings=settings)
        unseen[judge] = _margin(grown, values[newest:][judge], settings.num_threads)
    slope, intercept = _platt(unseen + offset[newest:], bought[newest:])
    return Continued(
        base=base,
        own=names,
        trees=_grow(values, bought, offset, start=start, settings=settings),
        shift=shifts[-1],
        slope=slope,
        intercept=intercept,
        times=times,
    )


def blended(old: Model, origins: Sequence[Origin], *, weight: float, settings: Settings) -> Blend:
    """Mix `old` with a model of `origins`, cut-offs the old one has not learned from."""
    return Blend(old=old, new=propensity.fit(origins, settings=settings), weight=weight)


def best_weight(parts: Sequence[tuple[Floats, Floats, Bools]]) -> float:
    """
    The old model's weight, in steps of a twentieth, with the least log loss over past cut-offs.

    parts: of each cut-off what the old model said, what the new one said, and who bought, (n,) each. Half each
    where there is nothing to learn it from.
    """
    if not parts:
        return 0.5
    bought = np.concatenate([part[2] for part in parts])
    old, new = (np.concatenate([part[number] for part in parts]) for number in (0, 1))
    weights = np.linspace(0, 1, 21)
    losses = [log_loss(label=bought, probability=mixed(old, new, weight=w)) for w in weights]
    return float(weights[int(np.argmin(losses))])


def _grow(
    values: Floats, bought: Bools, offset: Floats, *, start: str | None, settings: Settings
) -> str:
    """Trees on top of `offset`; those of `start` are kept and continued."""
    import lightgbm

    truth = bought.astype(np.float64)

    def slope(margin: Floats, data: Any) -> tuple[Floats, Floats]:
        # an init_model takes the place of an init_score, so the offset is added here
        p = expit(margin + offset)
        return p - truth, np.maximum(p * (1 - p), 1e-9)

    parameters = {
        "objective": slope,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "lambda_l2": 5.0,
        "feature_fraction": 0.7,
        **steady(
            rows_per_leaf=settings.rows_per_leaf,
            seed=settings.seed,
            num_threads=settings.num_threads,
        ),
    }
    data = lightgbm.Dataset(values, label=truth, params={"max_bin": 63, "verbosity": -1})
    booster = lightgbm.train(
        parameters,
        data,
        num_boost_round=TREES,
        init_model=None if start is None else lightgbm.Booster(model_str=start),
    )
    return str(booster.model_to_string())


def _margin(trees: str, values: Floats, num_threads: int) -> Floats:
    import lightgbm

    said = lightgbm.Booster(model_str=trees).predict(
        values, raw_score=True, num_threads=num_threads
    )
    return np.asarray(said, dtype=np.float64)


def _log_odds(probability: Floats) -> Floats:
    return np.asarray(logit(np.clip(probability, _EDGE, 1 - _EDGE)), dtype=np.float64)


def _shift(margin: Floats, rate: float) -> float:
    """The constant that makes these log-odds give `rate` on average."""
    from scipy.optimize import brentq

    return float(brentq(lambda c: expit(margin + c).mean() - rate, -30, 30))


def _platt(margin: Floats, bought: Bools) -> tuple[float, float]:
    """Slope and intercept of the log-odds, with a weak pull to 1 and 0."""
    from scipy.optimize import minimize

    truth = bought.astype(np.float64)

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = weights[0] * margin + weights[1]
        pull = weights - np.array([1.0, 0.0])
        error = expit(z) - truth
        value = np.sum(np.logaddexp(0, z) - truth * z) + 5 * np.sum(pull**2)
        return float(value), np.array([error @ margin, error.sum()]) + 10 * pull

    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)]
    )
    return float(found.x[0]), float(found.x[1])


def _aligned(values: Floats, names: Sequence[str], wanted: Sequence[str]) -> Floats:
    """The columns under `wanted`, 0 where there is none."""
    placed = np.zeros((len(values), len(wanted)))
    placed[:, [wanted.index(name) for name in names]] = values
    return placed


def _under(files: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    return {
        name.removeprefix(prefix): body for name, body in files.items() if name.startswith(prefix)
    }
