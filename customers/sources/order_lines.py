"""A table of order lines, one row for each article bought or given back, as a ShopBatch.

The common form of what shops export; `order_fields` reads its columns, this module makes orders of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from customers import quality
from customers.sources import repetitions
from customers.sources.layouts import LINE, Translation, minor_units, refuse
from customers.sources.order_fields import OrderLayout, expressions


_KEPT = ("line_number", "order_id", "customer", "placed_at", "quantity", "cents")
# kept too where the file has the column; what it always is where not
_SELDOM = {
    "currency": ("currency", "'{layout.currency}'"),
    "channel": ("channel", "NULL::VARCHAR"),
    "is_cancelled": ("status", "false"),
    "cost_cents": ("cost", "NULL::BIGINT"),
}


def translate(
    db: duckdb.DuckDBPyConnection, layout: OrderLayout, *, columns: Sequence[str], now: datetime
) -> Translation:
    """Every line of the file becomes an order line or a refund, is refused, or repeats an earlier line."""
    _parse(db, layout, columns=columns, now=now)
    refuse(db, parsed="wrong", columns=columns)
    (duplicates,) = db.execute("SELECT count(*) FROM wrong WHERE reason = 'duplicate'").fetchall()[
        0
    ]
    value = db.execute(_VALUE.format(units=minor_units("currency"))).fetchall()[0]
    db.execute(_SOLD.format(layout=layout))
    db.execute(_PLACES)
    for name, sql in _TABLES.items():
        db.execute(f"DROP TABLE IF EXISTS {name}")
        db.execute(f"CREATE TABLE {name} AS {sql.format(layout=layout)}")
    db.execute("""
        DROP VIEW sold_fields; DROP VIEW sold_lines; DROP VIEW parsed; DROP VIEW fields;
        DROP TABLE spans; DROP TABLE pieces; DROP TABLE wrong; DROP TABLE kept; DROP TABLE repeated
    """)
    return Translation(
        line_entities=("order_lines", "refunds"),
        duplicates=duplicates,
        value=dict(
            zip(("file", "duplicates", "refused", "rounded_off", "imported"), value, strict=True)
        ),
        notes=layout.notes,
    )


def _parse(
    db: duckdb.DuckDBPyConnection, layout: OrderLayout, *, columns: Sequence[str], now: datetime
) -> None:
    """
    Make the view `fields` of all that a line says, `parsed` of the numbers and names that orders are made of,
    and `wrong` (line_number, reason).

    To keep every field of every line a second time would cost more than to read the few texts again. `kept`
    is compressed: a temporary table is not, and goes to disk and back in full at every look.
    """
    texts = ", ".join(
        f"coalesce({name}, '')" for name in ("order_id", "customer", "product", "name", "email")
    )
    rules = {
        "duplicate": "line_number IN (FROM repeated)",
        "nul_byte": f"contains(concat({texts}), chr(0))",
        "text_too_long": " OR ".join(
            f"length({name}) > 200"
            for name in ("order_id", "customer", "product", "category", "first_name", "last_name")
        ) + " OR length(name) > 500 OR length(email) > 320 OR length(country) > 100"
        " OR length(channel) > 50 OR length(language) > 20",
        "missing_id": "order_id IS NULL",
        "missing_product": "product IS NULL",
        "bad_date": "placed_at IS NULL",
        "absurd_date": quality.absurd("placed_at", now=now),
        "bad_quantity": "coalesce(amount <> round(amount) OR NOT isfinite(amount), true)",
        "quantity_too_large": f"abs(amount) > {quality.MAX_QUANTITY}",
        "bad_price": "coalesce(NOT isfinite(price), true)",
        "amount_too_large": f"abs(price) > {quality.MAX_CENTS // 100} OR abs(unit_cost) > {quality.MAX_CENTS // 100}",
        "two_negatives": "amount < 0 AND price < 0",
        "negative_amount": "unit_cost < 0",
        "unknown_currency": quality.currency_unknown("currency"),
        **layout.refused,
    }  # fmt: skip
    cases = "\n".join(f"WHEN {test} THEN '{reason}'" for reason, test in rules.items())
    repetitions.find(db, columns=columns)
    told = [name for name, (column, _) in _SELDOM.items() if column in layout.columns]
    always = [
        f"{constant.format(layout=layout)} AS {name}"
        for name, (_, constant) in _SELDOM.items()
        if name not in told
    ]
    db.execute(f"""
        CREATE OR REPLACE TEMP VIEW fields AS
        SELECT *, try_cast(amount AS BIGINT) AS quantity,
               try_cast(round(price * units) AS BIGINT) AS cents,
               try_cast(round(unit_cost * units) AS BIGINT) AS cost_cents
        FROM (SELECT *, {minor_units("currency")} AS units
              FROM (SELECT {LINE} AS line_number, {expressions(db, layout)} FROM lines));
        CREATE OR REPLACE TABLE kept AS
        SELECT {", ".join([*_KEPT, *told])}, {layout.product_id} AS product, amount * price AS value,
               CASE {cases} END AS reason
        FROM fields;
        CREATE OR REPLACE TEMP VIEW parsed AS SELECT {", ".join(["*", *always])} FROM kept;
        CREATE OR REPLACE TEMP TABLE wrong AS
        SELECT line_number, reason FROM parsed WHERE reason IS NOT NULL;
    """)


# ---------------------------------------------------------------- from lines to the tables
# `sold_lines` has the fields of `parsed`, in the order of the file; `sold_fields` all of them, in any order.
# {layout...} are the layout's expressions. An order's total is the sum of its lines, so what was
# refused is in no total. The first line of an order speaks for it.

_SOLD = """
    CREATE OR REPLACE TEMP VIEW sold_lines AS
    SELECT *, {layout.is_refund} AS is_refund, {layout.refund_reason} AS because,
           -- an order in time without ties, so that the same file always gives the same rows
           placed_at * (1 << 30) + line_number AS turn
    FROM parsed WHERE reason IS NULL;
    CREATE OR REPLACE TEMP VIEW sold_fields AS
    SELECT * REPLACE ({layout.product_id} AS product), placed_at * (1 << 30) + line_number AS turn
    FROM fields ANTI JOIN wrong USING (line_number);
