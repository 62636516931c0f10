"""Segments that every shop can start with, in the language itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ReadyMade:
    """A name, what it is good for, and the definition."""

    name: str
    description: str
    definition: dict[str, Any]


READY_MADE: tuple[ReadyMade, ...] = (
    ReadyMade(
        name="Champions",
        description="Ordered lately and often, and spent the most. Thank them; a discount is wasted on them.",
        definition={
            "all": [
                {"field": "recency_days", "is": "at_most", "value": 60},
                {"field": "orders", "is": "at_least", "value": 4},
                {"field": "net_revenue_cents", "is": "top_percent", "value": 20},
            ]
        },
    ),
    ReadyMade(
        name="Valuable and at risk",
        description="Among the three tenths who spent most, and probably not coming back by themselves.",
        definition={
            "all": [
                {"score": "CHURN", "is": "at_least", "value": 0.6},
                {"field": "net_revenue_cents", "is": "top_percent", "value": 30},
            ]
        },
    ),
    ReadyMade(
        name="One-time buyers, 60 to 120 days",
        description="Bought once, 60 to 120 days ago: the time in which a second order is won or lost.",
        definition={
            "all": [
                {"did": "ORDER", "count": {"exactly": 1}},
                {"did": "ORDER", "older_than_days": 60},
                {"did": "ORDER", "within_days": 120},
            ]
        },
    ),
    ReadyMade(
        name="New this month",
        description="Joined in the last 30 days, whether or not they agreed to profiling. Welcome them.",
        definition={"all": [{"field": "joined_days_ago", "is": "at_most", "value": 30}]},
    ),
    ReadyMade(
        name="Lapsed",
        description="Ordered at least twice, and not for half a year. Win them back.",
        definition={
            "all": [
                {"did": "ORDER", "count": {"at_least": 2}},
                {"did_not": "ORDER", "within_days": 180},
            ]
        },
    ),
    ReadyMade(
        name="Unhappy reviewers",
        description="Their last rating had at most two stars, in the last 90 days. Ask what went wrong first.",
        definition={
            "all": [
                {"field": "rating_last", "is": "at_most", "value": 2},
                {"field": "review_recency_days", "is": "at_most", "value": 90},
            ]
        },
    ),
    ReadyMade(
        name="Due for replenishment",
        description="Something that they buy again and again is due by their own rhythm.",
        definition={"all": [{"field": "due_products", "is": "at_least", "value": 1}]},
    ),
    ReadyMade(
        name="VIP",
        description="The twentieth part of customers who spent most, less refunds.",
        definition={"all": [{"field": "net_revenue_cents", "is": "top_percent", "value": 5}]},
    ),
    ReadyMade(
        name="Never bought",
        description="Joined more than a week ago and have not ordered yet.",
        definition={
            "all": [
                {"field": "joined_days_ago", "is": "at_least", "value": 7},
                {"did_not": "ORDER"},
            ]
        },
    ),
)
