"""A few statements an entity: staged rows with foreign ids into the tables, by (source, external id).

Each reads the temporary table `staged_<entity>` and returns `is_new` of every row it wrote; what none
of them returned was there already. An update happens only where something differs, so importing the
same rows again writes nothing. A row dated before what is known (`changed_at`) changes nothing, and
NULL or '' is "not told". Parameters: %(source)s; %(arrived)s (NULL: each row's own time); %(import)s;
%(whole_orders)s (an order is told with all its lines, so lines it no longer names are gone).
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
    def id(self) -> str:
        return f"the_{self.to}.id"

    @property
    def broken(self) -> str:
        dangling = f"{self.id} IS NULL"
        return f"s.{self.column} <> '' AND {dangling}" if self.optional else dangling


@dataclass(frozen=True, kw_only=True)
class CustomerReference(Reference):
    """A customer by number. An alias comes first: the number of a merged customer leads to the survivor."""

    to: str = "customer"

    @property
    def join(self) -> str:
        return f"{_alias(f's.{self.column}')} {super().join}"

    @property
    def id(self) -> str:
        return "coalesce(alias.customer_id, the_customer.id)"


@dataclass(frozen=True, kw_only=True)
class LineReference(Reference):
    """The order of a line. Who tells whole orders tells lines only of an order that was not refused."""

    to: str = "order"
    optional: bool = False

    @property
    def broken(self) -> str:
        return f"{self.id} IS NULL OR (%(whole_orders)s AND told.external_id IS NULL)"

    @property
    def join(self) -> str:
        return f"{super().join} LEFT JOIN staged_orders told ON told.external_id = s.{self.column}"


@dataclass(frozen=True, kw_only=True)
class Upsert:
    """
    statements: to be executed one after the other, none of which writes a row that another writes;
    `of_whole_orders` after them, where orders are told whole. read_later: other entities' statements read the staged rows too, so the table must be there
    even when it is empty.
    """

    statements: tuple[str, ...]
    of_whole_orders: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    read_later: bool = False

    def to_execute(self, *, whole_orders: bool) -> tuple[str, ...]:
        return self.statements + (self.of_whole_orders if whole_orders else ())


def _alias(column: str) -> str:
    return (
        "LEFT JOIN customers_alias AS alias ON alias.source_id = %(source)s"
        f" AND alias.kind = 'USER' AND alias.value = {column}"
    )


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


# The word is not older than the last one; what is not dated counts as today's.
_NOT_OLDER = "coalesce(EXCLUDED.changed_at >= old.changed_at, true)"
_CHANGED_AT = "changed_at = greatest(EXCLUDED.changed_at, old.changed_at)"  # ignores NULL
_DATED_ANEW = "greatest(EXCLUDED.changed_at, old.changed_at) IS DISTINCT FROM old.changed_at"

_CUSTOMER = CustomerReference()
_ORDER = Reference(to="order")
_PRODUCT = Reference(to="product")
_CUSTOMER_COLUMNS = (
    "email", "email_hmac", "first_name", "last_name", "country", "language", "phone",
)  # fmt: skip
_KEEP, _NEWS = _told(*_CUSTOMER_COLUMNS)


def _first_told(column: str) -> str:
    return f"(array_agg(s.{column} ORDER BY s.row) FILTER (WHERE s.{column} <> ''))[1] AS {column}"


# A number that is another name of a customer tells only what the customer's own number never told.
# Address and hash go together.
_BLANK_COLUMNS = tuple(column for column in _CUSTOMER_COLUMNS if column != "email_hmac")
_ALIASED_CUSTOMERS = f"""
    UPDATE customers_customer AS old
    SET {", ".join(f"{c} = CASE WHEN old.{c} = '' THEN coalesce(told.{c}, '') ELSE old.{c} END" for c in _BLANK_COLUMNS)},
        email_hmac = CASE WHEN old.email = '' THEN coalesce(told.email_hmac, '') ELSE old.email_hmac END,
        traits = told.traits || old.traits, joined_at = least(to_timestamp(told.joined_at), old.joined_at)
    FROM (
        SELECT alias.customer_id, {", ".join(_first_told(c) for c in _CUSTOMER_COLUMNS)},
               min(s.joined_at) AS joined_at,
               coalesce(jsonb_object_agg(trait.key, trait.value ORDER BY s.row)
                        FILTER (WHERE trait.key IS NOT NULL), '{{}}') AS traits
        FROM staged_customers s {_alias("s.external_id")}
        LEFT JOIN LATERAL jsonb_each(s.traits::jsonb) AS trait ON true
        WHERE alias.customer_id IS NOT NULL GROUP BY 1
    ) AS told
    WHERE old.id = told.customer_id AND old.erased_at IS NULL
      -- a customer of another source is not waited for: its writer may be waiting for one of ours
      AND (old.source_id = %(source)s OR old.id IN (
          SELECT c.id FROM customers_customer c WHERE c.id = told.customer_id
          FOR NO KEY UPDATE SKIP LOCKED))
      AND (to_timestamp(told.joined_at) < old.joined_at OR told.traits || old.traits <> old.traits
           OR {" OR ".join(f"(old.{c} = '' AND told.{c} <> '')" for c in _BLANK_COLUMNS)})
    RETURNING false AS is_new
