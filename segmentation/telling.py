"""The features that tell a segment apart from everybody else, and the words for more and for less of each."""

from __future__ import annotations

from dataclasses import dataclass

from customers import display


@dataclass(frozen=True, kw_only=True)
class Telling:
    """
    One feature. more, less: what is said of the members, with {much} where the difference stands.
    topic: of several features of one topic only the most telling is said. kind: how the difference is told:
    "times" as a factor, "days", "points" of a share, "stars" or "plain" as a difference.
    noun: what the numbers are, for the bars and the table.
    """

    feature: str
    topic: str
    kind: str
    noun: str
    more: str
    less: str

    def sentence(self, inside: float, outside: float) -> str:
        """The difference of the means of members and others in words; empty where they are the same."""
        if inside == outside:
            return ""
        if self.kind == "times" and min(inside, outside) <= 0:  # no factor says it
            return f"{self.noun}: {self.value(inside)} against {self.value(outside)}"
        words = self.more if inside > outside else self.less
        return words.format(much=self._difference(inside, outside))

    def _difference(self, inside: float, outside: float) -> str:
        if self.kind != "times":
            return self.value(abs(inside - outside), difference=True)
        factor = inside / outside
        if factor > 1:
            return f"{display.number(factor, decimals=1 if factor < 9.95 else 0)} times as"
        return display.percent(1 - factor, decimals=0)

    def value(self, number: float, *, difference: bool = False) -> str:
        """A mean of this feature as it is shown."""
        if self.feature.endswith("_cents"):
            return display.money(number)
        if self.kind == "points":
            return (
                display.points(number, decimals=0).lstrip("+")
                if difference
                else display.percent(number, decimals=0)
            )
        if self.kind == "days":
            days = display.number(number)
            return f"{days} day{'' if days == '1' else 's'}"
        return display.number(number, decimals=2 if abs(number) < 10 else 0)


def _times(feature: str, topic: str, noun: str, more: str, less: str) -> Telling:
    return Telling(feature=feature, topic=topic, kind="times", noun=noun, more=more, less=less)


def _days(feature: str, topic: str, noun: str, more: str, less: str) -> Telling:
    return Telling(feature=feature, topic=topic, kind="days", noun=noun, more=more, less=less)


def _points(feature: str, noun: str, what: str) -> Telling:
    return Telling(
        feature=feature, topic=feature, kind="points", noun=noun,
        more=f"{{much}} more of {what}", less=f"{{much}} less of {what}",
    )  # fmt: skip


TELLING: tuple[Telling, ...] = (
    _times("orders", "often", "Orders", "ordered {much} often", "ordered {much} less often"),
    _times("orders_365d", "often", "Orders in the last 365 days",
           "ordered {much} often in the last 365 days", "ordered {much} less often in the last 365 days"),
    _times("net_revenue_cents", "money", "Spent, less refunds", "spent {much} much", "spent {much} less"),
    _times("order_value_mean_cents", "order value", "Value of an order",
           "spend {much} much an order", "spend {much} less an order"),
    _times("units_per_order", "pieces", "Pieces an order",
           "buy {much} many pieces an order", "buy {much} fewer pieces an order"),
    _times("unit_price_mean_cents", "price", "Price of a piece",
           "buy pieces {much} dear", "buy pieces that cost {much} less"),
    _times("categories", "variety", "Different categories",
           "buy from {much} many categories", "buy from {much} fewer categories"),
    _times("visits_90d", "visits", "Visits in the last 90 days",
           "visit the shop {much} often", "visit the shop {much} less often"),
    _times("searches_90d", "searches", "Searches in the last 90 days",
           "search {much} often", "search {much} less often"),
    _times("clicks_per_mail", "clicks", "Clicks a message",
           "click {much} often in messages", "click {much} less often in messages"),
    _times("carts_left_90d", "carts", "Carts left in the last 90 days",
           "leave {much} many carts", "leave {much} fewer carts"),
    _times("reviews", "reviews", "Reviews", "write {much} many reviews", "write {much} fewer reviews"),
    _times("refunds_365d", "refunds", "Refunds in the last 365 days",
           "sent {much} much back in the last 365 days", "sent {much} less back in the last 365 days"),
    _days("recency_days", "recency", "Since the last order",
          "ordered last {much} longer ago", "ordered last {much} more recently"),
    _days("gap_mean_days", "gap", "Between orders",
          "wait {much} longer between orders", "wait {much} less between orders"),
    _days("tenure_days", "tenure", "Since the first order",
          "have been buying for {much} longer", "have been buying for {much} less"),
    _points("discounted_orders_share", "Orders with a discount", "their orders had a discount"),
    _points("weekend_share", "Orders at weekends", "their orders come at weekends"),
    _points("evening_share", "Orders in the evening", "their orders come in the evening"),
    _points("november_december_share", "Orders before Christmas", "their orders come in November and December"),
    _points("top_category_share", "Of the favourite category", "what they buy is of one category"),
    _points("repeat_line_share", "Bought again", "what they buy they had bought before"),
    _points("margin_share", "Margin", "what they pay is margin"),
    Telling(feature="rating_mean", topic="rating", kind="stars", noun="Stars given",
            more="rate {much} stars higher", less="rate {much} stars lower"),
    Telling(feature="polarity_mean", topic="mood", kind="plain", noun="Mood of reviews (−1 to 1)",
            more="write in a better mood (by {much})", less="write in a worse mood (by {much})"),
)  # fmt: skip
