"""The feature table, against values worked out by hand and against published ones."""

from pathlib import Path

import numpy as np
import pytest

from segmentation.ml import features
from segmentation.ml.features import FEATURES, compute
from tests.segmentation.ml.mirrors import (
    DAY,
    NOON,
    connect,
    from_rows,
)


SQL = Path(features.__file__).parent


# ------------------------------------------------------------------ by hand


def test_features_are_those_worked_out_by_hand() -> None:
    def ago(days: float) -> int:
        return NOON - round(days * DAY)

    tables = from_rows(
        {
            "customers": [
                {"customer_id": 1, "joined_at": ago(400), "country": "GB"},
                {"customer_id": 2, "joined_at": ago(3), "country": None},
            ],
            # Fridays at noon: 350, 70, 14 days ago; the third a second time two hours later.
            "orders": [
                {
                    "order_id": number,
                    "customer_id": 1,
                    "placed_at": when,
                    "total_cents": total,
                    "discount_cents": discount,
                    "margin_cents": margin,
                    "channel": channel,
                }
                for number, when, total, discount, margin, channel in (
                    (1, ago(350), 1_000, 0, 400, "web"),
                    (2, ago(70), 3_000, 1_000, 900, "web"),
                    (3, ago(14), 2_000, 0, 700, "app"),
                    (4, ago(14) + 7_200, 4_000, 0, 1_000, "web"),
                )
            ],
            "order_lines": [
                {
                    "order_id": order,
                    "customer_id": 1,
                    "product_id": product,
                    "category": category,
                    "quantity": quantity,
                    "unit_price_cents": price,
                    "placed_at": when,
                }
                for order, product, category, quantity, price, when in (
                    (1, 10, "tea", 1, 1_000, ago(350)),
                    (2, 10, "tea", 2, 1_000, ago(70)),
                    (2, 11, "tea", 4, 500, ago(70)),
                    (3, 20, "mugs", 1, 2_000, ago(14)),
                )
            ],
            "refunds": [
                {"customer_id": 1, "refunded_at": ago(100), "amount_cents": 300},
                {"customer_id": 1, "refunded_at": ago(10), "amount_cents": 200},
            ],
            "events": [
                {"customer_id": 1, "kind": kind, "happened_at": when}
                for kind, when in (
                    ("SITE_VISIT", ago(2)),
                    ("SITE_VISIT", ago(60)),
                    ("SITE_VISIT", ago(100)),
                    ("PRODUCT_VIEW", ago(1.5)),
                    ("CART", ago(40)),
                    ("SEARCH", ago(80)),
                    ("WISHLIST", ago(85)),
                    ("DELIVERED", ago(20)),
                    ("DELIVERED", ago(50)),
                    ("DELIVERED", ago(200)),
                    ("DELIVERED", ago(201)),
                    ("CLICKED", ago(49)),
                    ("OPENED", ago(1)),
                    ("BOUNCED", ago(300)),
                )
            ]
            + [
                {
                    "customer_id": 1,
                    "kind": "OTHER",
                    "name": name,
                    "happened_at": when,
                    "properties": properties,
                }
                for name, when, properties in (
                    ("NPS Submitted", ago(500), '{"score": 4}'),
                    ("survey_answered", ago(30), '{"score": "9", "purpose": "PROFILING"}'),
                    ("Survey Answered", ago(1), '{"score": 0, "purpose": "RESEARCH"}'),
                    ("Played", ago(1), '{"score": 10}'),
                )
            ],
            "people": [
                {
                    "customer_id": 1,
                    "joined_at": ago(400),
                    "email_domain": "firm.example",
                    "traits": '{"company": {"name": "Firm"}, "age": 44}',
                }
            ],
            "reviews": [
                {
                    "customer_id": 1,
                    "product_id": 10,
                    "written_at": ago(120),
                    "rating": 2,
                    "polarity": -0.5,
                },
                {
                    "customer_id": 1,
                    "product_id": 11,
                    "written_at": ago(60),
                    "rating": 5,
                    "polarity": 0.75,
                },
                {
                    "customer_id": 1,
                    "product_id": 20,
                    "written_at": ago(5),
                    "rating": 4,
                    "polarity": None,
                },
            ],
        }
    )
    first, second = compute(connect(tables), as_of=NOON).to_pylist()
    two_hours = 1 / 12
    season = {name: first.pop(name) for name in ("season_sin", "season_cos")}
    assert season["season_sin"] ** 2 + season["season_cos"] ** 2 == pytest.approx(1)
    gaps = [280, 56, two_hours]
    assert first == pytest.approx(
        {
            "customer_id": 1,
            "joined_days": 400,
            "recency_days": 14 - two_hours,
            "tenure_days": 350,
            "orders": 4,
            "order_days": 3,
            "orders_30d": 2,
            "orders_90d": 3,
            "orders_365d": 4,
            "orders_trend_90d": 3,
            "orders_season_30d": 1,
            "orders_season_90d": 1,
            "revenue_cents": 10_000,
            "net_revenue_cents": 9_500,
            "revenue_30d_cents": 6_000,
            "revenue_90d_cents": 9_000,
            "revenue_365d_cents": 10_000,
            "revenue_trend_90d_cents": 9_000,
            "margin_cents": 3_000,
            "margin_share": 0.3,
            "order_value_mean_cents": 2_500,
            "order_value_std_cents": np.std([1_000, 3_000, 2_000, 4_000], ddof=1),
            "order_value_min_cents": 1_000,
            "order_value_max_cents": 4_000,
            "order_value_first_cents": 1_000,
            "order_value_last_cents": 4_000,
            "gap_mean_days": np.mean(gaps),
            "gap_std_days": np.std(gaps, ddof=1),
            "gap_last_days": two_hours,
            "recency_to_gap": (14 - two_hours) / np.mean(gaps),
            "gap_last_to_gap": two_hours / np.mean(gaps),
            "discount_share": 1_000 / 11_000,
            "discounted_orders_share": 0.25,
            "country_share": 1,
            "home_market": 1,
            "orders_trend_30d": 2,
            "orders_trend_365d": 4,
            "revenue_trend_30d_cents": 6_000,
            "revenue_trend_365d_cents": 10_000,
            "net_revenue_365d_cents": 9_500,
            "order_value_last_to_mean": 1.6,
            "gap_max_days": 280,
            "last_order_discounted": 0,
            "active_months_12": 3,
            "order_days_per_year": 3 * 365.2425 / 350,
            "products_365d": 3,
            "categories_365d": 2,
            "new_products_share_365d": 1,
            "bulk_lines_share": 0,
            "price_tier": 700_000 / 699_996,  # a piece of tea costs 714.28 cents on average
            "repeated_products": 1,
            "repurchase_gap_days": 280,
            "due_products": 0,
            "overdue_days": -210,
            "office_hours_share": 1,
            "evening_share": 0,
            "november_december_share": 0,
            "coming_season_share": 0.25,
            "visits_365d": 3,
            "visits_trend_30d": 0,
            "searches_30d": 0,
            "wishes": 1,
            "wishes_90d": 1,
            "checkouts_90d": 0,
            "coupons_365d": 0,
            "mails_365d": 4,
            "clicks_365d": 1,
            "clicks_per_mail_365d": 0.25,
            "mails_since_click": 1,
            "carts_left_90d": 1,
            "cart_open_days": None,
            "low_ratings_365d": 1,
            "polarity_min": -0.5,
            "refunds_365d": 2,
            "refunded_365d_cents": 500,
            "refunds_per_order": 0.5,
            "surveys": 2,
            "surveys_365d": 1,
            "survey_recency_days": 30,
            "survey_score_mean": 6.5,
            "survey_score_last": 9,
            "names_company": 1,
            "own_mail_domain": 1,
            "lines": 4,
            "units": 8,
            "products": 3,
            "categories": 2,
            "lines_per_order": 1,
            "units_per_order": 2,
            "units_per_line": 2,
            "units_line_max": 4,
            "top_category_share": 0.75,
            "category_concentration": 10 / 16,
            "repeat_line_share": 0.25,
            "unit_price_mean_cents": 7_000 / 8,
            "unit_price_min_cents": 500,
            "unit_price_max_cents": 2_000,
            "favourite_hour": 12,
            "favourite_hour_share": 0.75,
            "favourite_weekday": 4,
            "weekend_share": 0,
            "channels": 2,
            "favourite_channel_share": 0.75,
            "visits_30d": 1,
            "visits_90d": 2,
            "views_30d": 1,
            "views_90d": 1,
            "carts_30d": 0,
            "carts_90d": 1,
            "searches_90d": 2,
            "visit_recency_days": 1.5,
            "mails": 4,
            "mails_30d": 1,
            "mails_90d": 2,
            "mail_recency_days": 20,
            "clicks": 1,
            "clicks_30d": 0,
            "clicks_90d": 1,
            "click_recency_days": 49,
            "clicks_per_mail": 0.25,
            "mail_problems": 1,
            "reviews": 3,
            "reviews_90d": 2,
            "review_recency_days": 5,
            "rating_mean": 11 / 3,
            "rating_min": 2,
            "rating_last": 4,
            "polarity_mean": 0.125,
            "polarity_last": 0.75,
            "refunds": 2,
            "refunded_cents": 500,
            "refunded_90d_cents": 200,
            "refunded_share": 0.05,
            "refund_recency_days": 10,
        }
    )
    del second["season_sin"], second["season_cos"]
    nothing = {name: feature.without_rows for name, feature in FEATURES.items()}
    del nothing["season_sin"], nothing["season_cos"]
    assert second == {"customer_id": 2, **nothing, "joined_days": 3.0}


