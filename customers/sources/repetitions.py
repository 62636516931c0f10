"""Lines of a file that say in every column what an earlier line says; in constant memory."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customers.sources.layouts import LINE, quoted


_SLOTS = 1 << 28  # a bit each: 32 MB; of 25 million lines one in twenty is looked at twice
_PORTION = 200_000
_MANY = 1 << 20


def find(db: duckdb.DuckDBPyConnection, *, columns: Sequence[str]) -> None:
    """
    Make the temporary table `repeated` (line_number) from `lines`.

    To sort or to group all lines would cost more than everything else. So their hashes go by once, and only
    lines whose place in a table was taken are compared in full.
    """
    said = ", ".join(quoted(name) for name in columns)
    db.register("maybe_twice", _maybe_twice(db, said))
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


def _maybe_twice(db: duckdb.DuckDBPyConnection, said: str) -> pa.Table:
    taken = np.zeros(_SLOTS >> 3, dtype=np.uint8)
    found = [np.array([], dtype=np.uint64)]
    waiting = 0
    for batch in db.sql(f"SELECT hash({said}) AS h FROM lines").to_arrow_reader(_PORTION):
        hashes = batch.column(0).to_numpy()
        slots = hashes & np.uint64(_SLOTS - 1)
        places, bits = slots >> np.uint64(3), np.uint8(1) << (slots & np.uint64(7)).astype(np.uint8)
        again = (taken[places] & bits) != 0
        np.bitwise_or.at(taken, places, bits)
        order = np.sort(slots)
        within = order[1:][order[1:] == order[:-1]]
        if len(within):
            again |= np.isin(slots, within)
        found.append(hashes[again])
        waiting += len(found[-1])
        if waiting > _MANY:  # a file may repeat itself from beginning to end
            found, waiting = [_distinct(found)], 0
    return pa.table({"h": _distinct(found)})


def _distinct(parts: list[npt.NDArray[np.uint64]]) -> npt.NDArray[np.uint64]:
    """By sorting: NumPy's own `unique` takes several times the memory."""
    values = np.sort(np.concatenate(parts))
    return values[np.append(values[:-1] != values[1:], True)] if len(values) else values
