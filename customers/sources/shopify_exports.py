"""Shopify's export of orders: the first line of an order has its totals, the others repeat only its name.

Customers have no number in it: they are known by their address, as a guest is. Where the shop also sends
webhooks, the same orders come with the same numbers; refunds do not, for the export has no numbers of theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from customers import quality, reports
from customers.enums import SourceKind
from customers.sources import person_keys
from customers.sources.base import SourceError
from customers.sources.layouts import (
    LINE,
    FileLayout,
    Translation,
    kinds,
    minor_units,
    quoted,
    refuse,
    share_of,
)


NEEDED = (
    "Name", "Email", "Financial Status", "Currency", "Total", "Created at", "Lineitem quantity",
    "Lineitem name", "Lineitem price",
)  # fmt: skip
_READ = {
    *map(str.lower, NEEDED), "id", "discount amount", "refunded amount", "cancelled at", "source",
    "billing name", "billing country", "accepts marketing", "lineitem sku", "vendor",
}  # fmt: skip
_NOTES = (
    "Customers are known by their addresses: the export has no numbers of theirs.",
    "“Accepts Marketing” is the box at the checkout: a claim, which makes nobody mailable.",
)
_REFUNDED = (
    "{count:,} orders were refunded in part or whole. The export does not say when: the day of the order is"
    " taken. Where webhooks brought the refunds, do not import these orders."
)
_NAMES = ("billing name", "lineitem name", "vendor")
_FORM = "%Y-%m-%d %H:%M:%S %z"


def reads(names: Sequence[str], settings: Mapping[str, Any]) -> Collection[str]:
    if settings.get("mapping") is not None:
        raise SourceError(
            "The layout shopify-orders knows its columns. Leave the mapping out, or use generic."
        )
    known = _columns(names)
    missing = [name for name in NEEDED if name.lower() not in known]
    if missing:
        raise SourceError(
            f"The file has no column {', '.join(missing)}. Is it Shopify's export of orders? In Shopify"
            " choose Orders › Export › Plain CSV file."
        )
    return known.values()


def _columns(names: Sequence[str]) -> dict[str, str]:
    """What is read, in lower case, to the file's column."""
    return {lower: name for name in names if (lower := name.strip().lower()) in _READ}


def fits(names: Sequence[str]) -> float:
    return 0.99 if share_of(NEEDED, names) == 1 else 0.0


def translate(
    db: duckdb.DuckDBPyConnection,
    *,
    columns: Sequence[str],
    settings: Mapping[str, Any],
    now: datetime,
) -> Translation:
    person_keys.install(db)
    db.execute(_parsed(db, columns, now=now))
    refuse(db, parsed="parsed", columns=columns)
    for name, sql in _TABLES.items():
        db.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")
    (refunded,) = db.execute("SELECT count(*) FROM refunds").fetchall()[0]
    (copies,) = db.execute("SELECT count(*) FROM parsed WHERE reason = 'duplicate'").fetchall()[0]
    db.execute("DROP TABLE parsed")
    return Translation(
        line_entities=("order_lines",),
        duplicates=copies,
        notes=(*_NOTES, _REFUNDED.format(count=refunded)) if refunded else _NOTES,
    )