def test_dirty_extremes_do_not_stop_the_run() -> None:
    """An order of 1900 beside one of today, 1e12 pieces of 1e9 cents, a polarity that is not a number."""
    start = -25_567 * DAY
    order = {"customer_id": 1, "discount_cents": 0, "margin_cents": 0, "channel": None}
    line = {"order_id": 1, "customer_id": 1, "product_id": 1, "category": None}
    review = {"customer_id": 1, "product_id": 1, "written_at": NOON - 1, "rating": None}
    tables = from_rows(
        {
            "customers": [{"customer_id": 1, "joined_at": start}],
            "orders": [
                {**order, "order_id": number, "placed_at": when, "total_cents": 10**15}
                for number, when in enumerate((start, NOON - 9, NOON - 1))
            ],
            "order_lines": [
                {**line, "placed_at": start, "quantity": 10**12, "unit_price_cents": 10**9}
            ],
            "reviews": [{**review, "polarity": float("nan")}],
        }
    )
    (row,) = compute(connect(tables), as_of=NOON).to_pylist()
    assert (row["orders"], row["revenue_cents"], row["order_value_std_cents"]) == (3, 3e15, 0)
    assert row["unit_price_mean_cents"] == 1e9
    assert (row["reviews"], row["polarity_mean"], row["rating_mean"]) == (1, None, None)


