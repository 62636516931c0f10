"""Column names that code refers to, once; all others are only keys of `features.FEATURES`."""

from typing import Final


CUSTOMER_ID: Final = "customer_id"

RECENCY_DAYS: Final = "recency_days"
TENURE_DAYS: Final = "tenure_days"
ORDERS: Final = "orders"
ORDER_DAYS: Final = "order_days"
NET_REVENUE_CENTS: Final = "net_revenue_cents"

ORDERS_IN_WINDOW: Final = "orders_in_window"
REVENUE_IN_WINDOW_CENTS: Final = "revenue_in_window_cents"
MARGIN_IN_WINDOW_CENTS: Final = "margin_in_window_cents"

SECONDS_PER_DAY: Final = 86_400
