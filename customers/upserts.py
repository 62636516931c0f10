"""One statement an entity: staged rows with foreign ids into the tables, by (source, external id).

Each reads the temporary table `staged_<entity>` and returns `is_new` of every row it wrote; what it
did not return was there already. An update happens only where something differs, so importing the
same rows again writes nothing. Parameters: %(source)s; %(arrived)s (NULL: each row's own time).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A column of the staged rows that must name a row of ours; `optional`: or be empty."""

    to: str
    optional: bool = True

    @property
    def column(self) -> str:
        return f"{self.to}_external_id"

    @property
    def reason(self) -> str:
        return f"unknown_{self.to}"

    @property
    def table(self) -> str:
        return f"customers_{self.to}"

    @property
    def join(self) -> str:
        return (
            f"LEFT JOIN {self.table} AS the_{self.to} ON the_{self.to}.source_id = %(source)s"
            f" AND the_{self.to}.external_id = s.{self.column}"
        )

    @property
    def broken(self) -> str:
        dangling = f"the_{self.to}.id IS NULL"
        return f"s.{self.column} <> '' AND {dangling}" if self.optional else dangling


@dataclass(frozen=True, kw_only=True)
class Upsert:
    sql: str
    references: tuple[Reference, ...] = ()


def _own_time(column: str) -> str:
    return f"to_timestamp(s.{column}), coalesce(%(arrived)s::timestamptz, to_timestamp(s.{column}))"


def _differs(*columns: str) -> str:
    old = ", ".join(f"old.{column}" for column in columns)
    new = ", ".join(f"EXCLUDED.{column}" for column in columns)
    return f"({old}) IS DISTINCT FROM ({new})"


def _told(*columns: str) -> tuple[str, str]:
    """SET and WHERE of columns in which an empty new value does not wipe out an old one."""
    keep = ", ".join(f"{c} = coalesce(nullif(EXCLUDED.{c}, ''), old.{c})" for c in columns)
    news = " OR ".join(f"(EXCLUDED.{c} <> '' AND EXCLUDED.{c} <> old.{c})" for c in columns)
    return keep, news


_CUSTOMER = Reference(to="customer")
_ORDER = Reference(to="order")
_PRODUCT = Reference(to="product")
_KEEP, _NEWS = _told("email", "email_hmac", "first_name", "last_name", "country", "language")

# An erased customer stays erased, whatever a file says.
_CUSTOMERS = Upsert(
    sql=f"""
    INSERT INTO customers_customer AS old
        (source_id, external_id, email, email_hmac, first_name, last_name, country, language,
         joined_at, arrived_at)
    SELECT %(source)s, s.external_id, coalesce(s.email, ''), s.email_hmac,
           coalesce(s.first_name, ''), coalesce(s.last_name, ''), coalesce(s.country, ''),
           coalesce(s.language, ''), {_own_time("joined_at")}
    FROM staged_customers s ORDER BY s.row
    ON CONFLICT (source_id, external_id) DO UPDATE
        SET {_KEEP}, joined_at = least(EXCLUDED.joined_at, old.joined_at)
        WHERE old.erased_at IS NULL AND ({_NEWS} OR EXCLUDED.joined_at < old.joined_at)
    RETURNING xmax = 0 AS is_new
    """,
)

_PRODUCT_COLUMNS = ("name", "category", "price_cents", "cost_cents", "is_product")
_PRODUCTS = Upsert(
    sql=f"""
    INSERT INTO customers_product AS old (source_id, external_id, {", ".join(_PRODUCT_COLUMNS)})
    SELECT %(source)s, s.external_id, coalesce(s.name, ''), coalesce(s.category, ''),
           s.price_cents, s.cost_cents, coalesce(s.is_product, true)
    FROM staged_products s ORDER BY s.row
    ON CONFLICT (source_id, external_id) DO UPDATE
        SET {", ".join(f"{column} = EXCLUDED.{column}" for column in _PRODUCT_COLUMNS)}
        WHERE {_differs(*_PRODUCT_COLUMNS)}
    RETURNING xmax = 0 AS is_new
    """,
)

# A cancelled order stays cancelled: an older file must not bring its sale back.
_ORDER_COLUMNS = (
    "placed_at", "currency", "total_cents", "discount_cents", "margin_cents", "channel",
)  # fmt: skip
_ORDERS = Upsert(
    references=(_CUSTOMER,),
    sql=f"""
    INSERT INTO customers_order AS old
        (source_id, external_id, customer_id, status, placed_at, arrived_at, currency, total_cents,
         discount_cents, margin_cents, channel)
    SELECT %(source)s, s.external_id, the_customer.id, s.status, {_own_time("placed_at")},
           s.currency, s.total_cents, s.discount_cents, s.margin_cents, coalesce(s.channel, '')
    FROM staged_orders s {_CUSTOMER.join} ORDER BY s.row
    ON CONFLICT (source_id, external_id) DO UPDATE
        SET customer_id = coalesce(EXCLUDED.customer_id, old.customer_id),
            status = CASE WHEN old.status = 'CANCELLED' THEN old.status ELSE EXCLUDED.status END,
            {", ".join(f"{column} = EXCLUDED.{column}" for column in _ORDER_COLUMNS)}
        WHERE {_differs(*_ORDER_COLUMNS)}
           OR EXCLUDED.customer_id <> old.customer_id
           OR (EXCLUDED.customer_id IS NOT NULL AND old.customer_id IS NULL)
           OR (old.status = 'PLACED' AND EXCLUDED.status = 'CANCELLED')
    RETURNING xmax = 0 AS is_new
    """,
)

