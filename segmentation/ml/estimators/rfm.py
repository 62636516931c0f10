"""Recency, frequency, money: scores from 1 to 5 and the groups that marketers know by name.

Scores are quintiles of the shop's own customers with an order. Equal values get equal scores: where
more than a fifth have exactly one order, all of them score 1 and the next value starts higher.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS, RECENCY_DAYS
from segmentation.ml.tables import FeatureTable, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Group:
    """A named group; its code is stored, its name and meaning are shown."""

    code: str
    name: str
    meaning: str


def _group(code: str, name: str, meaning: str) -> Group:
    return Group(code=code, name=name, meaning=meaning)


GROUPS: tuple[Group, ...] = (
    _group("PROSPECT", "Prospects", "Joined, and has never ordered."),
    _group("NEW", "New", "Ordered once, lately."),
    _group(
        "ONE_TIME", "One-time buyers", "Ordered once, some time ago, and has not come back yet."
    ),
    _group("CHAMPION", "Champions", "Ordered lately, orders often and spends most."),
    _group("LOYAL", "Loyal", "Still ordering, and orders often or spends well."),
    _group("PROMISING", "Promising", "Ordered again, lately, but not often or much yet."),
    _group("CANT_LOSE", "Can't lose", "Used to order most and spend most, and has gone quiet."),
    _group("AT_RISK", "At risk", "Used to order often or spend well, and has gone quiet."),
    _group("HIBERNATING", "Hibernating", "Ordered a few times for little, and has gone quiet."),
    _group("LOST", "Lost", "Ordered little, and longer ago than four fifths of all customers."),
)
"""In the order of the numbers that `RfmScale.groups` returns."""

_NUMBER = {group.code: number for number, group in enumerate(GROUPS)}


@dataclass(frozen=True, kw_only=True, eq=False)
class RfmScale:
    """The quintile edges of one shop at one moment: (4,) each, in days, orders and cents."""

    recency: Floats
    frequency: Floats
    money: Floats

    @classmethod
    def fit(cls, table: FeatureTable) -> Self:
        """Take the quintiles of customers with an order; raises ValueError when there is none."""
        buyers = table.rows(table.column(ORDERS) > 0)
        if not len(buyers):
            raise ValueError("no customer has ordered; there is nothing to divide into fifths")
        fifths = [0.2, 0.4, 0.6, 0.8]
        return cls(
            recency=np.quantile(buyers.column(RECENCY_DAYS), fifths),
            frequency=np.quantile(buyers.column(ORDERS), fifths),
            money=np.quantile(buyers.column(NET_REVENUE_CENTS), fifths),
        )

    def scores(self, table: FeatureTable) -> Ints:
        """Return (n, 3): recency, frequency, money, 5 is best; 0 for a customer without an order."""
        recency = 5 - np.searchsorted(self.recency, table.column(RECENCY_DAYS), side="left")
        frequency = 1 + np.searchsorted(self.frequency, table.column(ORDERS), side="left")
        money = 1 + np.searchsorted(self.money, table.column(NET_REVENUE_CENTS), side="left")
        scores = np.column_stack([recency, frequency, money]).astype(np.int64)
        scores[table.column(ORDERS) == 0] = 0
        return scores

    def groups(self, table: FeatureTable) -> Ints:
        """Return the number in `GROUPS` of each customer, (n,)."""
        orders = table.column(ORDERS)
        recency, frequency, money = self.scores(table).T
        worth = (frequency + money) / 2
        rules = [
            ("PROSPECT", orders == 0),
            ("NEW", (orders == 1) & (recency >= 4)),
            ("ONE_TIME", (orders == 1) & (recency >= 2)),
            ("LOST", orders == 1),
            ("CHAMPION", (recency >= 4) & (worth >= 4)),
            ("LOYAL", (recency >= 3) & (worth >= 3)),
            ("PROMISING", recency >= 3),
            ("CANT_LOSE", worth >= 4.5),
            ("AT_RISK", worth >= 3),
            ("HIBERNATING", recency == 2),
        ]
        numbers = [_NUMBER[code] for code, _ in rules]
        return np.select([rule for _, rule in rules], numbers, default=_NUMBER["LOST"])

    def to_dict(self) -> dict[str, Any]:
        return {
            "recency": self.recency.tolist(),
            "frequency": self.frequency.tolist(),
            "money": self.money.tolist(),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            recency=np.array(document["recency"], dtype=np.float64),
            frequency=np.array(document["frequency"], dtype=np.float64),
            money=np.array(document["money"], dtype=np.float64),
        )
