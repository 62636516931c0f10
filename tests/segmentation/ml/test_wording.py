"""Reasons in words: every feature has some, topics are joined, directions are kept."""

from __future__ import annotations

import math

import numpy as np
import pytest

from segmentation.ml import wording
from segmentation.ml.features import FEATURES


def money(cents: float) -> str:
    return f"€{cents / 100:.2f}"


KNOWN = {
    "recency_days": 143.2, "gap_mean_days": 41.0, "orders": 7.0, "orders_365d": 2.0, "orders_90d": 0.0,
    "net_revenue_cents": 12_345.0, "overdue_days": 12.0, "due_products": 2.0, "orders_season_90d": 1.0,
    "tenure_days": 400.0,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FEATURES))
@pytest.mark.parametrize("value", [0.0, 0.5, 3.0, math.nan])
def test_every_feature_of_the_catalogue_has_words(name: str, value: float) -> None:
    said = wording.sentence(wording.topic_of(name), name, {name: value}, money=money)
    assert said
    assert "nan" not in said
    assert not said[0].islower()
    assert "else 0" not in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("recency_to_gap", "Last order 143 days ago, usual gap 41 days"),
        ("orders_90d", "7 orders ever, 2 in the last 365 days, 0 in the last 90"),
        (
            "overdue_days",
            "What is bought again and again has been due for 12 days, 2 products in all",
        ),
        ("orders_season_30d", "1 order a year ago in the 90 days that now lie ahead"),
        ("tenure_days", "First order 400 days ago"),
        ("net_revenue_cents", "Paid for all orders less all refunds: €123.45"),
        ("something_new", "Something new: not known"),
    ],
)
def test_sentence_says_what_is_known(name: str, words: str) -> None:
    assert wording.sentence(wording.topic_of(name), name, KNOWN, money=money) == words


def test_only_order_has_no_usual_gap() -> None:
    said = wording.sentence("rhythm", "recency_days", {"recency_days": 1.0}, money=money)
    assert said == "Last order 1 day ago, the only one so far"


def test_reasons_join_a_topic_and_keep_its_direction() -> None:
    names = ("recency_days", "recency_to_gap", "orders", "net_revenue_cents", "weekend_share")
    effects = np.array([-1.0, -0.5, 0.6, 0.1, 0.001])
    found = wording.reasons(names=names, contributions=effects, values=KNOWN, money=money)
    assert [one.topic for one in found] == ["rhythm", "orders", "orders: money"]
    rhythm, orders, _ = found
    assert rhythm.effect == pytest.approx(-1.5)
    assert rhythm.features == ("recency_days", "recency_to_gap")
    assert not rhythm.raises
    assert orders.raises
    # of all that there is, what is not told included
    assert rhythm.share == pytest.approx(1.5 / 2.201)


def test_model_that_says_the_same_of_everybody_has_no_reasons() -> None:
    nothing = wording.reasons(
        names=("orders",), contributions=np.zeros(1), values=KNOWN, money=money
    )
    assert nothing == []