_LINE_COLUMNS = ("product_id", "quantity", "unit_price_cents", "cost_cents")
_LINE_OF = Reference(to="order", optional=False)
_LINE_FOR = Reference(to="product", optional=False)
_ORDER_LINES = Upsert(
    references=(_LINE_OF, _LINE_FOR),
    sql=f"""
    INSERT INTO customers_orderline AS old (order_id, line_number, {", ".join(_LINE_COLUMNS)})
    SELECT the_order.id, s.line_number, the_product.id, s.quantity, s.unit_price_cents, s.cost_cents
    FROM staged_order_lines s {_LINE_OF.join} {_LINE_FOR.join} ORDER BY s.row
    ON CONFLICT (order_id, line_number) DO UPDATE
        SET {", ".join(f"{column} = EXCLUDED.{column}" for column in _LINE_COLUMNS)}
        WHERE {_differs(*_LINE_COLUMNS)}
    RETURNING xmax = 0 AS is_new
    """,
)

# A refund that names only its order belongs to the order's customer.
_REFUND_COLUMNS = ("order_id", "customer_id", "refunded_at", "amount_cents", "reason")
_REFUNDS = Upsert(
    references=(_ORDER, _CUSTOMER),
    sql=f"""
    INSERT INTO customers_refund AS old
        (source_id, external_id, order_id, customer_id, refunded_at, arrived_at, amount_cents, reason)
    SELECT %(source)s, s.external_id, the_order.id,
           coalesce(the_customer.id, the_order.customer_id), {_own_time("refunded_at")},
           s.amount_cents, coalesce(s.reason, '')
    FROM staged_refunds s {_ORDER.join} {_CUSTOMER.join} ORDER BY s.row
    ON CONFLICT (source_id, external_id) DO UPDATE
        SET {", ".join(f"{column} = EXCLUDED.{column}" for column in _REFUND_COLUMNS)}
        WHERE {_differs(*_REFUND_COLUMNS)}
    RETURNING xmax = 0 AS is_new
    """,
)

_REVIEW_COLUMNS = ("rating", "title", "text", "language")
_REVIEWS = Upsert(
    references=(_CUSTOMER, _PRODUCT),
    sql=f"""
    INSERT INTO customers_review AS old
        (source_id, external_id, customer_id, product_id, written_at, arrived_at, rating, title,
         text, language)
    SELECT %(source)s, s.external_id, the_customer.id, the_product.id, {_own_time("written_at")},
           s.rating, coalesce(s.title, ''), coalesce(s.text, ''), coalesce(s.language, '')
    FROM staged_reviews s {_CUSTOMER.join} {_PRODUCT.join} ORDER BY s.row
    ON CONFLICT (source_id, external_id) DO UPDATE
        SET {", ".join(f"{column} = EXCLUDED.{column}" for column in _REVIEW_COLUMNS)}
        WHERE {_differs(*_REVIEW_COLUMNS)}
    RETURNING xmax = 0 AS is_new
    """,
)

_EVENT_OF = Reference(to="customer", optional=False)
_EVENTS = Upsert(
    references=(_EVENT_OF,),
    sql=f"""
    INSERT INTO customers_event
        (source_id, external_id, customer_id, kind, happened_at, arrived_at, campaign_id,
         delivery_id, properties)
    SELECT %(source)s, s.external_id, the_customer.id, s.kind, {_own_time("happened_at")},
           substring(s.properties::jsonb ->> 'campaign_id' FROM '^[0-9]{{1,18}}$')::bigint,
           substring(s.properties::jsonb ->> 'delivery_id' FROM '^[0-9]{{1,18}}$')::bigint,
           coalesce(s.properties, '{{}}')::jsonb
    FROM staged_events s {_EVENT_OF.join} ORDER BY s.row
    ON CONFLICT (source_id, external_id) DO NOTHING  -- the ledger only grows
    RETURNING true AS is_new
    """,
)

UPSERTS = {
    "customers": _CUSTOMERS,
    "products": _PRODUCTS,
    "orders": _ORDERS,
    "order_lines": _ORDER_LINES,
    "refunds": _REFUNDS,
    "reviews": _REVIEWS,
    "events": _EVENTS,
}

TABLES = {
    "customers": "customers_customer",
    "products": "customers_product",
    "orders": "customers_order",
    "order_lines": "customers_orderline",
    "refunds": "customers_refund",
    "reviews": "customers_review",
    "events": "customers_event",
}
