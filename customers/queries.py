"""Reads that several places need, each a small named function."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection
from django.db.models import Q, QuerySet

from customers.enums import OrderStatus
from customers.models import Refund, Source


def known_until(*, now: datetime) -> datetime:
    """Data of every source is complete up to here: a simulated one has answered until then, others until now."""
    answered = [
        float(source.settings["answered_until"])
        for source in Source.objects.filter(outcomes_simulated=True)
        if "answered_until" in source.settings
    ]
    return min([now, *(datetime.fromtimestamp(moment, tz=UTC) for moment in answered)])


def counted_refunds() -> QuerySet[Refund]:
    """
    Refunds that lower net revenue: those of a sale, and those that name no order.

    An order that is cancelled, unpaid or a test counts nothing; what was given back for it must not count
    either, or a cancelled and refunded order would cost the shop its price.
    """
    return Refund.objects.filter(Q(order=None) | Q(order__status=OrderStatus.PLACED))


def totals(*, source: Source | None = None) -> dict[str, int]:
    """
    What is in the tables, of one source or of all; money in minor units.

    customers: living, neither erased nor merged into another. orders: all; orders_counted_as_sales: those
    PLACED. order_total: of sales, after discounts, tax and shipping included; sales_gross: of sales, what
    their lines come to before discounts (positive quantities). refunded_total: of all refunds. rejected:
    rows and items refused, less those taken in since.
    """
    of, of_line, of_rejected = "TRUE", "TRUE", "TRUE"
    if source is not None:
        of, of_line = "source_id = %(source)s", "the_order.source_id = %(source)s"
        of_rejected = "%(source)s IN (of_import.source_id, inbound.source_id)"
    living = "erased_at IS NULL AND merged_into_id IS NULL"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT people.*, orders.*, refunds.*,
                   (SELECT COALESCE(sum(line.quantity * line.unit_price_cents), 0)::bigint
                    FROM customers_orderline line
                        JOIN customers_order the_order ON the_order.id = line.order_id
                    WHERE the_order.status = 'PLACED' AND line.quantity > 0 AND {of_line})
                       AS sales_gross,
                   (SELECT count(*) FROM customers_product WHERE {of}) AS products,
                   (SELECT count(*) FROM customers_review WHERE {of}) AS reviews,
                   (SELECT count(*) FROM customers_event WHERE {of}) AS events,
                   (SELECT count(*) FROM customers_rejectedrow refused
                        LEFT JOIN customers_import of_import
                            ON of_import.id = refused.source_import_id
                        LEFT JOIN customers_inboundrequest inbound
                            ON inbound.id = refused.inbound_id
                    WHERE refused.replayed_at IS NULL AND {of_rejected}) AS rejected
            FROM (SELECT count(*) FILTER (WHERE {living}) AS customers,
                         count(*) FILTER (WHERE erased_at IS NOT NULL) AS erased
                  FROM customers_customer WHERE {of}) AS people,
                 (SELECT count(*) AS orders,
                         count(*) FILTER (WHERE status = 'PLACED') AS orders_counted_as_sales,
                         COALESCE(sum(total_cents) FILTER (WHERE status = 'PLACED'), 0)::bigint
                             AS order_total
                  FROM customers_order WHERE {of}) AS orders,
                 (SELECT count(*) AS refunds,
                         COALESCE(sum(amount_cents), 0)::bigint AS refunded_total
                  FROM customers_refund WHERE {of}) AS refunds
            """,
            {"source": source.pk if source else None},
        )
        names = [column.name for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))
