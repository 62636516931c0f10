"""Learning a ValueModel: base at every origin, levels, trees twice over halves of the customers, then on all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit

from segmentation.ml.estimators.calibrating import Beta, beta_calibration, calibrated
from segmentation.ml.estimators.levels import Levels, odds_level
from segmentation.ml.features import MODEL_FEATURES
from segmentation.ml.lifetime.base import Base, Said, choose_chain, poisson_deviances
from segmentation.ml.lifetime.origins import Origin
from segmentation.ml.lifetime.spread import Spread
from segmentation.ml.lifetime.trees import BUYS, MONEY, ORDERS, Settings, Trees, grow, prepared
from segmentation.ml.sampling import fold, share_of
from segmentation.ml.tables import Bools, FeatureTable, Floats


FEWEST = 200
"""Buyers at all origins together, below which trees learn noise and rhythm alone serves."""

FOLDS = 2
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_MOST = np.log(20.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """
    What a ValueModel is made of.

    trees, shares (of the trees in the blend), levels: by ORDERS, MONEY and BUYS; without trees the base says all.
    """

    horizon_days: float
    names: tuple[str, ...]
    base: Base
    trees: Mapping[str, Trees]
    shares: Mapping[str, float]
    levels: Mapping[str, Levels]
    calibration: Beta
    orders_spread: Spread
    spend_spread: Spread
    rung: str
    reason: str
    inner: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """All origins under each other. offset and label: by target. origin, part: which origin, which half."""

    values: Floats
    offset: Mapping[str, Floats]
    label: Mapping[str, Floats]
    part: Any
    origin: Any


def learn(
    origins: Sequence[Origin], *, now: FeatureTable, horizon_days: float, settings: Settings
) -> Learned:
    origins = [origin for origin in thinned(origins, settings=settings) if len(origin)]
    chain, gini = choose_chain(origins)
    bases: list[Base] = []
    for origin in origins:
        start = bases[-1] if bases else None
        bases.append(Base.fit(origin.features, ahead=origin.window_days, chain=chain, start=start))
    today = Base.fit(now, ahead=horizon_days, chain=chain, start=bases[-1] if bases else None)
    said = [
        base.say(origin.features, ahead=origin.window_days)
        for base, origin in zip(bases, origins, strict=True)
    ]
    levels = {
        target: Levels.of(
            [
                (origin.as_of, origin.window_days, level_of(target, origin, one))
                for origin, one in zip(origins, said, strict=True)
            ]
        )
        for target in (ORDERS, MONEY, BUYS)
    }
    buyers = int(sum(np.count_nonzero(origin.orders) for origin in origins))
    inner: dict[str, Any] = {
        "origins": [[origin.as_of, origin.window_days, len(origin)] for origin in origins],
        "rhythm_gini": gini,
        "buyers": buyers,
        "levels": {t: [round(row[2], 4) for row in one.seen] for t, one in levels.items()},
    }
    if not origins:
        empty = np.zeros(0)
        nobody = Spread.fit(expected=empty, p_buy=empty, actual=empty)
        return Learned(
            horizon_days=horizon_days, names=(), base=today, trees={}, shares={}, levels=levels,
            calibration=(1.0, 1.0, 0.0), orders_spread=nobody, spend_spread=nobody,
            rung=today.rhythm.name,
            reason=f"the history is too short to look back on; {today.rhythm.reason}",
            inner=inner,
        )  # fmt: skip
    names = _varying(origins, left_out=settings.left_out) if buyers >= FEWEST else ()
    rows = _stack(origins, bases, said, levels, names=names, seed=settings.seed)
    trees: dict[str, Trees] = {}
    unseen = {target: np.zeros(len(rows.part)) for target in rows.offset}
    if names:
        settings = replace(
            settings, rows_per_leaf=min(settings.rows_per_leaf, max(20, len(rows.part) // 40))
        )
        for number in range(FOLDS):
            judge = rows.part == number
            for target, one in _grow(rows, ~judge, settings=settings).items():
                unseen[target][judge] = one.margin(
                    rows.values[judge], num_threads=settings.num_threads
                )
        trees = _grow(rows, np.ones(len(rows.part), bool), settings=settings)
    shares = {target: _share(rows, target, unseen[target]) for target in trees}
    inner["shares"] = shares
    blended = {
        target: np.exp(rows.offset[target]) * _factor(unseen[target], shares.get(target, 0.0))
        for target in (ORDERS, MONEY)
    }
    raw = buying(rows.offset[BUYS] + shares.get(BUYS, 0.0) * unseen[BUYS], blended[ORDERS])
    bought = rows.label[BUYS] > 0
    calibration = (
        beta_calibration(raw, bought) if 0 < bought.sum() < len(bought) else (1.0, 1.0, 0.0)
    )
    p_buy = np.minimum(calibrated(raw, calibration), 1 - 1e-9)
    orders = np.maximum(blended[ORDERS], p_buy)
    return Learned(
        horizon_days=horizon_days,
        names=names,
        base=today,
        trees=trees,
        shares=shares,
        levels=levels,
        calibration=calibration,
        orders_spread=Spread.fit(expected=orders, p_buy=p_buy, actual=rows.label[ORDERS]),
        spend_spread=Spread.fit(expected=blended[MONEY], p_buy=p_buy, actual=rows.label[MONEY]),
        rung=f"boosted trees on {today.rhythm.name}" if trees else today.rhythm.name,
        reason=_told(today, buyers=buyers, origins=len(origins), trees=bool(trees)),
        inner=inner,
    )


def buying(odds: Floats, orders: Floats) -> Floats:
    """P(buys) before calibration: halfway between the log-odds and what so many expected orders make likely."""
    some = np.maximum(orders, 1e-9)
    return np.asarray(
        expit((odds + np.log(np.expm1(np.minimum(some, 30.0)))) / 2), dtype=np.float64
    )


def level_of(target: str, origin: Origin, said: Said) -> float:
    """The logarithm by which customers together did more than was said; for BUYS in log-odds.

    One imagined customer who did as was said keeps it finite.
    """
    if target == BUYS:
        return odds_level(said.odds, origin.orders > 0)
    actual, log_said = (
        (origin.orders, said.log_orders)
        if target == ORDERS
        else (origin.spend_cents, said.log_spend)
    )
    expected = np.exp(log_said)
    imagined = max(float(expected.mean()), 1e-9)
    return float(np.log((actual.sum() + imagined) / (expected.sum() + imagined)))


def thinned(origins: Sequence[Origin], *, settings: Settings) -> Sequence[Origin]:
    """Keep the same customers at every origin, so many that the rows fit into `most_rows`."""
    rows = sum(len(origin) for origin in origins)
    if rows <= settings.most_rows:
        return origins
    share = settings.most_rows / rows
    return [
        origin.rows(share_of(origin.features.customer_ids, share=share, seed=settings.seed))
        for origin in origins
    ]


def _varying(origins: Sequence[Origin], *, left_out: Sequence[str]) -> tuple[str, ...]:
    """Features that are not the same for everybody at every origin: what says only when it is tells nobody apart."""
    known = set(origins[0].features.names) - set(left_out)
    names = [name for name in MODEL_FEATURES if name in known]
    varies = np.zeros(len(names), bool)
    for origin in origins:
        values = origin.features.columns(names)
        missing = np.isnan(values)
        filled = np.where(missing, -np.inf, values)
        varies |= filled.max(axis=0) != np.where(missing, np.inf, values).min(axis=0)
        varies &= ~missing.all(axis=0)
    return tuple(name for name, one in zip(names, varies, strict=True) if one)


def _stack(
    origins: Sequence[Origin],
    bases: Sequence[Base],
    said: Sequence[Said],
    levels: Mapping[str, Levels],
    *,
    names: tuple[str, ...],
    seed: int,
) -> _Rows:
    def level(target: str, number: int) -> float:
        return levels[target].seen[number][2]

    numbered = list(enumerate(said))
    return _Rows(
        values=np.vstack(
            [
                np.hstack([origin.features.columns(names), base.columns(origin.features)])
                for origin, base in zip(origins, bases, strict=True)
            ]
        ) if names else np.empty((0, 0)),
        offset={
            ORDERS: np.concatenate([one.log_orders + level(ORDERS, n) for n, one in numbered]),
            MONEY: np.concatenate([one.log_spend + level(MONEY, n) for n, one in numbered]),
            BUYS: np.concatenate([one.odds + level(BUYS, n) for n, one in numbered]),
        },
        label={
            ORDERS: np.concatenate([origin.orders for origin in origins]),
            MONEY: np.concatenate([origin.spend_cents for origin in origins]),
            BUYS: np.concatenate([(origin.orders > 0).astype(float) for origin in origins]),
        },
        part=np.concatenate(
            [fold(origin.features.customer_ids, folds=FOLDS, seed=seed) for origin in origins]
        ),
        origin=np.concatenate([np.full(len(o), number) for number, o in enumerate(origins)]),
    )  # fmt: skip


def _grow(rows: _Rows, chosen: Bools, *, settings: Settings) -> dict[str, Trees]:
    data = prepared(rows.values[chosen], settings=settings)
    grown = {}
    for target in rows.offset:
        label, offset = rows.label[target][chosen], rows.offset[target][chosen]
        if target == MONEY:
            # in units of the mean, so that the regularisation does not depend on the currency
            unit = max(float(label.mean()), 1e-9)
            label, offset = label / unit, offset - np.log(unit)
        grown[target] = grow(data, label, offset, objective=target, settings=settings)
    return grown


def _share(rows: _Rows, target: str, margin: Floats) -> float:
    """How much the trees should count, from none to all, on customers they had not seen."""
    label, offset = rows.label[target], rows.offset[target]

    def loss(share: float) -> float:
        if target == BUYS:
            z = offset + share * margin
            return float(np.sum(np.logaddexp(0, z) - label * z))
        said = np.exp(offset) * _factor(margin, share)
        if target == ORDERS:
            return float(poisson_deviances(label, said).sum())
        root = np.sqrt(
            said
        )  # Tweedie deviance of power 1.5, less what does not depend on what was said
        return float(np.sum(label / root + root))

    return min(SHARES, key=loss)


def _factor(margin: Floats, share: float) -> Floats:
    return 1 - share + share * np.exp(np.clip(margin, -_MOST, _MOST))


def _told(today: Base, *, buyers: int, origins: int, trees: bool) -> str:
    if trees:
        return f"boosted trees learned from {origins} past moments on top of {today.rhythm.reason}"
    return f"{buyers} buyers in {origins} past windows, {FEWEST} are needed for trees; {today.rhythm.reason}"