@pytest.mark.parametrize("days", [30, 90, 365])
def test_windows_begin_at_their_first_second(days: int) -> None:
    edge = NOON - days * DAY
    for placed_at, counted in ((edge, 1), (edge - 1, 0)):
        order = {"order_id": 1, "customer_id": 1, "placed_at": placed_at, "total_cents": 500}
        tables = from_rows(
            {
                "customers": [{"customer_id": 1, "joined_at": NOON - 900 * DAY}],
                "orders": [{**order, "discount_cents": 0, "margin_cents": 0, "channel": "web"}],
            }
        )
        (row,) = compute(connect(tables), as_of=NOON).to_pylist()
        assert (row[f"orders_{days}d"], row[f"revenue_{days}d_cents"]) == (counted, 500 * counted)


def test_repeat_buying_agrees_with_the_published_cdnow_sample(shared_data: Path) -> None:
    """Fader, Hardie, Lee (2005): 39 weeks, frequency and recency in weeks, T since the first purchase."""
    log = [
        line.split() for line in (shared_data / "cdnow/CDNOW_sample.txt").read_text().splitlines()
    ]
    placed = [
        int(np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}", "s").astype(int))
        for _, _, day, _, _ in log
    ]
    customer = [int(number) for _, number, _, _, _ in log]
    cents = [round(float(amount) * 100) for *_, amount in log]
    orders = [
        {
            "order_id": number,
            "customer_id": who,
            "placed_at": when,
            "total_cents": value,
            "discount_cents": 0,
            "margin_cents": 0,
            "channel": "web",
        }
        for number, (who, when, value) in enumerate(zip(customer, placed, cents, strict=True))
    ]
    joined = [{"customer_id": who, "joined_at": 0} for who in sorted(set(customer))]
    as_of = int(np.datetime64("1997-10-01", "s").astype(int))
    table = compute(connect(from_rows({"customers": joined, "orders": orders})), as_of=as_of)

    published = np.loadtxt(
        shared_data / "cdnow/cdnow_customers_summary.csv", delimiter=",", skiprows=1
    )
    tenure, recency = table["tenure_days"].to_numpy(), table["recency_days"].to_numpy()
    # The cut-off is the end of 30 September; the published clock stops at its beginning.
    assert table["customer_id"].to_pylist() == published[:, 0].astype(int).tolist()
    assert (table["order_days"].to_numpy() - 1).tolist() == published[:, 1].tolist()
    np.testing.assert_allclose((tenure - recency) / 7, published[:, 2], atol=0.0051)
    np.testing.assert_allclose((tenure - 1) / 7, published[:, 3], atol=0.0051)
