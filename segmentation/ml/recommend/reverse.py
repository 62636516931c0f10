"""The reverse recommender: what was bought lately and is not bought again so soon is not offered.

Who bought a phone is offered no phone, whichever it was, until its clock says that somebody who has none is not the
likelier buyer; accessories take its place. What is used up comes back on its own: its clock soon says so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.recommend.clocks import Clocks
from segmentation.ml.recommend.histories import Histories
from segmentation.ml.recommend.purchases import Products
from segmentation.ml.tables import Bools, Floats, Ints


class RulesError(ValueError):
    """The rules of a shop cannot be read; the message says what they should be."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CoolDowns:
    """Days after a purchase: category (c,) closes a whole category, product (m,) that product alone.

    learned: (c,) whether the category's days were learned; otherwise a rule of the shop set them.
    """

    category: Floats
    product: Floats
    learned: Bools

    @classmethod
    def of(
        cls, clocks: Clocks, products: Products, *, rules: Mapping[str, float] | None = None
    ) -> "CoolDowns":
        """What was learned; a rule, named after a category or else a product, goes before it."""
        days = clocks.cool_down().astype(np.float64)
        learned = np.ones(len(days), dtype=bool)
        own = np.zeros(len(products))
        given = dict(rules or {})
        for number, name in enumerate(products.categories):
            if name and name in given:
                days[number], learned[number] = given.pop(name), False
        for number, key in enumerate(products.keys):
            if key in given:
                if not products.categories[products.category[number]]:
                    # a category of its own: the rule is about all of it
                    days[products.category[number]] = given[key]
                    learned[products.category[number]] = False
                own[number] = given[key]
        return cls(category=days, product=own, learned=learned)


@dataclass(frozen=True, kw_only=True, eq=False)
class Suppressed:
    """
    s rows, by customer: the category that is closed (-1: only the product), because of which product, bought
    `ago` days ago, and until when (epoch seconds).
    """

    customer: Ints
    category: Ints
    because: Ints
    ago: Floats
    days: Floats
    until: Ints
    learned: Bools

    def __len__(self) -> int:
        return len(self.customer)

    def closed(self, products: Products, *, customers: int) -> Bools:
        """(customers, m) what must not be offered."""
        shut = np.zeros((customers, len(products.categories) + 1), dtype=bool)
        shut[self.customer, self.category] = True
        shut[:, -1] = False
        mask: Bools = shut[:, products.category]
        alone = self.category < 0
        mask[self.customer[alone], self.because[alone]] = True
        return mask


def suppressed(histories: Histories, products: Products, cool_downs: CoolDowns) -> Suppressed:
    """What is closed to each customer at the moment of `histories`: of each category, the one open longest."""
    customer, product = histories.customer, histories.product
    category = products.category[product]
    by_category = cool_downs.category[category]
    left = by_category - histories.last
    rows = np.flatnonzero(left > 0)
    order = rows[np.lexsort((product[rows], -left[rows], category[rows], customer[rows]))]
    first = np.r_[True, (np.diff(customer[order]) != 0) | (np.diff(category[order]) != 0)][
        : len(order)
    ]
    kept = order[first]
    own_left = cool_downs.product[product] - histories.last
    alone = np.flatnonzero((own_left > 0) & (own_left > left))
    pair = np.r_[kept, alone]
    which = np.r_[category[kept], np.full(len(alone), -1)]
    days = np.r_[by_category[kept], cool_downs.product[product[alone]]]
    arranged = np.lexsort((product[pair], which, customer[pair]))
    pair, which, days = pair[arranged], which[arranged], days[arranged]
    until = histories.as_of + np.ceil((days - histories.last[pair]) * SECONDS_PER_DAY)
    learned = np.where(which >= 0, cool_downs.learned[which], False)
    return Suppressed(
        customer=customer[pair], category=which, because=product[pair], ago=histories.last[pair],
        days=days, until=until.astype(np.int64), learned=learned,
    )  # fmt: skip


def rules_from(text: str) -> dict[str, float]:
    """
    Days by category or product, from JSON: {"Phones": 365}, or a list of {"category" or "sku": ..., "days": ...}.

    0 opens what was learned to be closed. Raises RulesError.
    """
    try:
        said = json.loads(text)
    except ValueError as error:
        raise RulesError(f"not JSON: {error}") from error
    rules: dict[str, float] = {}
    for name, days in _named(said):
        if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days < 36_500:
            raise RulesError(f"{name!r}: {days!r} is not a number of days")
        rules[name] = float(days)
    return rules


def _named(said: Any) -> list[tuple[str, Any]]:
    if isinstance(said, dict):
        pairs: list[tuple[str, Any]] = []
        for name, value in said.items():
            if isinstance(value, dict) and name in {
                "categories",
                "category",
                "skus",
                "sku",
                "products",
            }:
                pairs += _named(value)
            elif isinstance(value, dict) and "days" in value:
                pairs.append((str(name), value["days"]))
            else:
                pairs.append((str(name), value))
        return pairs
    if isinstance(said, list) and all(isinstance(one, dict) and "days" in one for one in said):
        named = [(one.get("category") or one.get("sku"), one["days"]) for one in said]
        if all(name for name, _ in named):
            return [(str(name), days) for name, days in named]
    raise RulesError('give {"category or sku": days, ...}')