def _parsed(db: duckdb.DuckDBPyConnection, columns: Sequence[str], *, now: datetime) -> str:
    known = _columns(columns)
    kind_of = kinds(db)

    def text(name: str) -> str:
        column = known.get(name.lower())
        if column is None:
            return "NULL::varchar"
        said = f"trim({quoted(column)}::varchar)"
        # spreadsheets' way to keep a number a text: '5500000000000000001. A name may begin like that
        if name.lower() not in _NAMES:
            said = f"trim(ltrim({said}, ''''))"
        return f"nullif({said}, '')"

    def amount(name: str) -> str:
        return f"try_cast({text(name)} AS DECIMAL(18, 4))"

    def cents(amount: str) -> str:
        return f"try_cast(round({amount} * {minor_units('order_currency')}) AS BIGINT)"

    def moment(name: str) -> str:
        column = known.get(name.lower())
        if column and kind_of[column].startswith("TIMESTAMP"):
            return f"try_cast(epoch({quoted(column)}::timestamp) AS BIGINT)"
        return (
            f"try_cast(coalesce(epoch(try_strptime({text(name)}, '{_FORM}')),"
            f" epoch(try_cast({text(name)} AS TIMESTAMPTZ))) AS BIGINT)"
        )

    said = ", ".join(quoted(name) for name in columns)
    address = f"regexp_full_match(email, '{reports.ADDRESS.strip('^$')}')"
    return f"""
        CREATE OR REPLACE TABLE parsed AS
        WITH fields AS (
            SELECT {LINE} AS line_number, {text("Name")} AS name, {text("Id")} AS id,
                   {text("Email")} AS email, upper({text("Currency")}) AS currency,
                   lower(coalesce({text("Financial Status")}, '')) AS paid_state,
                   {text("Total")} IS NOT NULL AS is_head, hash({said}) AS print,
                   {amount("Total")} AS total, {amount("Discount Amount")} AS discounted,
                   {amount("Refunded Amount")} AS given_back, {moment("Created at")} AS created,
                   {text("Cancelled at")} AS cancelled, {text("Source")} AS channel,
                   {text("Billing Name")} AS billing_name, {text("Billing Country")} AS country,
                   lower(coalesce({text("Accepts Marketing")}, '')) AS accepts,
                   try_cast({text("Lineitem quantity")} AS DOUBLE) AS amount,
                   {text("Lineitem name")} AS item, {text("Lineitem sku")} AS sku,
                   {amount("Lineitem price")} AS priced, {text("Vendor")} AS vendor
            FROM lines
        ), numbered AS (
            -- two shops may both have a #1001: a line without a number is of the order it stands below
            SELECT *, coalesce(last_value(id IGNORE NULLS) OVER (
                                   PARTITION BY name ORDER BY line_number
                                   ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
                               first_value(id IGNORE NULLS) OVER (
                                   PARTITION BY name ORDER BY line_number
                                   ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
                   ) AS order_id
            FROM fields
        ), headed AS (
            SELECT *,
                   -- what only the first line of an order says holds for all of them
                   first_value(total IGNORE NULLS) OVER whole AS whole_total,
                   first_value(currency IGNORE NULLS) OVER whole AS order_currency,
                   first_value(created IGNORE NULLS) OVER whole AS placed_at,
                   -- the order a second time, as in two exports put together
                   count(*) FILTER (is_head) OVER above > 1
                       AND last_value(CASE WHEN is_head THEN print END IGNORE NULLS) OVER above
                           = first_value(CASE WHEN is_head THEN print END IGNORE NULLS) OVER whole
                       AS is_copy,
                   row_number() OVER above AS place
            FROM numbered
            WINDOW whole AS (PARTITION BY name, order_id ORDER BY line_number
                             ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),
                   above AS (PARTITION BY name, order_id ORDER BY line_number
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
        ), counted AS (
            SELECT *, {cents("whole_total")} AS order_total, {cents("discounted")} AS discount,
                   {cents("given_back")} AS refunded, {cents("priced")} AS price
            FROM headed
        )
        SELECT *, coalesce(order_id, name) AS order_external_id, coalesce(sku, item) AS product,
               CASE WHEN {address} THEN person_key(email) END AS person,
               try_cast(amount AS BIGINT) AS quantity,
               CASE WHEN is_copy THEN 'duplicate'
                    WHEN name IS NULL THEN 'missing_id'
                    WHEN coalesce(sku, item) IS NULL THEN 'missing_product'
                    WHEN placed_at IS NULL THEN 'bad_date'
                    WHEN {quality.absurd("placed_at", now=now)} THEN 'absurd_date'
                    WHEN order_total IS NULL THEN 'missing_amount'
                    WHEN order_total < 0 OR price < 0 THEN 'negative_amount'
                    WHEN {quality.currency_unknown("order_currency")} THEN 'unknown_currency'
                    WHEN amount IS NULL OR amount <> round(amount) THEN 'bad_quantity'
                    WHEN amount < 0 THEN 'negative_quantity'
                    WHEN price IS NULL THEN 'bad_price'
               END AS reason
        FROM counted
    """


