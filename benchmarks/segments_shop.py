"""A made-up shop as the mirror's Parquet files, for `benchmarks.segments`; everything follows from hashes."""

from __future__ import annotations

from pathlib import Path

import duckdb

from segmentation.ml.features import FEATURES


DAY = 86_400
NOW = 20_000 * DAY
_SPAN = 730 * DAY

_UNIFORM = "(hash({0}, customer_id) % 1000000) / 1000000.0"
_MADE = {
    "orders": "floor(10 * u * u)",
    "recency_days": "floor(7300 * v) / 10",
    "net_revenue_cents": "floor(100000 * u * w)",
    "rating_last": "CASE WHEN v < 0.3 THEN 1 + floor(5 * w) END",
}
"""The features that the rules ask about; the others hold small numbers, so that the file has all its columns."""

_TABLES = {
    "people": f"""
        SELECT customer_id, hash(7, customer_id) % 10 > 0 AS may_profile,
               ['Germany', 'Austria', 'France', 'Spain', 'United Kingdom', 'Italy', 'Poland', ''][
                   CAST(1 + hash(1, customer_id) % 8 AS BIGINT)] AS country,
               ['en', 'de', 'fr', ''][CAST(1 + hash(2, customer_id) % 4 AS BIGINT)] AS language,
               ['example.com', 'example.org', ''][CAST(1 + hash(3, customer_id) % 3 AS BIGINT)] AS email_domain,
               {NOW} - CAST(hash(4, customer_id) % {_SPAN} AS BIGINT) AS joined_at, {NOW} AS arrived_at,
               CAST(1 AS BIGINT) AS source_id, '{{"plan": "gold"}}' AS traits, true AS has_email
        FROM ids""",
    "features": "SELECT customer_id, {features} FROM drawn",
    "scores": """
        SELECT customer_id, task, (hash(task, customer_id) % 10000) / 10000.0::DOUBLE AS value, 0.1::DOUBLE AS sd
        FROM drawn, (VALUES ('CHURN'), ('PURCHASE')) t(task) ORDER BY 1, 2""",
    "consents": f"""
        SELECT customer_id, 'MARKETING' AS purpose, 'EMAIL' AS channel, hash(8, customer_id) % 3 > 0 AS is_granted,
               {NOW} AS changed_at
        FROM ids""",
    "memberships": "SELECT CAST(1 AS BIGINT) AS segment_id, customer_id FROM ids WHERE hash(9, customer_id) % 4 = 0",
    "products": """
        SELECT range AS product_id, 'P' || range AS external_id, '' AS name, 'tea' AS category, '' AS brand,
               CAST(100 AS BIGINT) AS price_cents FROM range(1000)""",
    # about 10 orders and 10 events a customer, sorted by customer as the mirror is
    "orders": f"""
        SELECT row_number() OVER () AS order_id, * FROM (
            SELECT customer_id, {NOW} - CAST(hash(11, customer_id, n) % {_SPAN} AS BIGINT) AS placed_at,
                   {NOW} AS arrived_at, CAST(hash(12, customer_id, n) % 20000 AS BIGINT) AS total_cents,
                   CAST(0 AS BIGINT) AS discount_cents, CAST(0 AS BIGINT) AS margin_cents, 'web' AS channel
            FROM (SELECT customer_id, unnest(range(CAST(hash(10, customer_id) % 21 AS BIGINT))) AS n FROM drawn))""",
    "order_lines": """
        SELECT order_id, customer_id, CAST(hash(13, order_id) % 1000 AS BIGINT) AS product_id,
               ['tea', 'coffee', 'cups', 'pots', 'books', 'gifts'][CAST(1 + hash(14, order_id) % 6 AS BIGINT)] AS category,
               CAST(1 AS BIGINT) AS quantity, total_cents AS unit_price_cents, placed_at, arrived_at
        FROM orders""",
    "events": f"""
        SELECT customer_id, kind, '' AS name, {NOW} - CAST(hash(21, customer_id, n) % {_SPAN} AS BIGINT) AS happened_at,
               {NOW} AS arrived_at, CAST(NULL AS BIGINT) AS campaign_id,
               CASE WHEN kind = 'SEARCH' THEN '{{"query": "' || ['green tea', 'cup', 'gift'][
                   CAST(1 + hash(22, customer_id, n) % 3 AS BIGINT)] || '", "results": 12}}' ELSE '' END AS properties
        FROM (
            SELECT customer_id, n, ['SITE_VISIT', 'SITE_VISIT', 'PRODUCT_VIEW', 'PRODUCT_VIEW', 'PRODUCT_VIEW',
                'DELIVERED', 'DELIVERED', 'CART', 'SEARCH', 'CLICKED'][CAST(1 + hash(23, customer_id, n) % 10 AS BIGINT)] AS kind
            FROM (SELECT customer_id, unnest(range(CAST(hash(20, customer_id) % 21 AS BIGINT))) AS n FROM drawn))""",
}  # fmt: skip


def generate(folder: Path, *, customers: int) -> None:
    """Write what is missing of the tables to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    features = ", ".join(
        f"CAST({_MADE.get(name, f'hash({number}, customer_id) % 100')} AS DOUBLE) AS {name}"
        for number, name in enumerate(FEATURES)
    )
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE VIEW ids AS SELECT range + 1 AS customer_id FROM range({customers});"
            "CREATE VIEW drawn AS SELECT customer_id,"
            f" {_UNIFORM.format(4)} AS u, {_UNIFORM.format(5)} AS v, {_UNIFORM.format(6)} AS w"
            " FROM ids WHERE hash(7, customer_id) % 10 > 0"
        )
        for name, select in _TABLES.items():
            path = folder / f"{name}.parquet"
            if not path.exists():
                connection.execute(
                    f"COPY ({select.replace('{features}', features)}) TO '{path}' (COMPRESSION zstd)"
                )
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{path}')")


def views(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for name in _TABLES:
        path = str(folder / f"{name}.parquet").replace("'", "''")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
