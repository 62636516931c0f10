"""What people did whom nobody knows yet. Identity makes it the customer's when they are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from customers.intake.translation import Item, Person, Row


_OF_VISITORS = {"orders": "customers_order", "reviews": "customers_review"}


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


def note(
    cursor: Any,
    rows: Sequence[Row],
    items: Sequence[Item],
    *,
    names: Mapping[Person, str],
    source_id: int,
) -> None:
    """Note whose the orders and reviews are that stand in the tables as nobody's, for want of a name."""
    for entity, table in _OF_VISITORS.items():
        found = [
            (row.values["external_id"], row.person.anonymous_id, items[row.item].received_at)
            for row in rows
            if row.entity == entity and row.person and row.person.anonymous_id
            and not names[row.person]
        ]  # fmt: skip
        if not found:
            continue
        cursor.execute(
            f"""
            INSERT INTO customers_visitorrow (source_id, anonymous_id, entity, external_id, received_at)
            SELECT DISTINCT ON (told.external_id) %s, told.anonymous_id, %s, told.external_id, told.at
            FROM unnest(%s::text[], %s::text[], %s::timestamptz[])
                 WITH ORDINALITY AS told(external_id, anonymous_id, at, place)
            JOIN {table} mine ON mine.source_id = %s AND mine.external_id = told.external_id
                 AND mine.customer_id IS NULL
            ORDER BY told.external_id, told.place
            ON CONFLICT (source_id, entity, external_id) DO NOTHING
            """,
            [source_id, entity, *(list(column) for column in zip(*found, strict=True)), source_id],
        )
