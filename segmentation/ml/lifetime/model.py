"""How much customers will order and spend: means, medians, an interval, P(buys) and the next order's date.

Use it so:

    model = lifetime.learn(connection, known_at=now, horizon_days=365, settings=Settings())   # a mirror in DuckDB
    futures = model.predict(lifetime.customers(connection, as_of=now), as_of=now)             # Futures, a frozen table
    futures = model.predict(table, as_of=now, horizon_days=90)                                # any other horizon
    words = model.reasons(table)                                                              # some customers, lazily
    files = model.to_files(); model = ValueModel.from_files(files)                            # artifacts.Storable
    report = lifetime.judge(connection, known_at=now, horizon_days=365, settings=Settings())  # ValueReport

`learn` takes every customer who has ordered; `customer_ids=` limits it to a sample. Without a mirror, `ValueModel.fit`
takes `Origin`s made of arrays. Too little data never fails: `model.rung` and `model.reason` say in words what served.

Three steps, each on top of the other. Rhythm and baskets (`base.py`) say what to expect; the *level* (`levels.py`) is how
far everybody together did more or less than that; boosted trees with that as their offset tell customers
apart by all that is known of them. How much the trees count is chosen on customers they had not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import duckdb
import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.estimators import telling
from segmentation.ml.estimators.calibrating import calibrated
from segmentation.ml.estimators.levels import Levels
from segmentation.ml.lifetime import learning, origins
from segmentation.ml.lifetime.base import COLUMNS, Base, Said
from segmentation.ml.lifetime.futures import Futures
from segmentation.ml.lifetime.origins import Origin, TooLittleHistoryError
from segmentation.ml.lifetime.spread import Spread
from segmentation.ml.lifetime.trees import BUYS, MONEY, ORDERS, Settings, Trees
from segmentation.ml.tables import FeatureTable, Floats


_BLOCK = 20_000
"""Customers at a time, so that a million need no second copy of their features."""

_GRID = np.array([3.0, 7, 14, 30, 60, 120, 240, 480, 730])
"""Days at which P(no order) is worked out, to read the next order's date off between them."""