"""

# An erased customer stays erased, whatever a file says.
_CUSTOMERS = Upsert(
    statements=(
        f"""
        INSERT INTO customers_customer AS old
            (source_id, external_id, {", ".join(_CUSTOMER_COLUMNS)}, traits, changed_at,
             joined_at, arrived_at, created_by_import)
        SELECT %(source)s, s.external_id,
               {", ".join(f"coalesce(s.{column}, '')" for column in _CUSTOMER_COLUMNS)},
               coalesce(s.traits, '{{}}')::jsonb, to_timestamp(s.changed_at), {_own_time("joined_at")},
               %(import)s
        FROM staged_customers s {_alias("s.external_id")} WHERE alias.id IS NULL ORDER BY s.row
        ON CONFLICT (source_id, external_id) DO UPDATE
            SET {_KEEP}, joined_at = least(EXCLUDED.joined_at, old.joined_at),
                traits = old.traits || EXCLUDED.traits, {_CHANGED_AT}
            WHERE old.erased_at IS NULL AND {_NOT_OLDER}
              AND ({_NEWS} OR EXCLUDED.joined_at < old.joined_at OR {_DATED_ANEW}
                   OR old.traits || EXCLUDED.traits <> old.traits)
        RETURNING xmax = 0 AS is_new
        """,
        _ALIASED_CUSTOMERS,
    ),
)

# Live data often knows of a product only its number or name.
_KEEP_TEXT, _NEW_TEXT = _told("name", "category", "brand", "url", "image_url")
_PRODUCTS = Upsert(
    statements=(
        f"""
        INSERT INTO customers_product AS old
            (source_id, external_id, name, category, price_cents, cost_cents, is_product, brand, url,
             image_url, stock, created_by_import)
        SELECT %(source)s, s.external_id, coalesce(s.name, ''), coalesce(s.category, ''),
               s.price_cents, s.cost_cents, coalesce(s.is_product, known.is_product, true),
               coalesce(s.brand, ''), coalesce(s.url, ''), coalesce(s.image_url, ''), s.stock,
               %(import)s
        FROM staged_products s LEFT JOIN customers_product known
            ON known.source_id = %(source)s AND known.external_id = s.external_id
        ORDER BY s.row
        ON CONFLICT (source_id, external_id) DO UPDATE
            SET {_KEEP_TEXT}, price_cents = coalesce(EXCLUDED.price_cents, old.price_cents),
                cost_cents = coalesce(EXCLUDED.cost_cents, old.cost_cents),
                stock = coalesce(EXCLUDED.stock, old.stock),
                is_product = EXCLUDED.is_product
            WHERE {_NEW_TEXT} OR EXCLUDED.is_product <> old.is_product
               OR coalesce(EXCLUDED.price_cents, old.price_cents) IS DISTINCT FROM old.price_cents
               OR coalesce(EXCLUDED.cost_cents, old.cost_cents) IS DISTINCT FROM old.cost_cents
               OR coalesce(EXCLUDED.stock, old.stock) IS DISTINCT FROM old.stock
        RETURNING xmax = 0 AS is_new
        """,
    ),
)

# A later stage of an order stands against a word of the same or of an unknown time: an older file must
# not bring a cancelled sale back, nor a late "pending" undo a payment.
_STAGES = "ARRAY['PENDING', 'PLACED', 'CANCELLED', 'TEST']"
_STATUS = f"""CASE WHEN EXCLUDED.changed_at > old.changed_at
                     OR array_position({_STAGES}, EXCLUDED.status::text)
                        >= array_position({_STAGES}, old.status::text)
                   THEN EXCLUDED.status ELSE old.status END"""
_ORDER_COLUMNS = (
    "placed_at", "currency", "total_cents", "discount_cents", "margin_cents", "channel",
)  # fmt: skip
_ORDERS = Upsert(
    read_later=True,
    references=(_CUSTOMER,),
    statements=(
        f"""
        INSERT INTO customers_order AS old
            (source_id, external_id, customer_id, status, placed_at, arrived_at, currency,
             total_cents, discount_cents, margin_cents, channel, changed_at, created_by_import)
        SELECT %(source)s, s.external_id, {_CUSTOMER.id}, s.status, {_own_time("placed_at")},
               s.currency, s.total_cents, s.discount_cents, s.margin_cents, coalesce(s.channel, ''),
               to_timestamp(s.changed_at), %(import)s
        FROM staged_orders s {_CUSTOMER.join} ORDER BY s.row
        ON CONFLICT (source_id, external_id) DO UPDATE
            SET customer_id = coalesce(EXCLUDED.customer_id, old.customer_id), status = {_STATUS},
                {", ".join(f"{column} = EXCLUDED.{column}" for column in _ORDER_COLUMNS)}, {_CHANGED_AT}
            WHERE {_NOT_OLDER} AND ({_differs(*_ORDER_COLUMNS)}
               OR coalesce(EXCLUDED.customer_id, old.customer_id) IS DISTINCT FROM old.customer_id
               OR {_STATUS} <> old.status OR {_DATED_ANEW})
        RETURNING xmax = 0 AS is_new
        """,
    ),
)

# An order told anew stands with its new date already: a telling dated before it is not heard.
_HEARD = "coalesce(to_timestamp(told.changed_at) >= the_order.changed_at, true)"
_LINE_COLUMNS = ("product_id", "quantity", "unit_price_cents", "cost_cents")
_LINE_OF = LineReference()
_LINE_FOR = Reference(to="product", optional=False)
_ORDER_LINES = Upsert(
    references=(_LINE_OF, _LINE_FOR),
    statements=(
        f"""
        INSERT INTO customers_orderline AS old
            (order_id, line_number, {", ".join(_LINE_COLUMNS)}, created_by_import)
        SELECT the_order.id, s.line_number, the_product.id, s.quantity, s.unit_price_cents,
               s.cost_cents, %(import)s
        FROM staged_order_lines s {_LINE_OF.join} {_LINE_FOR.join} WHERE {_HEARD} ORDER BY s.row
        ON CONFLICT (order_id, line_number) DO UPDATE
            SET {", ".join(f"{column} = EXCLUDED.{column}" for column in _LINE_COLUMNS)}
            WHERE {_differs(*_LINE_COLUMNS)}
        RETURNING xmax = 0 AS is_new
        """,
    ),
    of_whole_orders=(
        # an order told without any line (only its status changed) keeps those it has
        f"""
        DELETE FROM customers_orderline surplus
        USING (SELECT the_order.id, array_agg(s.line_number) AS numbers
               FROM staged_order_lines s {_LINE_OF.join}
               WHERE told.external_id IS NOT NULL AND {_HEARD} GROUP BY 1) AS heard
        WHERE surplus.order_id = heard.id
          AND surplus.line_number <> ALL (heard.numbers)
        RETURNING NULL::boolean AS is_new
        """,
    ),
)

# A refund that names only its order belongs to the order's customer.
# The first date told stands: WooCommerce dates none, so each telling has the date of its own.
_REFUND_COLUMNS = ("order_id", "customer_id", "amount_cents", "reason")
_REFUNDS = Upsert(
    references=(_ORDER, _CUSTOMER),
    statements=(
        f"""
        INSERT INTO customers_refund AS old
            (source_id, external_id, order_id, customer_id, refunded_at, arrived_at, amount_cents,
             reason, created_by_import)
        SELECT %(source)s, s.external_id, the_order.id,
               coalesce({_CUSTOMER.id}, the_order.customer_id), {_own_time("refunded_at")},
               s.amount_cents, coalesce(s.reason, ''), %(import)s
        FROM staged_refunds s {_ORDER.join} {_CUSTOMER.join} ORDER BY s.row
        ON CONFLICT (source_id, external_id) DO UPDATE
            SET {", ".join(f"{column} = EXCLUDED.{column}" for column in _REFUND_COLUMNS)},
                refunded_at = least(EXCLUDED.refunded_at, old.refunded_at)
            WHERE {_differs(*_REFUND_COLUMNS)} OR EXCLUDED.refunded_at < old.refunded_at
        RETURNING xmax = 0 AS is_new
        """,
    ),
)

_REVIEW_COLUMNS = ("rating", "title", "text", "language")
_KEEP_REVIEW, _NEW_REVIEW = _told("origin", "url")
_REVIEWS = Upsert(
    references=(_CUSTOMER, _PRODUCT),
    statements=(
        f"""
        INSERT INTO customers_review AS old
            (source_id, external_id, customer_id, product_id, written_at, arrived_at, rating, title,
             text, language, kind, origin, url, created_by_import)
        SELECT %(source)s, s.external_id, {_CUSTOMER.id}, the_product.id, {_own_time("written_at")},
               s.rating, coalesce(s.title, ''), coalesce(s.text, ''), coalesce(s.language, ''),
               coalesce(s.kind, known.kind, 'REVIEW'), coalesce(s.origin, ''), coalesce(s.url, ''),
               %(import)s
        FROM staged_reviews s {_CUSTOMER.join} {_PRODUCT.join} LEFT JOIN customers_review known
            ON known.source_id = %(source)s AND known.external_id = s.external_id
        ORDER BY s.row
        ON CONFLICT (source_id, external_id) DO UPDATE
            SET {", ".join(f"{column} = EXCLUDED.{column}" for column in _REVIEW_COLUMNS)},
                kind = EXCLUDED.kind, {_KEEP_REVIEW}
            WHERE {_differs(*_REVIEW_COLUMNS, "kind")} OR {_NEW_REVIEW}
        RETURNING xmax = 0 AS is_new
        """,
    ),
)

_EVENT_OF = CustomerReference(optional=False)
_EVENTS = Upsert(
    references=(_EVENT_OF,),
    statements=(
        f"""
        INSERT INTO customers_event
            (source_id, external_id, customer_id, kind, happened_at, arrived_at, campaign_id,
             delivery_id, properties, name, may_profile, historical, created_by_import)
        SELECT %(source)s, s.external_id, {_EVENT_OF.id}, s.kind, {_own_time("happened_at")},
               substring(s.properties::jsonb ->> 'campaign_id' FROM '^[0-9]{{1,18}}$')::bigint,
               substring(s.properties::jsonb ->> 'delivery_id' FROM '^[0-9]{{1,18}}$')::bigint,
               coalesce(s.properties, '{{}}')::jsonb, coalesce(s.name, ''),
               coalesce(s.may_profile, true), coalesce(s.historical, false), %(import)s
        FROM staged_events s {_EVENT_OF.join} ORDER BY s.row
        ON CONFLICT (source_id, external_id) DO NOTHING  -- the ledger only grows
        RETURNING true AS is_new
        """,
    ),
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