# An order is there when one of its lines is; its total is Shopify's, with tax and shipping.
_ORDERS = """
    SELECT order_external_id AS external_id, any_value(person) AS person, min(placed_at) AS placed_at,
           any_value(order_currency) AS currency, any_value(order_total) AS total_cents,
           coalesce(max(discount), 0) AS discount_cents, coalesce(max(refunded), 0) AS refunded,
           max(channel) AS channel, min(line_number) AS first,
           CASE WHEN max(cancelled) IS NOT NULL OR max(paid_state) = 'voided' THEN 'CANCELLED'
                WHEN max(paid_state) IN ('pending', 'authorized', 'expired') THEN 'PENDING'
                ELSE 'PLACED' END AS status
    FROM parsed WHERE reason IS NULL GROUP BY 1
"""
_TABLES = {
    "customers": """
        SELECT person AS external_id, arg_max(email, line_number) AS email,
               coalesce(regexp_extract(arg_max(billing_name, line_number), '^(\\S+)', 1), '') AS first_name,
               coalesce(regexp_extract(arg_max(billing_name, line_number), '^\\S+\\s+(.*)$', 1), '')
                   AS last_name,
               coalesce(arg_max(country, line_number), '') AS country, '' AS language,
               min(placed_at) AS joined_at
        FROM parsed WHERE reason IS NULL AND person IS NOT NULL
        GROUP BY person ORDER BY min(line_number)""",
    "products": """
        SELECT product AS external_id, arg_max(item, line_number) AS name, NULL::varchar AS category,
               arg_max(price, placed_at * (1 << 30) + line_number) AS price_cents, NULL::bigint AS cost_cents,
               NULL::boolean AS is_product, max(vendor) AS brand
        FROM parsed WHERE reason IS NULL GROUP BY product ORDER BY min(line_number)""",
    "orders": f"""
        SELECT external_id, person AS customer_external_id, placed_at, status, currency, discount_cents,
               total_cents, coalesce(channel, '') AS channel
        FROM ({_ORDERS}) ORDER BY first""",
    "order_lines": """
        SELECT order_external_id, place AS line_number, product AS product_external_id, quantity,
               price AS unit_price_cents, NULL::bigint AS cost_cents, line_number AS file_line
        FROM parsed WHERE reason IS NULL ORDER BY line_number""",
    "refunds": f"""
        SELECT external_id || '-export' AS external_id, external_id AS order_external_id,
               person AS customer_external_id, placed_at AS refunded_at, refunded AS amount_cents,
               'Refunded Amount of the export' AS reason
        FROM ({_ORDERS}) WHERE refunded > 0 AND status <> 'CANCELLED' ORDER BY first""",
    "events": """
        SELECT 'import:CONSENT_CLAIMED:EMAIL:' || md5(person) AS external_id,
               person AS customer_external_id, 'CONSENT_CLAIMED' AS kind, min(placed_at) AS happened_at,
               '{"purpose": "MARKETING", "channel": "EMAIL", "provenance": "import",'
                   || ' "method": "checkout", "state": "accepts marketing"}' AS properties
        FROM parsed WHERE reason IS NULL AND person IS NOT NULL AND accepts IN ('yes', 'true')
        GROUP BY person ORDER BY min(line_number)""",
}

LAYOUT = FileLayout(
    title="Shopify: orders export",
    kind=SourceKind.CSV,
    fits=fits,
    reads=reads,
    translate=translate,
)
