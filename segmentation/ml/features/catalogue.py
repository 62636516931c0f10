"""What each feature means, in the order of the columns; a test holds it against the SQL."""

from dataclasses import dataclass


THEMES = ("customers", "orders", "basket", "habits", "engagement", "reviews", "refunds")


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One column of the feature table.

    `without_rows` is the value for a customer of whom the theme has no row at all: 0 for what is counted
    or summed, None (NULL) for what is undefined.
    """

    name: str
    unit: str
    meaning: str
    theme: str
    without_rows: int | None = None


def _theme(theme: str, *rows: tuple[str, str, str]) -> list[Feature]:
    """A unit written with a leading `+` marks a count or a sum: 0, not NULL, without rows."""
    return [
        Feature(
            name=name,
            unit=unit.removeprefix("+"),
            meaning=meaning,
            theme=theme,
            without_rows=0 if unit.startswith("+") else None,
        )
        for name, unit, meaning in rows
    ]


_ALL = [
    *_theme(
        "customers",
        ("joined_days", "days", "Since the customer joined"),
        ("season_sin", "ratio", "Sine of the season at the cut-off, the same for everybody"),
        ("season_cos", "ratio", "Cosine of the season at the cut-off, the same for everybody"),
    ),
    *_theme(
        "orders",
        ("recency_days", "days", "Since the last order"),
        ("tenure_days", "days", "Since the first order"),
        ("orders", "+count", "Orders ever"),
        ("order_days", "+count", "Days with at least one order"),
        ("orders_30d", "+count", "Orders in the last 30 days"),
        ("orders_90d", "+count", "Orders in the last 90 days"),
        ("orders_365d", "+count", "Orders in the last 365 days"),
        ("orders_trend_90d", "+count", "Orders of the last 90 days less those of the 90 before"),
        ("orders_season_30d", "+count", "Orders a year ago in the 30 days that now lie ahead"),
        ("orders_season_90d", "+count", "Orders a year ago in the 90 days that now lie ahead"),
        ("revenue_cents", "+cents", "Paid for all orders, after discounts"),
        ("net_revenue_cents", "+cents", "Paid for all orders less all refunds"),
        ("revenue_30d_cents", "+cents", "Paid in the last 30 days"),
        ("revenue_90d_cents", "+cents", "Paid in the last 90 days"),
        ("revenue_365d_cents", "+cents", "Paid in the last 365 days"),
        ("revenue_trend_90d_cents", "+cents", "Paid in the last 90 days less the 90 before"),
        ("margin_cents", "+cents", "Margin of all orders"),
        ("margin_share", "ratio", "Margin of all orders by what was paid"),
        ("order_value_mean_cents", "cents", "Mean value of an order"),
        ("order_value_std_cents", "cents", "Spread (sample deviation) of order values"),
        ("order_value_min_cents", "cents", "Smallest order"),
        ("order_value_max_cents", "cents", "Largest order"),
        ("order_value_first_cents", "cents", "Value of the first order"),
        ("order_value_last_cents", "cents", "Value of the last order"),
        ("gap_mean_days", "days", "Mean time between orders"),
        ("gap_std_days", "days", "Spread (sample deviation) of the time between orders"),
        ("gap_last_days", "days", "Between the last two orders"),
        ("recency_to_gap", "ratio", "Time since the last order in usual gaps"),
        ("gap_last_to_gap", "ratio", "Last gap in usual gaps"),
        ("discount_share", "ratio", "Discounts by list value of all orders"),
        ("discounted_orders_share", "ratio", "Share of orders with a discount"),
    ),
    *_theme(
        "basket",
        ("lines", "+count", "Order lines ever"),
        ("units", "+count", "Pieces bought ever"),
        ("products", "+count", "Different products"),
        ("categories", "+count", "Different categories"),
        ("lines_per_order", "count", "Lines per order"),
        ("units_per_order", "count", "Pieces per order"),
        ("units_per_line", "count", "Pieces per line"),
        ("units_line_max", "count", "Most pieces in one line"),
        ("top_category_share", "ratio", "Share of lines in the favourite category"),
        (
            "category_concentration",
            "ratio",
            "Chance that two lines are of one category (Herfindahl)",
        ),
        ("repeat_line_share", "ratio", "Share of lines that repeat a product"),
        ("unit_price_mean_cents", "cents", "Mean price of a piece"),
        ("unit_price_min_cents", "cents", "Cheapest piece"),
        ("unit_price_max_cents", "cents", "Dearest piece"),
    ),
    *_theme(
        "habits",
        ("favourite_hour", "hour", "Hour (UTC, 0 to 23) with most orders"),
        ("favourite_hour_share", "ratio", "Share of orders in that hour"),
        ("favourite_weekday", "weekday", "Weekday (UTC, 0 is Monday) with most orders"),
        ("weekend_share", "ratio", "Share of orders on Saturday and Sunday (UTC)"),
        ("channels", "+count", "Different channels ordered through"),
        ("favourite_channel_share", "ratio", "Share of orders through the main channel"),
    ),
    *_theme(
        "engagement",
        ("visits_30d", "+count", "Visits to the shop in the last 30 days"),
        ("visits_90d", "+count", "Visits to the shop in the last 90 days"),
        ("views_30d", "+count", "Product views in the last 30 days"),
        ("views_90d", "+count", "Product views in the last 90 days"),
        ("carts_30d", "+count", "Products put into a cart in the last 30 days"),
        ("carts_90d", "+count", "Products put into a cart in the last 90 days"),
        ("searches_90d", "+count", "Searches and wishes in the last 90 days"),
        ("visit_recency_days", "days", "Since the customer was last seen in the shop"),
        ("mails", "+count", "Mails delivered ever"),
        ("mails_30d", "+count", "Mails delivered in the last 30 days"),
        ("mails_90d", "+count", "Mails delivered in the last 90 days"),
        ("mail_recency_days", "days", "Since the last mail"),
        ("clicks", "+count", "Clicks in mails ever"),
        ("clicks_30d", "+count", "Clicks in mails in the last 30 days"),
        ("clicks_90d", "+count", "Clicks in mails in the last 90 days"),
        ("click_recency_days", "days", "Since the last click in a mail"),
        ("clicks_per_mail", "ratio", "Clicks by mails delivered"),
        ("mail_problems", "+count", "Bounces and complaints ever"),
    ),
    *_theme(
        "reviews",
        ("reviews", "+count", "Reviews ever"),
        ("reviews_90d", "+count", "Reviews in the last 90 days"),
        ("review_recency_days", "days", "Since the last review"),
        ("rating_mean", "stars", "Mean rating (1 to 5)"),
        ("rating_min", "stars", "Worst rating"),
        ("rating_last", "stars", "Last rating"),
        ("polarity_mean", "polarity", "Mean sentiment of the texts (-1 to 1)"),
        ("polarity_last", "polarity", "Sentiment of the last text"),
    ),
    *_theme(
        "refunds",
        ("refunds", "+count", "Refunds ever"),
        ("refunded_cents", "+cents", "Refunded ever"),
        ("refunded_90d_cents", "+cents", "Refunded in the last 90 days"),
        ("refunded_share", "ratio", "Refunded by what was paid"),
        ("refund_recency_days", "days", "Since the last refund"),
    ),
]

FEATURES: dict[str, Feature] = {feature.name: feature for feature in _ALL}
