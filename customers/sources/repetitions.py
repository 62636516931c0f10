"""Lines of a file that say in every column what an earlier line says; in constant memory."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from customers import repeated
from customers.sources.layouts import LINE, quoted


def find(db: duckdb.DuckDBPyConnection, *, columns: Sequence[str]) -> None:
    """Make the temporary table `repeated` (line_number) from `lines`; few lines are compared in full."""
    said = ", ".join(quoted(name) for name in columns)
    db.register("maybe_twice", repeated.maybe_twice(db, hashed=f"hash({said})", of="lines"))
    db.execute(f"""
        CREATE OR REPLACE TEMP TABLE repeated AS
        WITH twice AS (SELECT hash({said}) AS h FROM lines WHERE hash({said}) IN (FROM maybe_twice)
                       GROUP BY 1 HAVING count(*) > 1)
        SELECT line_number FROM (
            SELECT {LINE} AS line_number, row_number() OVER (PARTITION BY {said} ORDER BY {LINE}) AS copy
            FROM lines WHERE hash({said}) IN (FROM twice)
        ) WHERE copy > 1;
    """)
    db.unregister("maybe_twice")
