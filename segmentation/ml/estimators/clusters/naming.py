"""Names in words for groups, and who is who when the groups have been made anew."""

from collections.abc import Collection, Sequence

import numpy as np

from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS, RECENCY_DAYS
from segmentation.ml.tables import Floats, Ints


NOISE = "Unlike the others"
_WORDS = {
    RECENCY_DAYS: ("recent", "cooling", "long gone"),
    ORDERS: ("few orders", "some orders", "many orders"),
    NET_REVENUE_CENTS: ("low spend", "medium spend", "high spend"),
}


def in_words(
    features: Sequence[str], centres: Floats, natural: Floats, *, minor_units: int = 100
) -> list[str]:
    """Name each group by the place of its centre (k, p) among all customers; natural: the same in plain units.

    Groups of the same words are told apart by what they spend, or the last feature, in plain numbers;
    minor_units: how many of the stored cents make one of the currency.
    """
    names: list[str] = []
    for centre, plain in zip(centres, natural, strict=True):
        words = [
            "one order"
            if feature == ORDERS and amount < 1.5
            else _word(z, _WORDS.get(feature, _plain_words(feature)))
            for feature, z, amount in zip(features, centre, plain, strict=True)
        ]
        name = ", ".join(words).capitalize()
        if name in names:
            amount = plain[-1] / minor_units if features[-1] == NET_REVENUE_CENTS else plain[-1]
            name = f"{name} (about {amount:,.0f} in all)"
        names.append(distinct(name, names))
    return names


def distinct(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it where it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free


def counts(before: Ints, after: Ints, *, shape: tuple[int, int]) -> Ints:
    """Return how many customers are in group i of `before` and j of `after`; below 0: in none."""
    both = (before >= 0) & (after >= 0)
    table = np.zeros(shape, dtype=np.int64)
    np.add.at(table, (before[both], after[both]), 1)
    return table


def matched(together: Ints, apart: Floats) -> dict[int, int]:
    """Say which new group is which old one: {new: old}, one to one, by the customers they share.

    together: (old, new) counts of customers. apart: (old, new) distances of the centres, which decide between
    equals. Pairs are chosen together (Hungarian method) for the greatest sum of Jaccard indices; a pair stands
    when it has more than half of the customers of one of the two.
    """
    from scipy.optimize import linear_sum_assignment

    old, new = together.sum(axis=1, keepdims=True), together.sum(axis=0, keepdims=True)
    jaccard = together / np.maximum(old + new - together, 1)
    of_one = together / np.maximum(np.minimum(old, new), 1)
    rows, columns = linear_sum_assignment(-jaccard + 1e-6 * apart / max(apart.max(), 1e-12))
    return {
        int(column): int(row)
        for row, column in zip(rows, columns, strict=True)
        if of_one[row, column] > 0.5
    }


def _word(z: float, words: tuple[str, str, str]) -> str:
    if z < -0.4:
        return words[0]
    return words[2] if z > 0.4 else words[1]


def _plain_words(feature: str) -> tuple[str, str, str]:
    plain = feature.replace("_", " ")
    return f"low {plain}", f"medium {plain}", f"high {plain}"
