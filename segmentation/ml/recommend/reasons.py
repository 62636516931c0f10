"""Why a product is offered: a code with its parameters; `wording` has the sentences."""

from dataclasses import dataclass

import numpy as np

from segmentation.ml.recommend.clocks import Clocks
from segmentation.ml.recommend.histories import Histories
from segmentation.ml.recommend.links import Links
from segmentation.ml.recommend.purchases import Products
from segmentation.ml.recommend.wording import Reason
from segmentation.ml.tables import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Reasons:
    """(n, k) each. product: which one explains it, -1 for none. days: 0 where nothing is said of days."""

    code: Ints
    product: Ints
    days: Ints


def reasons(
    ranked: Ints,
    histories: Histories,
    *,
    links: Links,
    products: Products,
    clocks: Clocks,
    accessory_of: Ints,
) -> Reasons:
    """
    ranked: (n, k) products, -1 for none. accessory_of: (n, k) product whose accessory it is, or -1.

    What is owned is explained by its own rhythm; else what it goes with; else the owned product that speaks for it
    most; else that many buy it.
    """
    n, k = ranked.shape
    code = np.zeros((n, k), dtype=np.int64)
    because = np.full((n, k), -1)
    days = np.zeros((n, k), dtype=np.int64)
    pair = _pair_of(ranked, histories)
    with_owner = accessory_of >= 0
    code[with_owner], because[with_owner] = Reason.GOES_WITH, accessory_of[with_owner]
    speaker, weight = _speakers(ranked, histories, links)
    spoken = (weight > 0) & ~with_owner & (pair < 0)
    code[spoken], because[spoken] = Reason.BECAUSE, speaker[spoken]
    owned: Bools = pair >= 0
    if owned.any():
        at = pair[owned]
        times = histories.times[at]
        gap = np.rint((histories.first - histories.last)[at] / np.maximum(times - 1, 1))
        usual = clocks.median[products.category[histories.product[at]]]
        said = np.where(
            (times >= 3) & (gap >= 1),
            Reason.USUALLY,
            np.where(np.isfinite(usual) & (usual >= 1), Reason.OTHERS_AGAIN, Reason.AGAIN),
        )
        code[owned] = said
        days[owned] = np.where(
            said == Reason.USUALLY,
            gap,
            np.where(said == Reason.OTHERS_AGAIN, np.nan_to_num(usual), 0),
        )
        because[owned] = -1
    return Reasons(code=code, product=because, days=days)


def _pair_of(ranked: Ints, histories: Histories) -> Ints:
    """(n, k) the pair of histories that the customer and product are, or -1."""
    if not len(histories.product):
        return np.full(ranked.shape, -1)
    keys = histories.customer * histories.products + histories.product
    asked = np.arange(len(ranked))[:, None] * histories.products + ranked
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where((keys[place] == asked) & (ranked >= 0), place, -1)


MOST_SPEAKERS = 100
"""Of a customer's products, the latest."""


def _speakers(ranked: Ints, histories: Histories, links: Links) -> tuple[Ints, Floats]:
    """(n, k) the owned product that speaks most for each one ranked, and how much."""
    n, k = ranked.shape
    speaker, best = np.full((n, k), -1), np.zeros((n, k))
    for row in range(n):
        pairs = slice(histories.indptr[row], histories.indptr[row + 1])
        owned = histories.product[pairs]
        if not len(owned):
            continue
        if len(owned) > MOST_SPEAKERS:
            latest = np.argsort(histories.last[pairs], kind="stable")[:MOST_SPEAKERS]
            owned = owned[np.sort(latest)]
        said = links.weights(
            np.broadcast_to(owned[:, None], (len(owned), k)),
            np.broadcast_to(np.maximum(ranked[row], 0), (len(owned), k)),
        )
        strongest = said.argmax(axis=0)
        best[row] = np.where(ranked[row] >= 0, said[strongest, np.arange(k)], 0)
        speaker[row] = owned[strongest]
    return speaker, best
