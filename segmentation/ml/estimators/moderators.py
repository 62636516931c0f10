"""What may make one customer's uplift differ from another's, as columns of a linear model in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np

from segmentation.ml.estimators.shrinkage import RankBasis
from segmentation.ml.tables import Floats, Ints


MODERATORS = (
    "recency_days",
    "orders",
    "order_value_mean_cents",
    "discounted_orders_share",
    "visits_90d",
    "tenure_days",
    "mails_90d",
)
"""What is known to move the response to offers: recency, frequency, monetary value (Bult and Wansbeek 1995),
deal proneness (Blattberg and Neslin 1990), engagement, time as a customer, and earlier mails. These get bends,
pairs and a shrinkage of their own; all other features share one per theme."""

_BENDS = 4  # cosines per moderator
_FEW = 15  # with no more features than this, all are moderators
_TURN, _STEEP = 0.05, 1.5  # P(order) at which, and how fast, rare buyers pass into regular ones


@dataclass(frozen=True, kw_only=True)
class Functions:
    """Moderators (with the base rate): bends, pairs, and once more for regular buyers; the rest: one slope.

    `main` works on the moderators' columns and the base rate, `rest` on all features. `groups`: for `shrink`,
    with the intercept as its first entry (group 0), the level of regular buyers as group 1, and then `own` groups of one
    moderator each.
    """

    columns: tuple[int, ...]
    main: RankBasis
    rest: RankBasis | None
    gate_mean: float
    groups: Ints
    own: int

    @classmethod
    def learn(
        cls, X: Floats, base: Floats, *, names: Sequence[str], family: Mapping[str, str]
    ) -> Self:
        """`base`: P(order) of each row; `family`: the theme of each feature, shrunk together."""
        chosen = [names.index(name) for name in MODERATORS if name in names]
        if len(names) <= _FEW:
            chosen = list(range(len(names)))
        main = RankBasis.learn(np.column_stack([X[:, chosen], base]), order=_BENDS, alike=0.999)
        rest = None
        if len(chosen) < len(names):
            others = X.copy()
            others[:, chosen] = 0.0  # constant: left out
            rest = RankBasis.learn(others, order=1)
        _, source, orders = main.functions(np.column_stack([X[:1, chosen], base[:1]]))
        slopes = int((orders == 1).sum())
        keys: list[tuple[str, object]] = [("level", "")]
        keys += [
            ("bend" if order > 1 else "slope", int(column))
            for column, order in zip(source, orders, strict=True)
        ]
        keys += [("regular buyers", "")] * slopes
        keys += [("pair", "")] * (slopes * (slopes - 1) // 2)
        if rest is not None:
            _, source, _ = rest.functions(X[:1])
            keys += [("theme", family[names[column]]) for column in source]
        own = len({key for key in keys if key[0] in {"bend", "slope"}})
        number = {key: position for position, key in enumerate(dict.fromkeys(keys), start=1)}
        return cls(
            columns=tuple(chosen),
            main=main,
            rest=rest,
            gate_mean=float(_gate(base).mean()),
            groups=np.array([0, *(number[key] for key in keys)]),
            own=own,
        )

    def table(self, X: Floats, base: Floats) -> Floats:
        """One column per entry of `groups` but the first; (n, q)."""
        bends, _, orders = self.main.functions(np.column_stack([X[:, self.columns], base]))
        slopes = bends[:, orders == 1]
        regular = (_gate(base) - self.gate_mean)[:, None]
        parts = [regular, bends, slopes * regular]
        pairs = list(combinations(range(slopes.shape[1]), 2))
        if pairs:
            first, second = np.array(pairs).T
            parts.append(slopes[:, first] * slopes[:, second])
        if self.rest is not None:
            parts.append(self.rest.functions(X)[0])
        return np.hstack(parts)

    def to_dict(self) -> dict[str, Any]:
        return {
            "columns": list(self.columns),
            "main": self.main.to_dict(),
            "rest": None if self.rest is None else self.rest.to_dict(),
            "gate_mean": self.gate_mean,
            "groups": self.groups.tolist(),
            "own": self.own,
        }

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> Self:
        return cls(
            columns=tuple(tree["columns"]),
            main=RankBasis.from_dict(tree["main"]),
            rest=None if tree["rest"] is None else RankBasis.from_dict(tree["rest"]),
            gate_mean=tree["gate_mean"],
            groups=np.array(tree["groups"]),
            own=tree["own"],
        )


def _gate(base: Floats) -> Floats:
    """0 for those who hardly ever order, 1 for those who do."""
    log_odds = np.log(base / (1 - base)) - np.log(_TURN / (1 - _TURN))
    return np.asarray(1 / (1 + np.exp(-_STEEP * log_odds)))
