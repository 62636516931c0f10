"""Who bought what and when. An object that exists is valid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.tables import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Products:
    """The m products that are spoken of, by position.

    keys: what the shop calls them. words: name or description. category: (m,) position in `categories`;
    a product of no category is one of its own, called "". price: (m,), NaN where unknown.
    """

    keys: tuple[str, ...]
    words: tuple[str, ...]
    category: Ints
    categories: tuple[str, ...]
    price: Floats

    @classmethod
    def of(
        cls,
        keys: Sequence[str],
        *,
        words: Sequence[str] | None = None,
        categories: Sequence[str | None] | None = None,
        price: Floats | None = None,
    ) -> Self:
        named = [text or "" for text in categories or [""] * len(keys)]
        known = sorted({name for name in named if name})
        position = {name: number for number, name in enumerate(known)}
        alone = len(known)
        category = np.empty(len(keys), dtype=np.int64)
        for number, name in enumerate(named):
            category[number] = position.get(name, alone)
            alone += not name
        return cls(
            keys=tuple(keys),
            words=tuple(words or keys),
            category=category,
            categories=(*known, *[""] * (alone - len(known))),
            price=np.full(len(keys), np.nan) if price is None else price,
        )

    def __len__(self) -> int:
        return len(self.keys)

    def only(self, kept: Bools) -> Self:
        """The products of a mask (m,)."""
        chosen = np.flatnonzero(kept)
        names = [self.categories[number] for number in self.category[chosen]]
        return self.of(
            [self.keys[number] for number in chosen],
            words=[self.words[number] for number in chosen],
            categories=names,
            price=self.price[chosen],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Purchases:
    """k lines: customer (k,) ascending in [0, customers), product (k,) position, at (k,) epoch seconds, quantity (k,)."""

    customer: Ints
    product: Ints
    at: Ints
    quantity: Floats
    customers: int
    products: Products

    def __post_init__(self) -> None:
        if len(self.customer) and (
            np.any(np.diff(self.customer) < 0) or self.customer[-1] >= self.customers
        ):
            raise ValueError("customers must ascend and be fewer than said")
        if len(self.product) and not 0 <= self.product.min() <= self.product.max() < len(
            self.products
        ):
            raise ValueError("a product is not among those that are spoken of")

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def day(self) -> Ints:
        return self.at // SECONDS_PER_DAY

    def where(self, mask: Bools) -> Self:
        """The lines of a mask (k,); customers and products keep their numbers."""
        return type(self)(
            customer=self.customer[mask], product=self.product[mask], at=self.at[mask],
            quantity=self.quantity[mask], customers=self.customers, products=self.products,
        )  # fmt: skip

    def before(self, as_of: int) -> Self:
        return self.where(self.at < as_of)

    def of_customers(self, chosen: Ints) -> Self:
        """The lines of these customers (ascending), who are numbered anew from 0."""
        begin = np.searchsorted(self.customer, chosen)
        end = np.searchsorted(self.customer, chosen, side="right")
        lines = _ranges(begin, end)
        return type(self)(
            customer=np.repeat(np.arange(len(chosen)), end - begin), product=self.product[lines],
            at=self.at[lines], quantity=self.quantity[lines], customers=len(chosen),
            products=self.products,
        )  # fmt: skip

    def onto(self, products: Products) -> Self:
        """The lines of those products that `products` knows too, by its numbers."""
        position = {key: number for number, key in enumerate(products.keys)}
        renumbered = np.array([position.get(key, -1) for key in self.products.keys], dtype=np.int64)
        product = renumbered[self.product] if len(self) else self.product
        known = product >= 0
        return type(self)(
            customer=self.customer[known], product=product[known], at=self.at[known],
            quantity=self.quantity[known], customers=self.customers, products=products,
        )  # fmt: skip

    def bought_by(self, fewest: int) -> Bools:
        """Products that at least so many customers bought, (m,)."""
        pairs = np.unique(self.customer * len(self.products) + self.product)
        buyers = np.bincount(pairs % max(len(self.products), 1), minlength=len(self.products))
        enough: Bools = buyers >= fewest
        return enough

    def keeping(self, kept: Bools) -> Self:
        """Without the other products (m,), of which nothing can be learned."""
        return self.onto(self.products.only(kept))


def _ranges(begin: Ints, end: Ints) -> Ints:
    """begin[0]..end[0], begin[1]..end[1] ... after one another."""
    length = end - begin
    if not length.sum():
        return np.empty(0, dtype=np.int64)
    start = np.repeat(begin - np.r_[0, np.cumsum(length)[:-1]], length)
    lines: Ints = start + np.arange(length.sum())
    return lines
