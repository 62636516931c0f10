"""Reads that several places need, each a small named function."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import connection

from customers.models import Source


def known_until(*, now: datetime) -> datetime:
    """Data of every source is complete up to here: a simulated one has answered until then, others until now."""
    answered = [
        float(source.settings["answered_until"])
        for source in Source.objects.filter(outcomes_simulated=True)
        if "answered_until" in source.settings
    ]
    return min([now, *(datetime.fromtimestamp(moment, tz=UTC) for moment in answered)])


def totals(*, source: Source | None = None) -> dict[str, Any]:
    """
    What is in the tables, of one source or of all; money in minor units.

    customers: living, not erased. orders: all; orders_counted_as_sales: not cancelled. order_total_cents:
    of all orders; sales_gross_cents: of sales, before refunds.
    """
    of, parameters = ("TRUE", []) if source is None else ("source_id = %s", [source.pk])
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT (SELECT count(*) FROM customers_customer WHERE erased_at IS NULL AND {of}) AS customers,
                   (SELECT count(*) FROM customers_customer WHERE erased_at IS NOT NULL AND {of}) AS erased,
                   (SELECT count(*) FROM customers_product WHERE {of}) AS products,
                   (SELECT count(*) FROM customers_review WHERE {of}) AS reviews,
                   (SELECT count(*) FROM customers_event WHERE {of}) AS events,
                   refunds.*, orders.*
            FROM (SELECT count(*) AS refunds,
                         coalesce(sum(amount_cents), 0)::bigint AS refunded_total_cents
                  FROM customers_refund WHERE {of}) AS refunds,
                 (SELECT count(*) AS orders,
                         count(*) FILTER (WHERE status = 'PLACED') AS orders_counted_as_sales,
                         coalesce(sum(total_cents), 0)::bigint AS order_total_cents,
                         coalesce(sum(total_cents) FILTER (WHERE status = 'PLACED'), 0)::bigint
                             AS sales_gross_cents
                  FROM customers_order WHERE {of}) AS orders
            """,
            parameters * 7,
        )
        names = [column.name for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))
