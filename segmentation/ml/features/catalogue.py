"""What each feature means, in the order of the columns; a test holds it against the SQL."""

from dataclasses import dataclass


THEMES = (
    *("customers", "orders", "basket", "habits", "engagement", "carts", "reviews", "refunds"),
    "declared",
)

POSSIBLE = {
    "share": (0, 1),
    "flag": (0, 1),
    "hour": (0, 23),
    "weekday": (0, 6),
    "stars": (1, 5),
    "polarity": (-1, 1),
    "score": (0, 10),
}
"""Per unit the values that can be; what lies outside comes from bad data and is cut to the nearer end."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One column of the feature table.

    `without_rows` is the value for a customer of whom the theme has no row at all: 0 for what is counted
    or summed, None (NULL) for what is undefined. `for_models`: False for what has no history (the record
    of a person as it is now), which would let a model look ahead; segments may use it.
    """

    name: str
    unit: str
    meaning: str
    theme: str
    without_rows: int | None = None
    for_models: bool = True

    @property
    def possible(self) -> tuple[int, int] | None:
        """The least and the greatest value that can be; None when the unit has no ends."""
        return POSSIBLE.get(self.unit)

    @property
    def missing_rule(self) -> str:
        """What the column says when there is nothing to compute it from."""
        return "empty" if self.without_rows is None else str(self.without_rows)

    @property
    def outlier_rule(self) -> str:
        """What becomes of a value that cannot be, or hardly is."""
        if self.possible is None:
            return "kept, reported"
        return "cut to {} … {}".format(*self.possible)


def _theme(theme: str, *rows: tuple[str, str, str], for_models: bool = True) -> list[Feature]:
    """A unit written with a leading `+` marks a count or a sum: 0, not NULL, without rows."""
    return [
        Feature(
            name=name,
            unit=unit.removeprefix("+"),
            meaning=meaning,
            theme=theme,
            without_rows=0 if unit.startswith("+") else None,
            for_models=for_models,
        )
        for name, unit, meaning in rows
    ]


