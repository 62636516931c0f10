"""Collaborative filtering: customers who bought alike, and products bought by the same customers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix, diags

from segmentation.ml import artifacts
from segmentation.ml.recommend.histories import Histories, Scores
from segmentation.ml.recommend.links import Links
from segmentation.ml.recommend.purchases import Purchases
from segmentation.ml.tables import Floats


NEIGHBOURS = 200
LIKE_CUSTOMERS = 100
MOST_REFERENCES = 5_000
K1, B = 1.2, 0.75
"""The usual constants of BM25 (Robertson and Zaragoza 2009)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemToItem:
    """A customer's products each speak for others; what they say is added up."""

    links: Links

    def scores(self, histories: Histories) -> Scores:
        said: Scores = (histories.matrix() @ self.links.matrix()).toarray()
        return said

    def to_files(self) -> dict[str, bytes]:
        return self.links.to_files()

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        return cls(links=Links.from_files(files))


class ItemCosine(ItemToItem):
    """Cosine between the buyers of two products."""

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int) -> Self:
        owned = Histories.of(past, as_of=as_of).matrix()
        unit = _unit_columns(owned)
        return cls(links=_nearest(unit))


class ItemBm25(ItemToItem):
    """
    Products bought together, each purchase weighted by BM25: little by customers who buy everything, and little of what everybody buys.

    The customer's side is not weighted again when asked: a constant a product is all it would add.
    """

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int) -> Self:
        return cls(links=_nearest(bm25(Histories.of(past, as_of=as_of).matrix())))


@dataclass(frozen=True, kw_only=True, eq=False)
class UserKnn:
    """What the most similar of at most 5,000 customers (the latest to order) own, weighted by the cosine."""

    indptr: Any
    product: Any
    products: int

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int) -> Self:
        histories = Histories.of(past, as_of=as_of)
        latest = np.argsort(histories.last_order, kind="stable")[:MOST_REFERENCES]
        rows = histories.matrix()[np.sort(latest)]
        return cls(
            indptr=rows.indptr.astype(np.int64), product=rows.indices.astype(np.int64),
            products=histories.products,
        )  # fmt: skip

    def scores(self, histories: Histories) -> Scores:
        references = csr_matrix(
            (np.ones(len(self.product), dtype=np.float32), self.product, self.indptr),
            shape=(len(self.indptr) - 1, self.products),
        )
        alike = (_unit_rows(histories.matrix()) @ _unit_rows(references).T).toarray()
        alike[alike > 1 - 1e-6] = 0  # the same basket, most often the customer: nothing to learn
        if alike.shape[1] > LIKE_CUSTOMERS:
            bound = np.partition(alike, -LIKE_CUSTOMERS, axis=1)[:, -LIKE_CUSTOMERS]
            alike[alike < bound[:, None]] = 0
        said: Scores = (csr_matrix(alike) @ references).toarray()
        return said

    def to_files(self) -> dict[str, bytes]:
        return artifacts.to_files(
            documents={"users": {"products": self.products}},
            arrays={"indptr": self.indptr, "product": self.product},
        )

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        return cls(
            indptr=artifacts.read_array(files, "indptr"),
            product=artifacts.read_array(files, "product"),
            products=int(artifacts.read_document(files, "users")["products"]),
        )


def bm25(owned: Any) -> Any:
    """Weights of a sparse (customers, products) matrix of ones, as implicit's bm25_weight has them."""
    rows = np.asarray(owned.sum(axis=1)).ravel()
    buyers = np.asarray(owned.sum(axis=0)).ravel()
    rare = np.log(max(owned.shape[0], 1)) - np.log1p(buyers)
    norm = (1 - B) + B * rows / max(rows.mean() if len(rows) else 0.0, 1e-9)
    whose = np.repeat(np.arange(owned.shape[0]), np.diff(owned.indptr))
    value = (K1 + 1) / (K1 * norm[whose] + 1) * np.maximum(rare[owned.indices], 0)
    return csr_matrix((value.astype(np.float32), owned.indices, owned.indptr), shape=owned.shape)


def _nearest(weighted: Any) -> Links:
    return Links.between(weighted.T.tocsr(), weighted, keep=NEIGHBOURS)


def _unit_columns(owned: Any) -> Any:
    return (owned @ diags(_inverse(owned.power(2).sum(axis=0)))).tocsr()


def _unit_rows(owned: Any) -> Any:
    return (diags(_inverse(owned.power(2).sum(axis=1))) @ owned).tocsr().astype(np.float32)


def _inverse(squares: Any) -> Floats:
    length = np.sqrt(np.asarray(squares, dtype=np.float64).ravel())
    inverse: Floats = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    return inverse
