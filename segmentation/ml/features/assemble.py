"""Join the themes to one table: a row per customer, a float64 column per feature."""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from segmentation.ml.features.catalogue import FEATURES, THEMES


MIRROR_TABLES = {
    "customers": ("customer_id", "joined_at", "arrived_at", "country"),
    "orders": (
        *("order_id", "customer_id", "placed_at", "arrived_at"),
        *("total_cents", "discount_cents", "margin_cents", "channel"),
    ),
    "order_lines": (
        *("order_id", "customer_id", "product_id", "category"),
        *("quantity", "unit_price_cents", "placed_at", "arrived_at"),
    ),
    "refunds": ("customer_id", "refunded_at", "arrived_at", "amount_cents"),
    "events": (
        *("customer_id", "kind", "name", "happened_at", "arrived_at"),
        *("campaign_id", "properties"),
    ),
    "reviews": ("customer_id", "product_id", "written_at", "arrived_at", "rating", "polarity"),
    "people": ("customer_id", "email_domain", "joined_at", "arrived_at", "traits"),
}
"""The tables (or views) that the caller registers, with the columns that are read."""

SHOP_TABLES = {
    "shop_prices": """
        SELECT
            category,
            CASE WHEN placed_at < arrived_at THEN arrived_at ELSE placed_at END // 86400 AS known_day,
            CAST(sum(quantity) AS DECIMAL(38, 0)) AS units,
            CAST(sum(CAST(quantity AS HUGEINT) * unit_price_cents) AS DECIMAL(38, 0)) AS spent_cents
        FROM order_lines
        GROUP BY category, CASE WHEN placed_at < arrived_at THEN arrived_at ELSE placed_at END // 86400""",
    "shop_countries": """
        SELECT
            country,
            CASE WHEN joined_at < arrived_at THEN arrived_at ELSE joined_at END // 86400 AS known_day,
            count(*) AS customers
        FROM customers
        GROUP BY country, CASE WHEN joined_at < arrived_at THEN arrived_at ELSE joined_at END // 86400""",
}
"""What is read of the shop as a whole: small tables by day, defined over the whole mirror.

A connection whose tables hold only some customers must bring these as tables or views of the whole shop;
for a connection with the whole mirror they are worked out when they are not there. (Decimals, because Parquet and
Arrow have no integers of 128 bits: they would become floats.)
"""

_HERE = Path(__file__).parent
_ASKED = "asked_customers"
_SOME = f"customer_id IN (SELECT customer_id FROM {_ASKED})"
_RANGE = "customer_id BETWEEN $first AND $last"


def compute(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: int,
    customer_ids: Sequence[int] | None = None,
    cut: bool = True,
) -> pa.Table:
    """Return the features of every customer known before `as_of` (epoch seconds).

    The connection must have the tables of `MIRROR_TABLES`, and those of `SHOP_TABLES` if it does not hold
    the whole mirror. Only rows that happened and arrived before `as_of` are read. With `customer_ids` the
    same SQL runs over those customers alone; ids that are not known at `as_of` have no row. First column
    customer_id (int64, ascending), then one float64 column per entry of `FEATURES`, in its order; NULL where
    a feature is undefined. `cut=False` leaves values that cannot be as they are, to report on them.
    """
    given = _given(connection)
    if customer_ids is None:
        return _run(connection, statement(given=given, cut=cut), {"as_of": as_of})
    connection.register(_ASKED, pa.table({"customer_id": pa.array(customer_ids, pa.int64())}))
    try:
        return _run(connection, statement(_SOME, given=given, cut=cut), {"as_of": as_of})
    finally:
        connection.unregister(_ASKED)


