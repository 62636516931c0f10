"""What is in an order: products from a small catalogue by taste and price tier, with known expectation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from customers.sources.base import PRODUCTS
from customers.sources.simulation.parameters import Basket
from customers.sources.simulation.randomness import Bools, Floats, Ints, Stream, generator


# Category, words for its products, does it run out?, price relative to the shop's mean, margin relative.
_CATEGORIES = (
    ("Coffee", ("espresso", "filter blend", "decaf"), 0.9, 0.95),
    ("Tea", ("green tea", "rooibos", "earl grey"), 0.6, 1.10),
    ("Skin care", ("day cream", "serum", "cleanser"), 1.1, 1.20),
    ("Hair care", ("shampoo", "conditioner", "hair oil"), 0.8, 1.10),
    ("Pet food", ("dry food", "wet food", "treats"), 1.2, 0.75),
    ("Household", ("candles", "soap refill", "napkins"), 0.5, 1.00),
    ("Kitchen", ("grinder", "teapot", "knife"), 1.8, 0.95),
    ("Textiles", ("towel", "cushion", "throw"), 1.4, 1.05),
    ("Gifts", ("gift box", "card set", "mug"), 0.9, 1.15),
    ("Electronics", ("kettle", "scale", "lamp"), 2.2, 0.70),
)
_TIERS = (("Basic", 0.7), ("Classic", 1.0), ("Reserve", 1.5))
_PER_SHELF = 8  # products per category and tier
_QUANTITY = 0.35  # pieces of a line beyond the first (Poisson mean)

CATEGORY_COUNT, TIER_COUNT = len(_CATEGORIES), len(_TIERS)


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Lines of a block of orders. `order` indexes the block; `product` indexes the catalogue."""

    order: Ints
    product: Ints
    quantity: Ints
    price_cents: Ints
    cost_cents: Ints
    promoted: Bools
    """Per order of the block: placed with one of the shop's own codes."""


class BasketSource(Protocol):
    """Fills orders, and knows what an order of each customer is worth on average."""

    @property
    def products(self) -> pa.Table: ...
    @property
    def value_cents(self) -> Floats:
        """Expected list value of an order, per customer."""

    @property
    def margin_cents(self) -> Floats:
        """Expected margin of an order after the shop's own codes, before a mail's voucher."""

    @property
    def promotion_discount(self) -> float: ...
    def draw(self, customers: Ints, *, rng: np.random.Generator) -> Lines: ...


@dataclass(frozen=True, kw_only=True)
class CatalogueBaskets:
    """Orders of simulated customers: tastes (n x categories, rows sum to 1), tier, mean lines."""

    products: pa.Table
    price_cents: Ints
    cost_cents: Ints
    popularity: Floats
    tastes: Floats
    tier: Ints
    lines: Floats
    promotion_share: Floats
    promotion_discount: float

    @classmethod
    def stock(
        cls,
        *,
        parameters: Basket,
        seed: int,
        tastes: Floats,
        tier: Ints,
        lines: Floats,
        promotion_share: Floats,
    ) -> CatalogueBaskets:
        """Fill the shelves, priced so that these customers' mean basket has the wanted value."""
        rng = generator(seed, Stream.CATALOGUE)
        rows, relative, margins = [], [], []
        for category, words, level, margin in _CATEGORIES:
            for grade, factor in _TIERS:
                for number in range(_PER_SHELF):
                    rows.append(
                        (f"{grade} {words[number % len(words)]} No. {number + 1}", category)
                    )
                    relative.append(level * factor * rng.lognormal(0, 0.2))
                    margins.append(min(parameters.margin_share * margin, 0.95))
        popularity = 1 / np.arange(1, _PER_SHELF + 1)
        popularity /= popularity.sum()
        unit = np.array(relative)
        shelf = (unit.reshape(CATEGORY_COUNT, TIER_COUNT, _PER_SHELF) * popularity).sum(axis=2)
        per_piece = np.einsum("nc,nc->n", tastes, shelf[:, tier].T)
        mean_basket = float((per_piece * lines).mean()) * (1 + _QUANTITY)
        price = np.maximum(np.rint(unit * parameters.value_cents / mean_basket), 2).astype(np.int64)
        # Margins differ by category; scaled so that they are as wanted on the average shelf.
        share = np.array(margins) * parameters.margin_share / np.mean(margins)
        cost = np.clip(np.rint(price * (1 - np.minimum(share, 0.97))), 1, price).astype(np.int64)
        products = pa.table(
            [
                pa.array([f"P{number:04d}" for number in range(len(rows))]),
                pa.array([name for name, _ in rows]),
                pa.array([category for _, category in rows]),
                pa.array(price),
                pa.array(cost),
                pa.array([True] * len(rows)),
            ],
            names=PRODUCTS.names,
        )
        return cls(
            products=products,
            price_cents=price,
            cost_cents=cost,
            popularity=popularity,
            tastes=tastes,
            tier=tier,
            lines=lines,
            promotion_share=promotion_share,
            promotion_discount=parameters.promotion_discount,
        )

    @property
    def value_cents(self) -> Floats:
        return self._expected(self.price_cents)

    @property
    def margin_cents(self) -> Floats:
        gross = self._expected(self.price_cents - self.cost_cents)
        return gross - self.promotion_share * self.promotion_discount * self.value_cents

    def _expected(self, cents: Ints) -> Floats:
        shape = (CATEGORY_COUNT, TIER_COUNT, _PER_SHELF)
        shelf = (cents.reshape(shape) * self.popularity).sum(axis=2)
        per_piece = np.einsum("nc,nc->n", self.tastes, shelf[:, self.tier].T)
        return np.asarray(self.lines * (1 + _QUANTITY) * per_piece)

    def draw(self, customers: Ints, *, rng: np.random.Generator) -> Lines:
        """One order for each entry of `customers`."""
        count = 1 + rng.poisson(self.lines[customers] - 1)
        order = np.repeat(np.arange(len(customers)), count)
        who = customers[order]
        reach = np.cumsum(self.tastes[who], axis=1)
        category = (rng.random(len(who))[:, None] > reach[:, :-1]).sum(axis=1)
        number = np.searchsorted(np.cumsum(self.popularity)[:-1], rng.random(len(who)))
        product = (category * TIER_COUNT + self.tier[who]) * _PER_SHELF + number
        return Lines(
            order=order,
            product=product,
            quantity=1 + rng.poisson(_QUANTITY, len(who)),
            price_cents=self.price_cents[product],
            cost_cents=self.cost_cents[product],
            promoted=rng.random(len(customers)) < self.promotion_share[customers],
        )
