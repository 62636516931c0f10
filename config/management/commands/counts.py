"""Totals for scripts and outside checks."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand
from django.db.models import Count

from campaigns.models import Delivery
from consent import queries as consent_queries
from consent.models import DataRequest
from customers import display, queries
from segmentation.models import Segment


MONEY = ("refunded_total", "order_total", "sales_gross")


class Command(BaseCommand):
    help = "Print totals: customers, orders, money, consents, data requests, deliveries by state."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        totals = count()
        if options["json"]:
            self.stdout.write(json.dumps(totals))
            return
        for name, value in totals.items():
            said = value
            if name in MONEY:  # the same figure as for scripts, and what it is
                said = f"{value} in minor units of {settings.CURRENCY}: {display.money(value)}"
            self.stdout.write(f"{name:26} {said}")


def count() -> dict[str, Any]:
    """Money in minor units; what the names mean is said by customers.queries.totals."""
    shop = queries.totals()
    states = Delivery.objects.values_list("state").annotate(n=Count("id")).order_by("state")
    return {
        "customers": shop["customers"],
        "orders": shop["orders"],
        "orders_counted_as_sales": shop["orders_counted_as_sales"],
        "refunds": shop["refunds"],
        "refunded_total": shop["refunded_total"],
        "order_total": shop["order_total"],
        "sales_gross": shop["sales_gross"],
        "reviews": shop["reviews"],
        "events": shop["events"],
        "emailable": consent_queries.reachable_count(),
        "consents_claimed": sum(consent_queries.claims().values()),
        "consents_refused": sum(consent_queries.refused_grants().values()),
        "erased": shop["erased"],
        "data_requests": DataRequest.objects.count(),
        "segments": Segment.objects.count(),
        "deliveries": dict(states),
        "rejected": shop["rejected"],
    }
