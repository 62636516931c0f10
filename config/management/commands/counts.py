"""Totals for scripts and outside checks."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand
from django.db.models import Count, F, Sum

from campaigns.models import Delivery
from consent import queries as consent_queries
from customers.enums import OrderStatus
from customers.models import Customer, Event, Order, OrderLine, Refund, RejectedRow, Review
from segmentation.models import Segment


class Command(BaseCommand):
    help = "Print totals: customers, orders, money, consents, deliveries by state."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        totals = count()
        if options["json"]:
            self.stdout.write(json.dumps(totals))
            return
        for name, value in totals.items():
            self.stdout.write(f"{name:26} {value}")


def count() -> dict[str, Any]:
    """Money in minor units."""
    sales = Order.objects.filter(status=OrderStatus.PLACED)
    gross = OrderLine.objects.filter(order__status=OrderStatus.PLACED, quantity__gt=0).aggregate(
        total=Sum(F("quantity") * F("unit_price_cents"))
    )
    states = Delivery.objects.values_list("state").annotate(n=Count("id")).order_by("state")
    return {
        "customers": Customer.objects.filter(erased_at=None).count(),
        "orders": Order.objects.count(),
        "orders_counted_as_sales": sales.count(),
        "refunds": Refund.objects.count(),
        "refunded_total": Refund.objects.aggregate(total=Sum("amount_cents"))["total"] or 0,
        "order_total": sales.aggregate(total=Sum("total_cents"))["total"] or 0,
        "sales_gross": gross["total"] or 0,
        "reviews": Review.objects.count(),
        "events": Event.objects.count(),
        "emailable": consent_queries.reachable_count(),
        "erased": Customer.objects.exclude(erased_at=None).count(),
        "segments": Segment.objects.count(),
        "deliveries": dict(states),
        "rejected": RejectedRow.objects.count(),
    }
