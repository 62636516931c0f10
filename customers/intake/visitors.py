"""Events of people whom nobody knows yet. Identity moves them into the ledger when they are known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from customers.intake.translation import Item, Row


def keep(cursor: Any, rows: Sequence[Row], items: Sequence[Item], *, source_id: int) -> set[int]:
    """Store events with an anonymous id; the places of the items that were news."""
    if not rows:
        return set()
    place = {}
    columns: list[list[Any]] = [[] for _ in range(7)]
    times = []
    for row in rows:
        values = row.values
        if values["external_id"] in place:
            continue
        place[values["external_id"]] = row.item
        times.append(datetime.fromtimestamp(values["happened_at"], tz=UTC))
        for column, value in zip(
            columns,
            (
                _visitor(row), values["external_id"], values["kind"],
                values.get("name") or "", items[row.item].received_at,
                values.get("properties") or "{}", values.get("may_profile", True) is not False,
            ),
            strict=True,
        ):  # fmt: skip
            column.append(value)
    cursor.execute(
        """
        INSERT INTO customers_visitorevent (source_id, anonymous_id, external_id, kind, name,
                                            received_at, properties, may_profile, happened_at)
        SELECT %s, anonymous_id, external_id, kind, name, received_at, properties::jsonb, may_profile,
               happened_at
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[],
                    %s::boolean[], %s::timestamptz[])
             AS said (anonymous_id, external_id, kind, name, received_at, properties, may_profile,
                      happened_at)
        ON CONFLICT (source_id, external_id) DO NOTHING
        RETURNING external_id
        """,
        [source_id, *columns, times],
    )
    return {place[key] for (key,) in cursor.fetchall()}


def _visitor(row: Row) -> str:
    return row.person.anonymous_id if row.person is not None else ""
