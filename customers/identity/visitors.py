"""A visitor says who they are: what they did until then becomes the customer's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from customers.events import announce_writing


def link(cursor: Any, visitors: Mapping[str, int], *, source_id: int, now: datetime) -> None:
    """
    From now on, what comes under an anonymous id is that customer's: anonymous id to customer id.

    An id that was another customer's (a shared computer) is the newest one's from here on; what it did
    before stays where it is.
    """
    cursor.execute(
        """
        INSERT INTO customers_alias AS old (source_id, kind, value, customer_id, created_at)
        SELECT %s, 'ANONYMOUS', told.value, told.customer_id, %s
        FROM unnest(%s::text[], %s::bigint[]) AS told(value, customer_id)
        ON CONFLICT (source_id, kind, value) DO UPDATE
            SET customer_id = EXCLUDED.customer_id, created_at = EXCLUDED.created_at, merge_id = NULL
            WHERE old.customer_id <> EXCLUDED.customer_id
        """,
        [source_id, now, list(visitors), list(visitors.values())],
    )


def take_over(cursor: Any, visitors: Mapping[str, int], *, source_id: int, now: datetime) -> int:
    """
    Move what visitors did into the ledger, as learned of now; returns how many events are new there.

    Whoever did it long ago starts no automation by saying who they are today.
    """
    announce_writing(cursor)
    cursor.execute(
        """
        WITH gone AS (
            DELETE FROM customers_visitorevent v
            USING unnest(%s::text[], %s::bigint[]) AS told(anonymous_id, customer_id)
            WHERE v.source_id = %s AND v.anonymous_id = told.anonymous_id
            RETURNING v.*, told.customer_id
        )
        INSERT INTO customers_event (source_id, external_id, customer_id, kind, name, happened_at,
                                     arrived_at, properties, may_profile, historical)
        SELECT source_id, external_id, customer_id, kind, name, happened_at, %s, properties,
               may_profile, happened_at < %s - interval '48 hours'
        FROM gone ORDER BY external_id
        ON CONFLICT (source_id, external_id) DO NOTHING
        """,
        [list(visitors), list(visitors.values()), source_id, now, now],
    )
    return int(cursor.rowcount)


def give(cursor: Any, visitors: Mapping[str, int], *, source_id: int, now: datetime) -> None:
    """
    Make the orders and reviews of visitors the customers', as learned of now; VisitorRow says which.

    Not those that turned out to be somebody's since. What was given back follows its order.
    """
    cursor.execute(
        """
        WITH mine AS MATERIALIZED (
            SELECT v.id, v.entity, v.external_id, told.customer_id FROM customers_visitorrow v
            JOIN unnest(%(visitors)s::text[], %(customers)s::bigint[])
                 AS told(anonymous_id, customer_id) ON v.anonymous_id = told.anonymous_id
            WHERE v.source_id = %(source)s AND v.customer_id IS NULL
        ), orders AS (
            UPDATE customers_order o SET customer_id = mine.customer_id, arrived_at = %(now)s
            FROM mine WHERE mine.entity = 'orders' AND o.source_id = %(source)s
                AND o.external_id = mine.external_id AND o.customer_id IS NULL
            RETURNING o.id, o.customer_id, mine.id AS visitor_row
        ), refunds AS (
            UPDATE customers_refund r SET customer_id = orders.customer_id, arrived_at = %(now)s
            FROM orders WHERE r.order_id = orders.id AND r.customer_id IS NULL
        ), reviews AS (
            UPDATE customers_review r SET customer_id = mine.customer_id, arrived_at = %(now)s
            FROM mine WHERE mine.entity = 'reviews' AND r.source_id = %(source)s
                AND r.external_id = mine.external_id AND r.customer_id IS NULL
            RETURNING mine.id AS visitor_row
        )
        UPDATE customers_visitorrow v SET customer_id = mine.customer_id, known_at = %(now)s
        FROM mine WHERE v.id = mine.id
            AND v.id IN (SELECT visitor_row FROM orders UNION ALL SELECT visitor_row FROM reviews)
        """,
        {
            "visitors": list(visitors), "customers": list(visitors.values()), "source": source_id,
            "now": now,
        },
    )  # fmt: skip
