"""What an import found, entity by entity: counts that add up, gaps, outliers and the span of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from customers.sources.base import REQUIRED


ADDRESS = r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$"
"""Enough of an e-mail address to be worth trying."""

_TIMES = {
    "customers": "joined_at", "orders": "placed_at", "refunds": "refunded_at",
    "reviews": "written_at", "events": "happened_at",
}  # fmt: skip
_AMOUNTS = {
    "products": "price_cents", "orders": "total_cents", "order_lines": "quantity",
    "refunds": "amount_cents",
}  # fmt: skip


@dataclass(kw_only=True)
class Counts:
    """rows = inserted + updated + duplicates + rejected."""

    rows: int = 0
    inserted: int = 0
    updated: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def accepted(self) -> int:
        return self.inserted + self.updated

    @classmethod
    def total(cls, parts: Iterable[Counts]) -> Counts:
        whole = cls()
        for part in parts:
            whole.rows += part.rows
            whole.inserted += part.inserted
            whole.updated += part.updated
            whole.duplicates += part.duplicates
            whole.rejected += part.rejected
        return whole

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "inserted": self.inserted,
            "updated": self.updated,
            "duplicates": self.duplicates,
            "rejected": dict(sorted(self.rejected.items())),
        }


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """lines = accepted + duplicates + rejected. Of a file, lines are its lines; else rows of all tables."""

    import_id: int
    lines: int
    accepted: int
    duplicates: int
    rejected: dict[str, int]
    entities: dict[str, Counts]
    quality: dict[str, Any]
    value: dict[str, float]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For Import.report."""
        return {
            "entities": {name: counts.as_dict() for name, counts in self.entities.items()},
            "quality": self.quality,
            "rejected": self.rejected,
            "value": self.value,
            "notes": list(self.notes),
        }


def profile(entity: str, table: pa.Table) -> dict[str, Any]:
    """
    Missing values per column, the time span, and outliers of the entity's amount (`order_lines`: quantity).

    An outlier lies beyond Tukey's outer fence, the third quartile plus three interquartile ranges; it
    is counted, not refused. Quantiles of more than a million rows are approximate.
    """
    if not table.num_rows:
        return {}
    with duckdb.connect() as db:
        db.register("rows", table)
        return profile_of(db, entity, rows="rows")


def profile_of(db: duckdb.DuckDBPyConnection, entity: str, *, rows: str) -> dict[str, Any]:
    """The same of a relation of `db`, which must have rows."""
    names = REQUIRED[entity].names
    found: dict[str, Any] = {}
    empty = ", ".join(f"count(*) FILTER (coalesce({name}::varchar, '') = '')" for name in names)
    counts = db.sql(f"SELECT {empty}, count(*) FROM {rows}").fetchall()[0]
    found["missing"] = {name: n for name, n in zip(names, counts[:-1], strict=True) if n}
    if entity == "customers":
        tried = f"SELECT count(*) FROM {rows} WHERE email <> '' AND NOT regexp_matches(email, ?)"
        found["no_addresses"] = db.execute(tried, [ADDRESS]).fetchall()[0][0]
    if time := _TIMES.get(entity):
        first, last = db.sql(f"SELECT min({time}), max({time}) FROM {rows}").fetchall()[0]
        found["span"] = [_moment(first), _moment(last)]
    if amount := _AMOUNTS.get(entity):
        found["amount"] = _amount(db, amount, rows=rows, count=counts[-1])
    return found


_MANY = 1_000_000


def _amount(db: duckdb.DuckDBPyConnection, column: str, *, rows: str, count: int) -> dict[str, Any]:
    # exact quantiles hold every value in memory
    quantile, middle = "quantile_cont", f"median({column})"
    if count > _MANY:
        quantile, middle = "approx_quantile", f"approx_quantile({column}, 0.5)"
    values = db.sql(f"""
        SELECT min({column}), {middle}, max({column}), fence, count(*) FILTER ({column} > fence)
        FROM {rows}, (SELECT 4 * {quantile}({column}, 0.75) - 3 * {quantile}({column}, 0.25) AS fence
                      FROM {rows})
        GROUP BY fence
    """).fetchall()[0]
    names = ("least", "median", "most", "fence", "outliers")
    return {"column": column, **dict(zip(names, values, strict=True))}


def _moment(epoch: int | None) -> str | None:
    return None if epoch is None else datetime.fromtimestamp(epoch, tz=UTC).isoformat()
