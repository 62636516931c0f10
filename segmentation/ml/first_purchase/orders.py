"""Order lines as arrays, and what they come to for each customer: first order, and what came later."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.tables import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines:
    """Order lines, sorted by customer, time and order; n lines of m customers, all (n,).

    customer: 0 to m - 1, each with a line. order: a number an order of the customer. placed_at: epoch seconds, the same
    for all lines of an order. amount, quantity, unit_price: NaN in the last two where unknown.
    product: position in `words`, what the products are called. country: position in `countries`.
    """

    customer: Ints
    order: Ints
    placed_at: Ints
    amount: Floats
    quantity: Floats
    unit_price: Floats
    product: Ints
    words: tuple[str, ...]
    country: Ints
    countries: tuple[str, ...]

    @property
    def customers(self) -> int:
        return int(self.customer[-1]) + 1 if len(self.customer) else 0

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Self:
        """From columns customer (int), order_id, placed_at, amount, quantity, unit_price, words and country (text).

        Customers are renumbered from 0 in their order.
        """

        def numbers(name: str) -> Floats:
            return np.asarray(table.column(name).to_numpy(zero_copy_only=False), dtype=np.float64)

        _, customer = np.unique(numbers("customer").astype(np.int64), return_inverse=True)
        order = _codes(table, "order_id")[0]
        placed_at = numbers("placed_at").astype(np.int64)
        keys = np.lexsort((order, customer))
        starts = _starts(customer[keys], order[keys])
        placed_at[keys] = np.repeat(
            np.minimum.reduceat(placed_at[keys], np.flatnonzero(starts)),
            np.diff(np.r_[np.flatnonzero(starts), len(keys)]),
        )
        product, words = _codes(table, "words")
        country, countries = _codes(table, "country")
        amount, quantity, price = numbers("amount"), numbers("quantity"), numbers("unit_price")
        # the last keys make sums independent of the order of rows in the source
        at = np.lexsort((amount, product, order, placed_at, customer))
        return cls(
            customer=customer[at], order=order[at], placed_at=placed_at[at], amount=amount[at],
            quantity=quantity[at], unit_price=price[at], product=product[at], words=words,
            country=country[at], countries=countries,
        )  # fmt: skip

    def where(self, mask: Bools) -> Self:
        """These lines only; customers keep their numbers."""
        return type(self)(
            customer=self.customer[mask], order=self.order[mask], placed_at=self.placed_at[mask],
            amount=self.amount[mask], quantity=self.quantity[mask], unit_price=self.unit_price[mask],
            product=self.product[mask], words=self.words, country=self.country[mask],
            countries=self.countries,
        )  # fmt: skip

    def of(self, customers: Bools) -> Self:
        """The lines of some customers, (m,), who are numbered anew from 0."""
        part = self.where(customers[self.customer])
        numbers = np.cumsum(customers) - 1
        return type(self)(**{**vars(part), "customer": numbers[part.customer]})

    def first(self) -> Bools:
        """Which lines belong to the first order of their customer, (n,)."""
        first_of = np.flatnonzero(np.r_[True, np.diff(self.customer) > 0])
        firsts: Bools = self.order == self.order[first_of][self.customer]
        return firsts

    def first_moments(self) -> Ints:
        """When each customer ordered first, (m,)."""
        return self.placed_at[np.r_[True, np.diff(self.customer) > 0]]

    def within(self, days: Floats) -> Self:
        """Only what happened less than `days` (m,) after each customer's first order."""
        age = (self.placed_at - self.first_moments()[self.customer]) / SECONDS_PER_DAY
        return self.where(age < days[self.customer])


def _codes(table: pa.Table, name: str) -> tuple[Ints, tuple[str, ...]]:
    values = table.column(name).combine_chunks().cast(pa.string()).fill_null("")
    encoded = values.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    by_name = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), dtype=np.int64)
    rank[by_name] = np.arange(len(names))
    return rank[encoded.indices.to_numpy()], tuple(names[position] for position in by_name)


def _starts(customer: Ints, order: Ints) -> Bools:
    starts: Bools = np.r_[True, (np.diff(customer) != 0) | (np.diff(order) != 0)]
    return starts
