"""Segments of whole behaviours: how often, how much at once, and of which groups of products.

The measures are those of the well-known study of UCI Online Retail (F. Daniel, "Customer Segmentation", 2017): number
of orders, smallest, largest and mean basket, share of money in each group of products; standardised, k-means.
Groups of products come from the words of their names and their prices. All is learned on training customers.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.ml import artifacts
from segmentation.ml.estimators.clusters import naming
from segmentation.ml.first_purchase.orders import Lines
from segmentation.ml.tables import Floats, Ints


PRICES = (1.0, 2.0, 3.0, 5.0, 10.0)
"""Multiples of the median price over 2: the bounds of six price classes (of Online Retail: pounds, nearly)."""
MOST_WORDS, FEWEST_PRODUCTS = 600, 13
BASKETS = 4
"""Orders, smallest, largest and mean basket; the shares follow."""
MEAN_BASKET = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Behaviour:
    """m customers: orders (m,), smallest, largest basket and total (m,), money by group (m, g)."""

    orders: Floats
    smallest: Floats
    largest: Floats
    total: Floats
    by_group: Floats

    def measures(self) -> Floats:
        """(m, 4 + g): what segments are made of; shares in per cent."""
        whole = np.maximum(self.by_group.sum(axis=1, keepdims=True), 1e-9)
        mean = self.total / np.maximum(self.orders, 1)
        return np.column_stack(
            [self.orders, self.smallest, self.largest, mean, 100 * self.by_group / whole]
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ProductGroups:
    """words: what is looked for in names. unit: half the median price. centres: (g, words + 6)."""

    words: tuple[str, ...]
    unit: float
    centres: Floats

    @classmethod
    def fit(cls, lines: Lines, *, groups: int, seed: int) -> Self:
        """Find groups among the products of `lines`; one group where names say nothing."""
        prices = _prices(lines)
        unit = float(np.median(prices)) / 2 or 1.0
        sold = np.unique(lines.product)
        counted = Counter(word for number in sold for word in _words(lines.words[number]))
        fewest = min(FEWEST_PRODUCTS, max(2, len(sold) // 100))
        common = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
        words = tuple(sorted(word for word, products in common if products >= fewest))
        empty = cls(words=words, unit=unit, centres=np.zeros((1, len(words) + len(PRICES) + 1)))
        products = len(sold)
        if products < 2 * groups:
            return empty
        spent = np.bincount(lines.product, minlength=len(lines.words))[sold]
        mean = np.bincount(lines.product, prices, minlength=len(lines.words))[sold] / spent
        matrix = empty._matrix([lines.words[number] for number in sold], mean)
        if len(np.unique(matrix, axis=0)) < groups:
            return empty
        centres = _k_means(matrix, groups, seed=seed)
        return cls(words=words, unit=unit, centres=centres)

    def of(self, lines: Lines) -> Ints:
        """The group of each line, (n,); by its name and price, so that a product never seen before has one."""
        classes = self._price_classes(_prices(lines))
        pairs, back = np.unique(lines.product * 10 + classes, return_inverse=True)
        middle = np.array([0.5, 1.5, 2.5, 4.0, 7.0, 20.0])[pairs % 10] * self.unit
        matrix = self._matrix([lines.words[number] for number in pairs // 10], middle)
        return _nearest(matrix, self.centres)[back]

    def names(self) -> tuple[str, ...]:
        """A few words for each group: those it has more often than all products."""
        usual = self.centres.mean(axis=0)
        said = []
        for centre in self.centres:
            lift = (centre - usual)[: len(self.words)]
            best = [
                number for number in np.argsort(-lift, kind="stable")[:2] if lift[number] > 0.05
            ]
            said.append(", ".join(self.words[number].lower() for number in best) or "mixed goods")
        return tuple(said)

    def _matrix(self, names: list[str], prices: Floats) -> Floats:
        place = {word: number for number, word in enumerate(self.words)}
        matrix = np.zeros((len(names), len(self.words) + len(PRICES) + 1))
        for row, name in enumerate(names):
            for word in _words(name):
                if word in place:
                    matrix[row, place[word]] = 1.0
        matrix[np.arange(len(names)), len(self.words) + self._price_classes(prices)] = 1.0
        return matrix

    def _price_classes(self, prices: Floats) -> Ints:
        return np.digitize(prices / self.unit, PRICES)


@dataclass(frozen=True, kw_only=True, eq=False)
class Segments:
    """Groups of products and, over what customers buy of them, k segments.

    mean, scale: (4 + g,) of the measures. centres: (k, 4 + g) standardised, largest segment first.
    """

    products: ProductGroups
    mean: Floats
    scale: Floats
    centres: Floats

    @classmethod
    def fit(cls, lines: Lines, *, k: int, groups: int, seed: int) -> Self:
        """Learn from whole behaviours; raises ValueError when there are fewer than ten customers a segment."""
        if lines.customers < 10 * k:
            raise ValueError(
                f"{lines.customers} customers are too few for {k} segments; {10 * k} are needed"
            )
        products = ProductGroups.fit(lines, groups=groups, seed=seed)
        measures = behaviour(lines, products).measures()
        scale = measures.std(axis=0)
        scale[scale == 0] = 1.0
        standard = (measures - measures.mean(axis=0)) / scale
        if len(np.unique(standard, axis=0)) < k:
            raise ValueError(f"customers behave in fewer than {k} different ways")
        centres = _k_means(standard, k, seed=seed)
        largest = np.argsort(-np.bincount(_nearest(standard, centres), minlength=k), kind="stable")
        return cls(
            products=products, mean=measures.mean(axis=0), scale=scale, centres=centres[largest]
        )

    def assign(self, measures: Floats) -> Ints:
        """The segment of each row of `Behaviour.measures`, (m,)."""
        return _nearest((measures - self.mean) / self.scale, self.centres)

    def like(self, before: "Segments", lines: Lines) -> "Segments":
        """The same segments, each in the place of the one in `before` that has most of the same customers."""
        shape = len(before.centres), len(self.centres)
        old = before.assign(behaviour(lines, before.products).measures())
        new = self.assign(behaviour(lines, self.products).measures())
        places = naming.matched(naming.counts(old, new, shape=shape), np.zeros(shape))
        free = iter(sorted(set(range(len(self.centres))) - set(places.values())))
        order = [places[number] if number in places else next(free) for number in range(shape[1])]
        return replace(self, centres=self.centres[np.argsort(order, kind="stable")])

    def names(self, before: Sequence[str] = ()) -> tuple[str, ...]:
        """
        What is typical of each segment, in words; those that are alike are told apart by their baskets.

        before: what the segments in the same places were called; who still orders as often keeps the name.
        """
        goods = self.products.names()
        typical = self.centres * self.scale + self.mean
        said = []
        for row, centre in zip(typical, self.centres, strict=True):
            orders = "One order" if row[0] < 1.5 else f"{row[0]:.0f} orders on average"
            size = " of large baskets" if centre[MEAN_BASKET] > 1 else ""
            group = int(np.argmax(centre[BASKETS:]))
            mostly = f", more {goods[group]}" if centre[BASKETS + group] > 1 else ""
            said.append(f"{orders}{size}{mostly}")
        for name in [name for name, times in Counter(said).items() if times > 1]:
            alike = [number for number, one in enumerate(said) if one == name]
            alike.sort(key=lambda number: float(typical[number, MEAN_BASKET]))
            for number, words in zip(alike, _by_size(len(alike)), strict=True):
                said[number] = f"{name}, {words} baskets"
        for number, name in enumerate(before[: len(said)]):
            if _how_often(name) == _how_often(said[number]) and name not in said:
                said[number] = name
        return tuple(said)

    def to_files(self) -> dict[str, bytes]:
        return artifacts.to_files(
            documents={
                "products": {"words": list(self.products.words), "unit": self.products.unit}
            },
            arrays={
                "product_centres": self.products.centres,
                "measures": np.stack([self.mean, self.scale]),
                "centres": self.centres,
            },
        )

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        document: dict[str, Any] = artifacts.read_document(files, "products")
        mean, scale = artifacts.read_array(files, "measures")
        return cls(
            products=ProductGroups(
                words=tuple(document["words"]),
                unit=float(document["unit"]),
                centres=artifacts.read_array(files, "product_centres"),
            ),
            mean=mean,
            scale=scale,
            centres=artifacts.read_array(files, "centres"),
        )


def behaviour(lines: Lines, products: ProductGroups, *, customers: int | None = None) -> Behaviour:
    """Sum up `lines` by customer; (customers,) rows, zeros for one without a line."""
    count = lines.customers if customers is None else customers
    groups = len(products.centres)
    by_group = np.zeros((count, groups))
    if not len(lines.customer):
        nothing = np.zeros(count)
        return Behaviour(
            orders=nothing, smallest=nothing, largest=nothing, total=nothing, by_group=by_group
        )
    np.add.at(by_group, (lines.customer, products.of(lines)), lines.amount)
    starts = np.flatnonzero(
        np.r_[True, (np.diff(lines.customer) != 0) | (np.diff(lines.order) != 0)]
    )
    baskets, owner = np.add.reduceat(lines.amount, starts), lines.customer[starts]
    smallest, largest = np.full(count, np.inf), np.zeros(count)
    np.minimum.at(smallest, owner, baskets)
    np.maximum.at(largest, owner, baskets)
    return Behaviour(
        orders=np.bincount(owner, minlength=count).astype(np.float64),
        smallest=np.where(np.isfinite(smallest), smallest, 0.0),
        largest=largest,
        total=np.bincount(owner, baskets, minlength=count).astype(np.float64),
        by_group=by_group,
    )


def _by_size(count: int) -> list[str]:
    """Words for so many things, the smallest first."""
    if count == 2:
        return ["smaller", "larger"]
    ordinals = (
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
    )
    between = [
        f"{ordinals[n] if n < len(ordinals) else f'{n + 2}th'} smallest" for n in range(count - 2)
    ]
    return ["smallest", *between, "largest"]


def _how_often(name: str) -> str:
    """The part of a segment's name that says how many orders."""
    return re.split(" of |,", name)[0]


def _prices(lines: Lines) -> Floats:
    """Unit prices; where there are none, what the line cost."""
    return np.where(np.isnan(lines.unit_price), lines.amount, lines.unit_price)


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{3,}", name.upper()))


def _nearest(rows: Floats, centres: Floats) -> Ints:
    squares = (centres**2).sum(axis=1) - 2 * rows @ centres.T
    nearest: Ints = squares.argmin(axis=1)
    return nearest


def _k_means(rows: Floats, k: int, *, seed: int) -> Floats:
    from sklearn.cluster import KMeans

    with threadpool_limits(limits=1):  # sums of several threads differ in their last bits
        fitted = KMeans(n_clusters=k, n_init=10, random_state=seed).fit(rows)
    centres: Floats = fitted.cluster_centers_
    return centres
