"""Consents made up for a demonstration on data that has none; every one says so in its `method`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from zlib import crc32

import duckdb
import numpy as np
import pyarrow as pa

from core import ids
from customers.enums import EventKind
from customers.sources.base import EVENTS


WORDING = "default-1"
SHARES = {("MARKETING", "EMAIL"): 0.80, ("PROFILING", "ANY"): 0.76, ("RECOMMENDATIONS", "ANY"): 0.74,
          ("CLICK_TRACKING", "ANY"): 0.72}  # fmt: skip
"""Of all customers."""


def add_consents(db: duckdb.DuckDBPyConnection) -> str:
    """Fill the table `events` with consents of a fixed share of `customers`; returns the note that says so."""
    db.register("nothing", EVENTS.empty_table())
    db.execute("CREATE TABLE IF NOT EXISTS events AS FROM nothing")
    people = db.sql("SELECT external_id, joined_at FROM customers").to_arrow_table()
    for batch in people.to_batches(max_chunksize=100_000):
        given = consents(pa.Table.from_batches([batch]), shares=SHARES, method="demonstration")
        db.register("given", given)
        db.execute("INSERT INTO events BY NAME SELECT * FROM given")
        db.unregister("given")
    db.unregister("nothing")
    return (
        f"{SHARES['MARKETING', 'EMAIL'] * 100:.0f}\u00a0% of the customers were given a consent made up for the"
        " demonstration: the file has none."
    )


def consents(
    customers: pa.Table, *, shares: Mapping[tuple[str, str], float], method: str
) -> pa.Table:
    """
    CONSENT_GIVEN events of a share of these customers per (purpose, channel), from when they joined on.

    Who agrees depends only on the customer's id, so that a second import makes the same events. Shares
    are nested: who is in a smaller one is in every larger one.
    """
    names = customers["external_id"].to_pylist()
    keys = np.array([crc32((name or "").encode()) for name in names], dtype=np.int64)
    draw = ids.unit_interval(salt="demonstration", purpose="consent", keys=keys)
    parts = [
        _events(
            customers.filter(pa.array(draw < share)),
            purpose=purpose,
            channel=channel,
            method=method,
        )
        for (purpose, channel), share in shares.items()
    ]
    return pa.concat_tables(parts)


def _events(customers: pa.Table, *, purpose: str, channel: str, method: str) -> pa.Table:
    said = {"purpose": purpose, "channel": channel, "wording": WORDING, "method": method}
    count = customers.num_rows
    names = customers["external_id"].to_pylist()
    return pa.table(
        [
            pa.array([f"{method}:{purpose}:{name}" for name in names], pa.string()),
            customers["external_id"],
            pa.array([EventKind.CONSENT_GIVEN.value] * count, pa.string()),
            customers["joined_at"],
            pa.array([json.dumps(said)] * count, pa.string()),
        ],
        schema=EVENTS,
    )
