"""Content: products whose names, descriptions and categories share words with those the customer bought."""

from typing import Self

import numpy as np

from segmentation.ml.recommend.histories import Histories, Scores
from segmentation.ml.recommend.links import Links
from segmentation.ml.recommend.neighbours import ItemToItem
from segmentation.ml.recommend.purchases import Products, Purchases


KEPT = 100
_WORD = r"[^\W\d_]{2,}"


class Content(ItemToItem):
    """Cosine of TF-IDF vectors, divided by how many products the customer owns; finds what nobody has bought yet."""

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int) -> Self:
        return cls(links=alike(past.products))

    def scores(self, histories: Histories) -> Scores:
        owned = np.maximum(np.diff(histories.indptr), 1).astype(np.float32)
        return super().scores(histories) / owned[:, None]


def alike(products: Products, *, keep: int = KEPT) -> Links:
    """Similarity of products by their words, 0 to 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [
        f"{words} {products.categories[category]}"
        for words, category in zip(products.words, products.category, strict=True)
    ]
    try:
        vectors = TfidfVectorizer(sublinear_tf=True, token_pattern=_WORD).fit_transform(texts)
    except ValueError:  # not one word in all of them
        return Links.joined([], products=len(products))
    return Links.between(vectors.tocsr(), vectors.T.tocsr(), keep=keep)