"""
# The lines of an order are numbered as they come. Nearly always they stand together in the file: then a
# line's place is its distance from the order's first. Only orders in pieces need a sort.
_PLACES = """
    CREATE OR REPLACE TEMP TABLE spans AS
    SELECT order_id, min(turn) AS first, max(turn) - min(turn) + 1 = count(*) AS is_whole
    FROM (SELECT order_id, row_number() OVER () AS turn FROM sold_lines WHERE NOT is_refund)
    GROUP BY order_id;
    CREATE OR REPLACE TEMP TABLE pieces AS
    SELECT line_number, row_number() OVER (PARTITION BY order_id ORDER BY line_number) AS place
    FROM sold_lines JOIN spans USING (order_id) WHERE NOT is_refund AND NOT is_whole;
"""
# What the file is worth, and where that went: file = duplicates + refused + rounded_off + imported.
_VALUE = """
    WITH priced AS (SELECT reason, try_cast(value AS DECIMAL(38, 4)) AS value,
                           -- in thousandths: no currency has smaller units
                           CASE WHEN reason IS NULL THEN
                               quantity::HUGEINT * cents * (1000 // {units}) END AS imported
                    FROM parsed)
    SELECT coalesce(sum(value), 0)::double,
           coalesce(sum(value) FILTER (reason = 'duplicate'), 0)::double,
           coalesce(sum(value) FILTER (reason <> 'duplicate'), 0)::double,
           coalesce(sum(value - imported::DECIMAL(38, 4) * 0.001) FILTER (reason IS NULL), 0)::double,
           coalesce(sum(imported) FILTER (reason IS NULL), 0)::double / 1000
    FROM priced
"""
_TABLES = {
    "customers": """
        SELECT external_id, coalesce({layout.email}, '') AS email, first_name, last_name,
               coalesce({layout.country}, '') AS country, language, joined_at
        FROM (SELECT customer, customer AS external_id, max_by(email, turn) AS email,
                     coalesce(max_by(first_name, turn), '') AS first_name,
                     coalesce(max_by(last_name, turn), '') AS last_name,
                     max_by(country, turn) AS country,
                     coalesce(max_by(language, turn), '') AS language, min(placed_at) AS joined_at,
                     min(line_number) AS first
              FROM sold_fields WHERE customer IS NOT NULL GROUP BY customer)
        ORDER BY first""",
    # the name most often used: single lines carry notes such as "damaged" instead
    "products": """
        WITH words AS (SELECT product, name, min(category) AS category, count(*) AS times
                       FROM sold_fields GROUP BY product, name),
             names AS (SELECT product, min(category) AS category,
                              first(name ORDER BY times DESC, name) FILTER (name IS NOT NULL) AS name
                       FROM words GROUP BY product),
             named AS (SELECT product, max_by(cents, turn) FILTER (NOT is_refund AND cents > 0) AS price_cents,
                              max_by(cost_cents, turn) AS cost_cents, min(line_number) AS first
                       FROM sold_lines GROUP BY product)
        SELECT product AS external_id, coalesce(name, '') AS name, {layout.category} AS category,
               price_cents, cost_cents, {layout.is_product} AS is_product
        FROM named JOIN names USING (product) ORDER BY first""",
    "orders": """
        SELECT order_id AS external_id, min_by(customer, line_number) AS customer_external_id,
               min(placed_at) AS placed_at,
               CASE WHEN bool_or(is_cancelled) THEN 'CANCELLED' ELSE 'PLACED' END AS status,
               min_by(currency, line_number) AS currency, 0 AS discount_cents,
               try_cast(sum(quantity * cents) AS BIGINT) AS total_cents,
               coalesce(min_by(channel, line_number), '') AS channel
        FROM sold_lines WHERE NOT is_refund GROUP BY order_id ORDER BY min(line_number)""",
    "order_lines": """
        SELECT order_id AS order_external_id, coalesce(pieces.place, turn - first + 1) AS line_number,
               product AS product_external_id, quantity, cents AS unit_price_cents, cost_cents,
               sales.line_number AS file_line
        FROM (SELECT * EXCLUDE (turn), row_number() OVER () AS turn FROM sold_lines WHERE NOT is_refund)
             AS sales
             JOIN spans USING (order_id) LEFT JOIN pieces USING (line_number)""",
    # what came back belongs to the customer's last order before of the same article: of as many at
    # the same price if there is one, else of at least as many
    "refunds": """
        WITH back AS (SELECT * EXCLUDE (reason), -quantity AS returned, row_number() OVER (PARTITION BY order_id ORDER BY line_number) AS place
                      FROM sold_lines WHERE is_refund),
             -- only what may have been given back: to sort all lines would take longest of all
             sold AS (SELECT customer, product, quantity, cents, turn, order_id FROM sold_lines
                      SEMI JOIN (SELECT customer, product FROM back) AS those USING (customer, product)
                      WHERE NOT is_refund AND NOT is_cancelled),
             exact AS (SELECT back.line_number, sold.order_id FROM back ASOF JOIN sold
                       ON back.customer = sold.customer AND back.product = sold.product
                       AND back.returned = sold.quantity AND back.cents = sold.cents
                       AND back.turn >= sold.turn),
             latest AS (SELECT back.line_number, sold.order_id,
                               sold.quantity >= back.returned AS is_enough
                        FROM back ASOF JOIN sold
                        ON back.customer = sold.customer AND back.product = sold.product
                        AND back.turn >= sold.turn)
        SELECT back.order_id || '-' || place AS external_id,
               coalesce(exact.order_id, CASE WHEN is_enough THEN latest.order_id END)
                   AS order_external_id,
               customer AS customer_external_id, placed_at AS refunded_at,
               abs(quantity * cents) AS amount_cents, because AS reason,
               line_number AS file_line
        FROM back LEFT JOIN exact USING (line_number) LEFT JOIN latest USING (line_number)
        ORDER BY line_number""",
}