_ALL = [
    *_theme(
        "customers",
        ("joined_days", "days", "Since the customer joined"),
        ("season_sin", "ratio", "Sine of the season at the cut-off, the same for everybody"),
        ("season_cos", "ratio", "Cosine of the season at the cut-off, the same for everybody"),
        ("country_share", "share", "Share of the shop's customers who live in the same country"),
        ("home_market", "flag", "1 when no country has more customers than the customer's, else 0"),
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
        ("discount_share", "share", "Discounts by list value of all orders"),
        ("discounted_orders_share", "share", "Share of orders with a discount"),
        ("orders_trend_30d", "+count", "Orders of the last 30 days less those of the 30 before"),
        ("orders_trend_365d", "+count", "Orders of the last 365 days less those of the 365 before"),
        ("revenue_trend_30d_cents", "+cents", "Paid in the last 30 days less the 30 before"),
        ("revenue_trend_365d_cents", "+cents", "Paid in the last 365 days less the 365 before"),
        ("net_revenue_365d_cents", "+cents", "Paid less refunded in the last 365 days"),
        ("order_value_last_to_mean", "ratio", "Value of the last order by the mean value"),
        ("gap_max_days", "days", "Longest time between two orders"),
        ("last_order_discounted", "flag", "1 when the last order had a discount, else 0"),
        ("active_months_12", "+count", "Of the last twelve times 30 days, those with an order"),
        (
            "order_days_per_year",
            "per year",
            "Days with an order per year since the first (at least 90 days)",
        ),
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
        ("top_category_share", "share", "Share of lines in the favourite category"),
        (
            "category_concentration",
            "share",
            "Chance that two lines are of one category (Herfindahl)",
        ),
        ("repeat_line_share", "share", "Share of lines that repeat a product"),
        ("unit_price_mean_cents", "cents", "Mean price of a piece"),
        ("unit_price_min_cents", "cents", "Cheapest piece"),
        ("unit_price_max_cents", "cents", "Dearest piece"),
        ("products_365d", "+count", "Different products bought in the last 365 days"),
        ("categories_365d", "+count", "Different categories bought from in the last 365 days"),
        (
            "new_products_share_365d",
            "share",
            "Of the products of the last 365 days, share bought for the first time",
        ),
        ("bulk_lines_share", "share", "Share of lines of 12 pieces or more"),
        (
            "price_tier",
            "ratio",
            "Paid by what as many pieces of these categories cost on average in this shop",
        ),
        ("repeated_products", "+count", "Products bought on two days or more"),
        (
            "repurchase_gap_days",
            "days",
            "Usual time until a repeated product is bought again, mean",
        ),
        (
            "due_products",
            "+count",
            "Repeated products whose usual gap has passed one to three times",
        ),
        (
            "overdue_days",
            "days",
            "Since the first repeated product (not given up) was due; negative: until then",
        ),
    ),
    *_theme(
        "habits",
        ("favourite_hour", "hour", "Hour (UTC, 0 to 23) with most orders"),
        ("favourite_hour_share", "share", "Share of orders in that hour"),
        ("favourite_weekday", "weekday", "Weekday (UTC, 0 is Monday) with most orders"),
        ("weekend_share", "share", "Share of orders on Saturday and Sunday (UTC)"),
        ("channels", "+count", "Different channels ordered through"),
        ("favourite_channel_share", "share", "Share of orders through the main channel"),
        ("office_hours_share", "share", "Share of orders from Monday to Friday, 8 to 18 (UTC)"),
        ("evening_share", "share", "Share of orders from 18 to 24 (UTC)"),
        ("november_december_share", "share", "Share of orders in the last two months of a year"),
        (
            "coming_season_share",
            "share",
            "Share of orders in the 90 days of a year that now lie ahead",
        ),
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
        ("visits_365d", "+count", "Visits to the shop in the last 365 days"),
        ("visits_trend_30d", "+count", "Visits of the last 30 days less those of the 30 before"),
        ("searches_30d", "+count", "Searches in the last 30 days"),
        ("wishes", "+count", "Products put on the wish list ever"),
        ("wishes_90d", "+count", "Products put on the wish list in the last 90 days"),
        ("checkouts_90d", "+count", "Steps into the checkout in the last 90 days"),
        ("coupons_365d", "+count", "Coupons entered in the last 365 days"),
        ("mails_365d", "+count", "Mails delivered in the last 365 days"),
        ("clicks_365d", "+count", "Clicks in mails in the last 365 days"),
        ("clicks_per_mail_365d", "ratio", "Clicks by mails delivered, last 365 days"),
        ("mails_since_click", "+count", "Mails delivered since the last click, or ever"),
    ),
    *_theme(
        "carts",
        (
            "carts_left_90d",
            "+count",
            "Days of the last 90 with a cart and no order by the next day",
        ),
        ("cart_open_days", "days", "Since the last cart, when no order came after it"),
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
        ("low_ratings_365d", "+count", "Ratings of one or two stars in the last 365 days"),
        ("polarity_min", "polarity", "Sentiment of the worst text"),
    ),
    *_theme(
        "refunds",
        ("refunds", "+count", "Refunds ever"),
        ("refunded_cents", "+cents", "Refunded ever"),
        ("refunded_90d_cents", "+cents", "Refunded in the last 90 days"),
        ("refunded_share", "ratio", "Refunded by what was paid"),
        ("refund_recency_days", "days", "Since the last refund"),
        ("refunds_365d", "+count", "Refunds in the last 365 days"),
        ("refunded_365d_cents", "+cents", "Refunded in the last 365 days"),
        ("refunds_per_order", "ratio", "Refunds by orders"),
    ),
    *_theme(
        "declared",
        ("surveys", "+count", "Survey answers ever"),
        ("surveys_365d", "+count", "Survey answers in the last 365 days"),
        ("survey_recency_days", "days", "Since the last survey answer"),
        ("survey_score_mean", "score", "Mean score given in surveys (0 to 10)"),
        ("survey_score_last", "score", "Last score given in a survey (0 to 10)"),
    ),
    *_theme(
        "declared",
        ("names_company", "+flag", "1 when the customer's record names a company or a VAT number"),
        ("own_mail_domain", "flag", "1 when the address is not of a public mail service, else 0"),
        for_models=False,
    ),
]

FEATURES: dict[str, Feature] = {feature.name: feature for feature in _ALL}

MODEL_FEATURES = tuple(name for name, feature in FEATURES.items() if feature.for_models)
"""What models learn from, in the order of the columns."""
