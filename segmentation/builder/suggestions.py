"""What the data holds, for the fields that suggest: countries, categories, products, names of events."""

from __future__ import annotations

import duckdb

from segmentation import mirror
from segmentation.mirror import generations


MOST = 60
_BY_FREQUENCY = """
    SELECT {column}, '' FROM {table} WHERE {column} <> '' AND contains(lower({column}), $q)
    GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {most}"""
_SAMPLED_KEYS = """
    SELECT key, '' FROM (
        SELECT unnest(json_keys({column})) AS key
        FROM (SELECT {column} FROM {table} WHERE {column} NOT IN ('', '{{}}') LIMIT 20000)
    ) WHERE contains(lower(key), $q) GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {most}"""

SOURCES: dict[str, str] = {
    **{
        name: _BY_FREQUENCY.format(column=name, table=table, most=MOST)
        for name, table in (
            ("country", "people"), ("language", "people"), ("email_domain", "people"),
            ("category", "products"), ("brand", "products"), ("channel", "orders"),
        )
    },
    "event": _BY_FREQUENCY.format(column="name", table="events", most=MOST),
    "trait": _SAMPLED_KEYS.format(column="traits", table="people", most=MOST),
    "property": _SAMPLED_KEYS.format(column="properties", table="events", most=MOST),
    "product": f"""
        SELECT external_id, name FROM products
        WHERE contains(lower(name), $q) OR contains(lower(external_id), $q)
        ORDER BY name, external_id LIMIT {MOST}""",
}  # fmt: skip
"""A statement by what is suggested: (value, words beside it)."""


def find(names: set[str], *, typed: str = "") -> dict[str, list[tuple[str, str]]]:
    """
    Values of each of `names` (keys of SOURCES) that hold `typed`, the most frequent first.

    Nothing is suggested while there are no analytic tables yet: that would make them, which takes long.
    """
    asked = names & set(SOURCES)
    if not asked or generations.newest() is None:
        return {name: [] for name in asked}
    with mirror.connect() as database:
        return {name: _of(database, name, typed.lower()) for name in sorted(asked)}


def _of(database: duckdb.DuckDBPyConnection, name: str, typed: str) -> list[tuple[str, str]]:
    return [
        (str(value), str(words or ""))
        for value, words in database.execute(SOURCES[name], {"q": typed}).fetchall()
    ]
