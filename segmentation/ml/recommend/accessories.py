"""What is bought later by those who bought of a category, and more so than by others: it goes with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix

from segmentation.ml import artifacts
from segmentation.ml.recommend.purchases import Purchases
from segmentation.ml.tables import Floats, Ints


WITHIN = 180
"""Days after the purchase."""
FEWEST = 3
LEAST_LIFT = 1.5
PSEUDO = 5.0
KEPT = 20
MOST_CATEGORIES = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class Accessories:
    """category (a,) goes with product (a,); lift (a,): the logarithm of how many times oftener."""

    category: Ints
    product: Ints
    lift: Floats
    categories: int
    products: int

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int, days: Floats) -> Self:
        """days: (c,) for how long each category stays closed after a purchase."""
        past = past.before(as_of)
        products = past.products
        category = products.category[past.product]
        visit, order = np.unique(past.customer * (1 << 20) + past.day, return_inverse=True)
        bought = np.unique(order * max(len(products), 1) + past.product)
        share = np.bincount(bought % max(len(products), 1), minlength=len(products)) / max(
            len(visit), 1
        )
        durable = np.flatnonzero(days > 0)
        buyers = np.bincount(category, minlength=len(days))[durable]
        chosen = np.sort(durable[np.argsort(-buyers, kind="stable")[:MOST_CATEGORIES]])
        rows: list[tuple[Ints, Ints, Floats]] = []
        for one in chosen:
            first = np.full(past.customers, np.iinfo(np.int64).max >> 1)
            mine = category == one
            np.minimum.at(first, past.customer[mine], past.day[mine])
            since = past.day - first[past.customer]
            later = (since > 0) & (since <= WITHIN)
            orders = len(np.unique(order[later]))
            pairs = np.unique(order[later] * max(len(products), 1) + past.product[later])
            times = np.bincount(pairs % max(len(products), 1), minlength=len(products))
            lift = (times + PSEUDO) / (orders * share + PSEUDO)
            good = (times >= FEWEST) & (lift >= LEAST_LIFT) & (products.category != one)
            found = np.flatnonzero(good)
            found = np.sort(found[np.argsort(-lift[found], kind="stable")[:KEPT]])
            rows.append((np.full(len(found), one), found, np.log(lift[found])))
        if not rows:
            rows = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
        whose, what, lifts = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        return cls(category=whose, product=what, lift=lifts, categories=len(days),
                   products=len(products))  # fmt: skip

    def matrix(self) -> Any:
        """(categories, products) as scipy's csr."""
        return csr_matrix(
            (self.lift.astype(np.float32), (self.category, self.product)),
            shape=(self.categories, self.products),
        )

    def to_files(self) -> dict[str, bytes]:
        return artifacts.to_files(
            documents={"size": {"categories": self.categories, "products": self.products}},
            arrays={"category": self.category, "product": self.product, "lift": self.lift},
        )

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        size = artifacts.read_document(files, "size")
        return cls(
            category=artifacts.read_array(files, "category"),
            product=artifacts.read_array(files, "product"),
            lift=artifacts.read_array(files, "lift"),
            categories=int(size["categories"]), products=int(size["products"]),
        )  # fmt: skip
