"""The weightiest reasons of many customers in words, one line a customer; `segmentation.ml.wording` has the sentences."""

from collections.abc import Sequence

import numpy as np

from segmentation.ml import wording
from segmentation.ml.tables import FeatureTable, Floats


_SHOWN_AS = {
    "btyd_log_silence_30d": "recency_to_gap",
    "btyd_log_orders_30d": "orders",
    "btyd_log_basket": "order_value_mean_cents",
}
"""What rhythm and baskets say, by the feature that shows it."""


def in_words(
    table: FeatureTable, *, names: Sequence[str], contributions: Floats, most: int = 3
) -> list[str]:
    """At most `most` reasons of each customer, (n,); + or - says which way each points.

    contributions: (n, p) in the order of `names`, positive for more likely to buy.
    """
    shown = shown_as(names)
    lines = []
    for effects, row in zip(contributions, table.values.tolist(), strict=True):
        values = dict(zip(table.names, row, strict=True))
        found = wording.reasons(
            names=shown, contributions=np.asarray(effects), values=values, money=money, most=most
        )
        told = [f"{one.words} ({'+' if one.raises else '-'})" for one in found]
        lines.append("; ".join(told) or _rhythm(values))
    return lines


def shown_as(names: Sequence[str]) -> tuple[str, ...]:
    """The features by which a person is shown these columns."""
    return tuple(_SHOWN_AS.get(name, name) for name in names)


def rhythm(table: FeatureTable) -> list[str]:
    """What is said without contributions, (n,)."""
    return [_rhythm(dict(zip(table.names, row, strict=True))) for row in table.values.tolist()]


def money(cents: float) -> str:
    """An amount of a file, which does not name its currency."""
    return "not known" if np.isnan(cents) else f"{cents / 100:,.2f}"


def _rhythm(values: dict[str, float]) -> str:
    return wording.sentence("rhythm", "recency_days", values, money=money)