_MOST = np.log(20.0)
"""Trees may not move an expectation by more than this factor."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueModel(learning.Learned):
    """Says what customers will do. A value object: it predicts, and it can be written down and read."""

    @classmethod
    def fit(
        cls,
        origins: Sequence[Origin],
        *,
        now: FeatureTable,
        horizon_days: float,
        settings: Settings,
    ) -> Self:
        """Learn from `origins` (ascending; may be empty); `now` are the features of today's customers."""
        return cls(
            **vars(learning.learn(origins, now=now, horizon_days=horizon_days, settings=settings))
        )

    def predict(
        self,
        table: FeatureTable,
        *,
        as_of: int,
        horizon_days: float | None = None,
        num_threads: int = 1,
    ) -> Futures:
        """Predict for customers who have ordered, as they are at `as_of` (epoch seconds).

        Raises KeyError naming the features that are missing, ValueError for a horizon that is not positive.
        """
        ahead = self.horizon_days if horizon_days is None else float(horizon_days)
        if not 0 < ahead < np.inf:
            raise ValueError(f"the horizon must be a positive number of days, not {ahead:g}")
        blocks = [
            self._block(table, slice(first, first + _BLOCK), as_of, ahead, num_threads)
            for first in range(0, max(len(table), 1), _BLOCK)
        ]
        together = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        return Futures(customer_ids=table.customer_ids, horizon_days=ahead, **together)

    def to_files(self) -> dict[str, bytes]:
        document = {
            "horizon_days": self.horizon_days,
            "names": list(self.names),
            "base": self.base.to_dict(),
            "shares": dict(self.shares),
            "levels": {name: levels.to_list() for name, levels in self.levels.items()},
            "calibration": list(self.calibration),
            "orders_spread": self.orders_spread.to_dict(),
            "spend_spread": self.spend_spread.to_dict(),
            "rung": self.rung,
            "reason": self.reason,
            "inner": dict(self.inner),
        }
        texts = {f"trees_{name}": trees.text for name, trees in self.trees.items()}
        return artifacts.to_files(documents={"value": document}, texts=texts)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Raises artifacts.ArtifactError when a file is missing."""
        document = artifacts.read_document(files, "value")
        a, b, c = document["calibration"]
        return cls(
            horizon_days=document["horizon_days"],
            names=tuple(document["names"]),
            base=Base.from_dict(document["base"]),
            trees={
                name: Trees(text=artifacts.read_text(files, f"trees_{name}"))
                for name in document["shares"]
            },
            shares=document["shares"],
            levels={
                name: Levels.from_document(document["levels"], name) for name in document["levels"]
            },
            calibration=(a, b, c),
            orders_spread=Spread.from_dict(document["orders_spread"]),
            spend_spread=Spread.from_dict(document["spend_spread"]),
            rung=document["rung"],
            reason=document["reason"],
            inner=document["inner"],
        )

    def without_trees(self) -> ValueModel:
        """The same levels and spreads on rhythm and baskets alone: the baseline, and what serves when trees prove nothing."""
        return replace(self, trees={}, shares={}, names=(), rung=self.base.rhythm.name)

    def reasons(self, table: FeatureTable, *, most: int = 3) -> list[str]:
        """Why more or fewer orders are expected than rhythm alone says, (n,) sentences.

        From the exact contributions of the trees, some 300 times the price of a prediction; without trees, the rhythm.
        """
        if ORDERS not in self.trees:
            return telling.rhythm(table)
        parts = self.trees[ORDERS].contributions(self.design(table))
        return telling.in_words(table, names=self.columns, contributions=parts, most=most)

    def contributions(self, table: FeatureTable) -> tuple[tuple[str, ...], Floats]:
        """What each feature adds to the log of the orders that rhythm alone expects: names (p,), values (n, p).

        What the base says counts for the feature that shows it. No columns without trees.
        """
        if ORDERS not in self.trees:
            return (), np.empty((len(table), 0))
        return telling.shown_as(self.columns), self.trees[ORDERS].contributions(self.design(table))

    def design(self, table: FeatureTable) -> Floats:
        """What the trees look at, (n, names and COLUMNS)."""
        return np.hstack([table.columns(self.names), self.base.columns(table)])

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.names, *COLUMNS)

    def _block(
        self, table: FeatureTable, block: slice, as_of: int, ahead: float, num_threads: int
    ) -> dict[str, Floats]:
        part = FeatureTable(
            customer_ids=table.customer_ids[block], names=table.names, values=table.values[block]
        )
        said = self.base.say(part, ahead=ahead)
        values = self.design(part) if self.trees else np.empty((len(part), 0))

        def margin(target: str) -> Floats:
            if target not in self.trees:
                return np.zeros(len(part))
            return self.trees[target].margin(values, num_threads=num_threads)

        def level(target: str) -> float:
            return self.levels[target].at(as_of, ahead=ahead)

        orders = blend(said.log_orders + level(ORDERS), margin(ORDERS), self.shares.get(ORDERS, 0))
        spend = blend(said.log_spend + level(MONEY), margin(MONEY), self.shares.get(MONEY, 0))
        odds = said.odds + level(BUYS) + self.shares.get(BUYS, 0) * margin(BUYS)
        p_buy = np.minimum(calibrated(learning.buying(odds, orders), self.calibration), 1 - 1e-9)
        # more orders than customers who order: one cannot be below the other
        orders = np.maximum(orders, p_buy)
        median = np.round(self.orders_spread.quantile(0.5, expected=orders, p_buy=p_buy))
        median = np.maximum(median, 1.0)
        low, high = self.spend_spread.interval(expected=spend, p_buy=p_buy)
        return {
            "expected_orders": orders,
            "median_orders": np.asarray(np.where(p_buy > 0.5, median, 0.0), dtype=np.float64),
            "expected_spend_cents": spend,
            "median_spend_cents": self.spend_spread.quantile(0.5, expected=spend, p_buy=p_buy),
            "low_cents": low,
            "high_cents": np.maximum(high, low),
            "p_buy": p_buy,
            "next_order_days": self._next(part, said, p_buy),
        }

    def _next(self, part: FeatureTable, said: Said, p_buy: Floats) -> Floats:
        """When the hazard of the base, scaled so that it agrees with `p_buy` at the horizon, has summed up to log 2."""
        hazards = np.empty((len(part), len(_GRID)))
        for number, days in enumerate(_GRID):
            hazards[:, number] = -self.base.say(part, ahead=float(days)).log_silence
        scale = -np.log1p(-p_buy) / np.maximum(-said.log_silence, 1e-12)
        reached = hazards * scale[:, None] >= np.log(2)
        after = np.where(reached.any(axis=1), reached.argmax(axis=1), len(_GRID) - 1)
        rows = np.arange(len(part))
        before = np.maximum(after - 1, 0)
        low = np.where(after > 0, hazards[rows, before] * scale, 0.0)
        high = hazards[rows, after] * scale
        share = np.clip((np.log(2) - low) / np.maximum(high - low, 1e-12), 0, 1)
        start = np.where(after > 0, _GRID[before], 0.0)
        days_until: Floats = start + share * (_GRID[after] - start)
        return np.where(reached.any(axis=1), days_until, np.nan)


def blend(log_base: Floats, margin: Floats, share: float) -> Floats:
    """The mean of base and trees: base * (1 - share + share * e^margin), the margin kept within bounds."""
    return np.exp(log_base) * (1 - share + share * np.exp(np.clip(margin, -_MOST, _MOST)))


def learn(
    connection: duckdb.DuckDBPyConnection,
    *,
    known_at: int,
    horizon_days: float,
    settings: Settings,
    customer_ids: Sequence[int] | None = None,
) -> ValueModel:
    """Learn from the mirror as known at `known_at` (epoch seconds). Too short a history is told in `reason`, not raised."""
    now = origins.customers(connection, as_of=known_at, customer_ids=customer_ids)
    first = origins.first_order(connection, before=known_at)
    learned_from: list[Origin] = []
    if first is not None:
        try:
            at = origins.moments(history_from=first, known_at=known_at, horizon_days=horizon_days)
        except TooLittleHistoryError:
            at = []
        learned_from = origins.gather(
            connection, at=at, known_at=known_at, customer_ids=customer_ids
        )
    return ValueModel.fit(learned_from, now=now, horizon_days=horizon_days, settings=settings)
