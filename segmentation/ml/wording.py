"""Why a score is what it is, in words: exact contributions of features, joined by topic, each as one sentence.

The contributions are Shapley values of trees (Lundberg 2020; LightGBM's `pred_contrib`): they add up to the log-odds. Features
that say nearly the same (days since the last order, and the same in usual gaps) share a topic, and their contributions
are added: none alone would tell how much the topic weighs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from segmentation.ml.features.catalogue import FEATURES
from segmentation.ml.tables import Floats


Money = Callable[[float], str]
"""Writes an amount in cents as the shop shows money."""

TOPICS: dict[str, tuple[str, ...]] = {
    "rhythm": (
        *("recency_days", "recency_to_gap", "gap_mean_days", "gap_std_days", "gap_last_days"),
        *("gap_last_to_gap", "gap_max_days"),
    ),
    "orders": (
        *("orders", "order_days", "orders_30d", "orders_90d", "orders_365d", "orders_trend_30d"),
        *("orders_trend_90d", "orders_trend_365d", "active_months_12", "order_days_per_year"),
    ),
    "same season": ("orders_season_30d", "orders_season_90d", "coming_season_share"),
    "calendar": ("season_sin", "season_cos"),
    "since": ("joined_days", "tenure_days"),
    "due": ("repurchase_gap_days", "due_products", "overdue_days", "repeated_products"),
}
"""Features by topic; one that is in none shares the topic of its theme and unit."""

_TOPIC_OF = {feature: topic for topic, members in TOPICS.items() for feature in members}
_MANY = 1_000


@dataclass(frozen=True, kw_only=True)
class Reason:
    """
    One topic. effect: what it adds to the log-odds of what is predicted. share: of all effects, by size.
    words: what is known of the customer. features: the members that count, the weightiest first.
    """

    topic: str
    words: str
    effect: float
    share: float
    features: tuple[str, ...]

    @property
    def raises(self) -> bool:
        return self.effect > 0


def reasons(
    *,
    names: Sequence[str],
    contributions: Floats,
    values: Mapping[str, float],
    money: Money,
    most: int = 4,
) -> list[Reason]:
    """
    The weightiest topics of one customer, at most `most`, those that weigh less than a fiftieth left out.

    contributions: (p,) in the order of `names`. values: what is known of the customer, NaN where nothing is.
    """
    found: dict[str, list[tuple[float, str]]] = {}
    for name, effect in zip(names, contributions.tolist(), strict=True):
        found.setdefault(topic_of(name), []).append((effect, name))
    sums = {topic: math.fsum(effect for effect, _ in members) for topic, members in found.items()}
    whole = math.fsum(abs(effect) for effect in sums.values())
    if whole == 0:
        return []
    told = []
    for topic in sorted(sums, key=lambda one: (-abs(sums[one]), one))[:most]:
        if abs(sums[topic]) < 0.02 * whole:
            break
        # what pulls the way of the whole topic speaks for it
        members = sorted(found[topic], key=lambda one: -one[0] * math.copysign(1, sums[topic]))
        order = tuple(name for _, name in members)
        told.append(
            Reason(
                topic=topic,
                words=sentence(topic, order[0], values, money=money),
                effect=sums[topic],
                share=abs(sums[topic]) / whole,
                features=order[:3],
            )
        )
    return told


def topic_of(name: str) -> str:
    """What a feature is about."""
    if name in _TOPIC_OF:
        return _TOPIC_OF[name]
    feature = FEATURES.get(name)
    if feature is None:
        return name
    if feature.unit == "cents":
        return f"{feature.theme}: money"
    if feature.theme == "engagement":
        return "messages" if name.startswith(("mail", "click")) else "visits"
    return feature.theme if feature.theme in ("refunds", "reviews", "carts", "declared") else name


def sentence(topic: str, name: str, values: Mapping[str, float], *, money: Money) -> str:
    """What is known of the customer on this topic, as a sentence without a full stop."""
    special = _SENTENCES.get(topic)
    said = special(values) if special else ""
    return said or told(name, values.get(name, math.nan), money=money)


def told(name: str, value: float, *, money: Money) -> str:
    """One feature with its value: its meaning of the catalogue, a colon, the value with its unit."""
    feature = FEATURES.get(name)
    if feature is None:
        return f"{name.replace('_', ' ').capitalize()}: {_number(value)}"
    meaning = feature.meaning
    if feature.unit == "flag":  # "1 when ..., else 0"
        meaning = meaning.removeprefix("1 when ").removesuffix(", else 0")
        meaning = meaning[:1].upper() + meaning[1:]
    return f"{meaning}: {_with_unit(value, feature.unit, money=money)}"


def _with_unit(value: float, unit: str, *, money: Money) -> str:
    if math.isnan(value):
        return "not known"
    return money(value) if unit == "cents" else _UNITS.get(unit, _number)(value)


def _number(value: float) -> str:
    if math.isnan(value):
        return "not known"
    if value == round(value) or abs(value) >= _MANY:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}"


def _days(value: float) -> str:
    days = round(value)
    return f"{days:,} day{'' if abs(days) == 1 else 's'}"


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_UNITS: dict[str, Callable[[float], str]] = {
    "share": lambda value: f"{100 * value:.0f}\u00a0%",
    "flag": lambda value: "yes" if value else "no",
    "days": _days,
    "hour": lambda value: f"{value:.0f} o'clock",
    "weekday": lambda value: _WEEKDAYS[int(value) % 7],
    "stars": lambda value: f"{_number(value)} of 5",
    "score": lambda value: f"{_number(value)} of 10",
}


def _known(values: Mapping[str, float], name: str) -> float | None:
    value = values.get(name, math.nan)
    return None if math.isnan(value) else value


def _rhythm(values: Mapping[str, float]) -> str:
    recency, gap = _known(values, "recency_days"), _known(values, "gap_mean_days")
    if recency is None:
        return ""
    if gap is None:
        return f"Last order {_days(recency)} ago, the only one so far"
    return f"Last order {_days(recency)} ago, usual gap {_days(gap)}"


def _orders(values: Mapping[str, float]) -> str:
    ever, year = _known(values, "orders"), _known(values, "orders_365d")
    if ever is None or year is None:
        return ""
    lately = _known(values, "orders_90d")
    said = f"{ever:,.0f} order{'' if ever == 1 else 's'} ever, {year:,.0f} in the last 365 days"
    return said if lately is None else f"{said}, {lately:,.0f} in the last 90"


def _same_season(values: Mapping[str, float]) -> str:
    ahead = _known(values, "orders_season_90d")
    if ahead is None:
        return ""
    number = "No order" if ahead == 0 else f"{ahead:,.0f} order{'' if ahead == 1 else 's'}"
    return f"{number} a year ago in the 90 days that now lie ahead"


def _calendar(values: Mapping[str, float]) -> str:
    return "The time of year, the same for everybody"


def _since(values: Mapping[str, float]) -> str:
    tenure = _known(values, "tenure_days")
    return "" if tenure is None else f"First order {_days(tenure)} ago"


def _due(values: Mapping[str, float]) -> str:
    overdue, due = _known(values, "overdue_days"), _known(values, "due_products")
    if overdue is None:
        return "No product bought a second time yet"
    if overdue < 0:
        return f"What is bought again and again is due in {_days(-overdue)}"
    products = f", {due:,.0f} product{'' if due == 1 else 's'} in all" if due else ""
    return f"What is bought again and again has been due for {_days(overdue)}{products}"


_SENTENCES: dict[str, Callable[[Mapping[str, float]], str]] = {
    "rhythm": _rhythm,
    "orders": _orders,
    "same season": _same_season,
    "calendar": _calendar,
    "since": _since,
    "due": _due,
}
