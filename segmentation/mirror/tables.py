"""What the mirror holds: one SELECT a table, over the database's own rows."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from segmentation.bulk import as_array
from segmentation.ml.tables import Ints


# `{people o.customer_id}` keeps to those who may be profiled, `{living ...}` to who is a customer now: see `select`.


def _at(column: str, name: str | None = None) -> str:
    """The second in which it happened; what is a moment old is not of the future."""
    # not EXTRACT, whose numeric costs as much as all the rest of a row
    return f"floor(date_part('epoch', {column}))::bigint AS {name or column.rsplit('.', maxsplit=1)[-1]}"


PROFILED = {
    "customers": f"""
        SELECT c.id AS customer_id, {_at("c.joined_at")}, {_at("c.arrived_at")}, c.country
        FROM customers_customer c WHERE {{people c.id}}""",
    "orders": f"""
        SELECT o.id AS order_id, o.customer_id, {_at("o.placed_at")}, {_at("o.arrived_at")},
               o.total_cents, o.discount_cents, o.margin_cents, o.channel
        FROM customers_order o
        WHERE o.status = 'PLACED' AND {{people o.customer_id}}""",
    "order_lines": """
        SELECT l.order_id, l.product_id, p.category, l.quantity::bigint AS quantity, l.unit_price_cents
        FROM customers_orderline l JOIN customers_product p ON p.id = l.product_id
        WHERE p.is_product AND {orders l.order_id}""",
    "refunds": f"""
        SELECT r.customer_id, {_at("r.refunded_at")}, {_at("r.arrived_at")}, r.amount_cents
        FROM customers_refund r LEFT JOIN customers_order o ON o.id = r.order_id
        WHERE coalesce(o.status = 'PLACED', true) AND {{people r.customer_id}}""",
    "events": f"""
        SELECT e.customer_id, e.kind, e.name, {_at("e.happened_at")}, {_at("e.arrived_at")},
               e.campaign_id,
               CASE WHEN e.properties = '{{}}' THEN '' ELSE e.properties::text END AS properties
        FROM customers_event e
        WHERE e.may_profile AND {{people e.customer_id}}""",
    "reviews": f"""
        SELECT r.customer_id, r.product_id, {_at("r.written_at")}, {_at("r.arrived_at")},
               r.rating::bigint AS rating, s.polarity
        FROM customers_review r LEFT JOIN segmentation_reviewsentiment s ON s.review_id = r.id
        WHERE {{people r.customer_id}}""",
    "scores": """
        SELECT s.customer_id, g.task, s.value, s.sd
        FROM segmentation_scoregeneration g, LATERAL (
            SELECT s.customer_id, s.value, s.sd FROM segmentation_score s
            WHERE s.generation_id = g.id AND {people s.customer_id}
            OFFSET 0) s  -- one after the other: a join would read the parts that are not shown, too
        WHERE g.is_current""",
}
"""Of customers who may be profiled only; of what they did, only what may be analysed."""

_OF_EVERYBODY = {
    "people": f"""
        SELECT c.id AS customer_id, s.is_granted IS NOT NULL AS may_profile,
               c.country, c.language, lower(split_part(c.email, '@', 2)) AS email_domain,
               {_at("c.joined_at")}, {_at("c.arrived_at")}, c.source_id,
               c.traits::text AS traits, c.email <> '' AS has_email
        FROM customers_customer c LEFT JOIN consent_consentstate s
            ON s.customer_id = c.id AND s.purpose = 'PROFILING' AND s.is_granted
            AND {{asked s.customer_id}}
        WHERE c.erased_at IS NULL AND c.merged_into_id IS NULL AND c.restricted_at IS NULL
          AND {{asked c.id}}""",
    "consents": f"""
        SELECT s.customer_id, s.purpose, s.channel, s.is_granted, {_at("s.since", "changed_at")}
        FROM consent_consentstate s WHERE {{living s.customer_id}}""",
    "memberships": """
        SELECT m.segment_id, m.customer_id
        FROM segmentation_membership m WHERE {living m.customer_id}""",
}
_PRODUCTS = """
    SELECT p.id AS product_id, p.external_id, p.name, p.category, p.brand, p.price_cents
    FROM customers_product p WHERE {products p.id}"""

TABLES: dict[str, str] = PROFILED | _OF_EVERYBODY | {"products": _PRODUCTS}
"""Every table that is read out of the database. `features` is computed; see `mirror.write_features`."""

COMPUTED = ("scores", "memberships")
"""Of these tables, those that a refresh writes itself: to be read when it has."""

ORDER = {
    "scores": "customer_id, task",
    "consents": "customer_id, purpose, channel",
    "memberships": "customer_id, segment_id",
    "products": "product_id",
}
"""What the rows are sorted by, where not by customer_id alone: a customer's rows lie together."""

# A line says only its order, whose customer and moment DuckDB has read already: it joins them in a third of
# PostgreSQL's time. Of everybody it joins the categories too.
JOINED_LINES = """
    SELECT o.order_id, o.customer_id, l.product_id, category, l.quantity, l.unit_price_cents,
           o.placed_at, o.arrived_at
    FROM incoming l JOIN {orders} o USING (order_id)"""
RAW_LINES = """
    SELECT order_id, product_id, quantity::bigint AS quantity, unit_price_cents
    FROM customers_orderline"""
RAW_PRODUCTS = "SELECT id AS product_id, category FROM customers_product WHERE is_product"
JOINED_RAW_LINES = f"{JOINED_LINES} JOIN raw_products USING (product_id)"

MADE_OF_PEOPLE = {
    "customers": "SELECT customer_id, joined_at, arrived_at, country FROM people WHERE may_profile"
}
"""What need not be read when the rows of `people` are there as a view."""


def select(name: str, *, of: Mapping[str, Ints] | None = None) -> str:
    """
    The statement that reads one table: whole, or the rows of those whose ids are given.

    Whole it reads the rows of whomever, which is for `kept` to say. of: for `people` the ids that are `asked` for; for
    other tables whom `people` named: the `living`, the `people` who may be profiled, their `orders`, `products`.
    """

    def among(found: re.Match[str]) -> str:
        kind, column = found.groups()
        if of is None:
            return "true"
        # an array, not a join: with a join PostgreSQL would rather read the whole table
        ids = f"'{as_array(np.asarray(of[kind], dtype=np.int64))}'::bigint[]"
        if kind in ("asked", "living", "people"):
            # where it can count them, it reads all orders for the refunds of many; else it expects ten and looks them up
            ids = f"(SELECT {ids})::bigint[]"
        return f"{column} = ANY({ids})"

    return re.sub(r"\{(\w+) ([\w.]+)\}", among, TABLES[name])


def kept(name: str) -> str:
    """Of the rows of a table read whole, as `incoming`, those that belong into the mirror, by the view `people`."""
    if "{people " in TABLES[name]:
        return "FROM incoming SEMI JOIN (FROM people WHERE may_profile) AS may USING (customer_id)"
    if "{living " in TABLES[name]:
        return "FROM incoming SEMI JOIN people USING (customer_id)"
    return "FROM incoming"
