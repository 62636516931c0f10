"""Which hashes come more than once, of however many, in constant memory."""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa


_SLOTS = 1 << 28  # a bit each: 32 MB; of 25 million rows one in twenty is looked at twice
_PORTION = 200_000
_MANY = 1 << 20


def maybe_twice(db: duckdb.DuckDBPyConnection, *, hashed: str, of: str) -> pa.Table:
    """
    The hashes (column h, uint64) among which all are that come more than once, and some that do not.

    hashed: SQL of a row's hash, over the relation `of`. To sort or to group all rows would cost more than
    everything else, and does not fit into memory. So the hashes go by once, and those are kept whose place
    in a table of bits was taken.
    """
    taken = np.zeros(_SLOTS >> 3, dtype=np.uint8)
    found = [np.array([], dtype=np.uint64)]
    waiting = 0
    for batch in db.sql(f"SELECT {hashed} AS h FROM {of}").to_arrow_reader(_PORTION):
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