def compute_in_parts(
    connection: duckdb.DuckDBPyConnection, *, as_of: int, parts: int
) -> Iterator[pa.Table]:
    """Yield what `compute` returns in `parts` tables of as many customers each, by ascending id.

    Memory is that of three parts, whatever the size of the shop: Parquet that is sorted by customer_id is read
    where the part lies. Where the connection has two threads or more, two parts are computed side by side (planning
    a part, and handing it over, use one thread), so its tables must be seen by other connections to its database:
    no temporary ones. Raises ValueError when `parts` is not positive.
    """
    if parts < 1:
        raise ValueError(f"parts must be at least 1, not {parts}")
    ranges = connection.execute(
        "SELECT min(customer_id), max(customer_id) FROM ("
        "SELECT customer_id, ntile($parts) OVER (ORDER BY customer_id) AS part FROM customers"
        " WHERE joined_at < $as_of AND arrived_at < $as_of) GROUP BY part ORDER BY 1",
        {"parts": parts, "as_of": as_of},
    ).fetchall()
    query = statement(_RANGE, given=_given(connection))
    (threads,) = connection.execute("SELECT current_setting('threads')").fetchall()[0]
    lanes = min(_LANES, int(threads))
    connection.execute(f"SET external_threads = {lanes}")  # of its threads those that are ours
    try:
        with ThreadPoolExecutor(lanes) as pool:
            begun: deque[Future[pa.Table]] = deque()
            for first, last in ranges:
                told = {"as_of": as_of, "first": first, "last": last}
                begun.append(pool.submit(_run, connection.cursor(), query, told))
                if len(begun) == lanes:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
    finally:
        connection.execute("RESET external_threads")


_LANES = 2


def _run(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, int]
) -> pa.Table:
    table: pa.Table = connection.sql(query, params=dict(parameters)).to_arrow_table()
    return table


def _given(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The tables of the shop as a whole that the connection brings."""
    tables = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
    return frozenset(tables & set(SHOP_TABLES))


@cache
def statement(
    customer_filter: str = "TRUE", *, given: frozenset[str] = frozenset(), cut: bool = True
) -> str:
    """Return the whole query in DuckDB's dialect, with the parameter `$as_of` (and those of the filter).

    `given`: the names of `SHOP_TABLES` that are tables; the others are worked out inside.
    """
    known = _read("known").replace("{customer_filter}", customer_filter)
    for name, select in SHOP_TABLES.items():
        known = known.replace(f"{{{name}}}", name if name in given else f"({select}) AS {name}")
    themes = ",\n\n".join(f"{theme}_features AS (\n{_read(theme)})" for theme in THEMES)
    columns = ",\n    ".join(_output(name, cut=cut) for name in FEATURES)
    joins = "\n".join(
        f"LEFT JOIN {theme}_features ON {theme}_features.customer_id = scope.customer_id"
        for theme in THEMES
    )
    return (
        f"WITH {known},\n\n{themes}\n\n"
        f"SELECT\n    scope.customer_id,\n    {columns}\nFROM scope\n{joins}\nORDER BY scope.customer_id"
    )


def sources(theme: str) -> tuple[str, ...]:
    """Return the tables of the mirror that a theme reads, in the order of `MIRROR_TABLES`; from its SQL."""
    known = re.sub(r"--.*", "", _read("known"))
    tables = dict(re.findall(r"(\w+) AS \(.*?FROM \{?(\w+)", known, flags=re.DOTALL))
    behind = {"shop_prices": "order_lines", "shop_countries": "customers"}
    read = {
        behind.get(tables[name], tables[name])
        for name in re.findall(r"(?:FROM|JOIN)\s+(\w+)", re.sub(r"--.*", "", _read(theme)))
        if name in tables
    }
    return tuple(name for name in MIRROR_TABLES if name in read)


def _output(name: str, *, cut: bool) -> str:
    feature = FEATURES[name]
    column = f"{feature.theme}_features.{name}"
    if feature.without_rows is not None:
        column = f"coalesce({column}, {feature.without_rows})"
    if cut and feature.possible is not None:
        low, high = feature.possible
        column = f"CASE WHEN {column} < {low} THEN {low} WHEN {column} > {high} THEN {high} ELSE {column} END"
    return f"CAST({column} AS DOUBLE) AS {name}"


def _read(theme: str) -> str:
    return (_HERE / f"{theme}.sql").read_text(encoding="utf-8")
