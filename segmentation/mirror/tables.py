"""What the mirror holds: one SELECT a table, over the database's own rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


# What keeps a table to living customers, and to those of them who may be profiled.
_OF_LIVING = "{living}"
_OF_PEOPLE = "{people}"


def _at(column: str, name: str | None = None) -> str:
    """The second in which it happened; what is a moment old is not of the future."""
    # not EXTRACT, whose numeric costs as much as all the rest of a row
    return f"floor(date_part('epoch', {column}))::bigint AS {name or column.rsplit('.', maxsplit=1)[-1]}"


PROFILED = {
    "customers": f"""
        SELECT c.id AS customer_id, {_at("c.joined_at")}, {_at("c.arrived_at")}, c.country
        FROM (SELECT *, id AS customer_id FROM customers_customer) c {_OF_PEOPLE}""",
    "orders": f"""
        SELECT o.id AS order_id, o.customer_id, {_at("o.placed_at")}, {_at("o.arrived_at")},
               o.total_cents, o.discount_cents, o.margin_cents, o.channel
        FROM customers_order o {_OF_PEOPLE}
        WHERE o.status = 'PLACED'""",
    "order_lines": f"""
        SELECT o.id AS order_id, o.customer_id, l.product_id, p.category,
               l.quantity::bigint AS quantity, l.unit_price_cents,
               {_at("o.placed_at")}, {_at("o.arrived_at")}
        FROM customers_orderline l JOIN customers_order o ON o.id = l.order_id
        JOIN customers_product p ON p.id = l.product_id
        {_OF_PEOPLE}
        WHERE o.status = 'PLACED' AND p.is_product""",
    "refunds": f"""
        SELECT r.customer_id, {_at("r.refunded_at")}, {_at("r.arrived_at")}, r.amount_cents
        FROM customers_refund r {_OF_PEOPLE}
        LEFT JOIN customers_order o ON o.id = r.order_id
        WHERE coalesce(o.status = 'PLACED', true)""",
    "events": f"""
        SELECT e.customer_id, e.kind, e.name, {_at("e.happened_at")}, {_at("e.arrived_at")},
               e.campaign_id,
               CASE WHEN e.properties = '{{}}' THEN '' ELSE e.properties::text END AS properties
        FROM customers_event e {_OF_PEOPLE}
        WHERE e.may_profile""",
    "reviews": f"""
        SELECT r.customer_id, r.product_id, {_at("r.written_at")}, {_at("r.arrived_at")},
               r.rating::bigint AS rating, s.polarity
        FROM customers_review r {_OF_PEOPLE}
        LEFT JOIN segmentation_reviewsentiment s ON s.review_id = r.id""",
    "scores": f"""
        SELECT s.customer_id, g.task, s.value, s.sd
        FROM segmentation_score s JOIN segmentation_scoregeneration g ON g.id = s.generation_id
        {_OF_PEOPLE}
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
        WHERE c.erased_at IS NULL AND c.merged_into_id IS NULL AND c.restricted_at IS NULL{{asked}}""",
    "consents": f"""
        SELECT s.customer_id, s.purpose, s.channel, s.is_granted, {_at("s.since", "changed_at")}
        FROM consent_consentstate s {_OF_LIVING}""",
    "memberships": f"""
        SELECT m.segment_id, m.customer_id
        FROM segmentation_membership m {_OF_LIVING}""",
}
_PRODUCTS = """
    SELECT p.id AS product_id, p.external_id, p.name, p.category, p.brand, p.price_cents
    FROM customers_product p {of}"""
_PRODUCTS_OF = f"""
    WHERE p.id IN (
        SELECT l.product_id FROM customers_orderline l JOIN customers_order o ON o.id = l.order_id
        {_OF_PEOPLE}
        UNION SELECT r.product_id FROM customers_review r {_OF_PEOPLE})"""

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

# DuckDB joins ten million lines in a third of PostgreSQL's time, and the orders are there already.
RAW_LINES = """
    SELECT order_id, product_id, quantity::bigint AS quantity, unit_price_cents
    FROM customers_orderline"""
RAW_PRODUCTS = "SELECT id AS product_id, category FROM customers_product WHERE is_product"
JOINED_LINES = """
    SELECT o.order_id, o.customer_id, l.product_id, p.category, l.quantity, l.unit_price_cents,
           o.placed_at, o.arrived_at
    FROM incoming l JOIN raw_products p USING (product_id) JOIN {orders} o USING (order_id)"""
"""`order_lines` of everybody, from the rows of RAW_LINES and the file of `orders`."""
MADE_OF_PEOPLE = {
    "customers": "SELECT customer_id, joined_at, arrived_at, country FROM people WHERE may_profile"
}
"""What need not be read when the file of `people` is there as a view."""


@dataclass(frozen=True, kw_only=True)
class Some:
    """Of the customers that were asked for: who is one now, and who of them may be profiled."""

    living: Sequence[int]
    profiled: Sequence[int]


def select_people(customer_ids: Sequence[int] | None = None) -> str:
    """
    The statement that reads the table `people`, whole or of these customers.

    First of all and in the same transaction as the others: they have the rows of who is in it.
    """
    asked = "" if customer_ids is None else f" AND c.id = ANY({_array(customer_ids)})"
    return TABLES["people"].replace("{asked}", asked)


def select(name: str, *, of: Some) -> str:
    """The statement that reads one table of some customers (`products`: what they bought or reviewed)."""
    return (
        TABLES[name]
        .replace("{of}", _PRODUCTS_OF)
        .replace(_OF_LIVING, _join(of.living))
        .replace(_OF_PEOPLE, _join(of.profiled))
    )


def select_all(name: str) -> str:
    """The statement that reads one table whole, of whomever its rows are, which is for `kept` to say."""
    return TABLES[name].replace("{of}", "").replace(_OF_LIVING, "").replace(_OF_PEOPLE, "")


def kept(name: str) -> str:
    """Of the rows of `select_all`, registered as `incoming`, those that belong into the mirror, by the view `people`."""
    if _OF_PEOPLE in TABLES[name]:
        return "FROM incoming SEMI JOIN (FROM people WHERE may_profile) AS may USING (customer_id)"
    if _OF_LIVING in TABLES[name]:
        return "FROM incoming SEMI JOIN people USING (customer_id)"
    return "FROM incoming"


def _join(customer_ids: Sequence[int]) -> str:
    return f"JOIN unnest({_array(customer_ids)}) AS those (customer_id) USING (customer_id)"


def _array(customer_ids: Sequence[int]) -> str:
    return f"'{{{','.join(str(int(one)) for one in customer_ids)}}}'::bigint[]"
