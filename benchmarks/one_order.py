"""One order, from the request that tells of it to that customer's new score and segment, through the real processes.

    python -m benchmarks.one_order --customers 10000 --orders 20

Starts web, workers and beat as `manage.py run` does, on private servers under COTERIE_HOME/benchmark, and
sends one order after the other: by turns over the REST API and, as Segment's `Order Completed`, through the door for
shop data. The clock starts when the request is sent; it stops when the database shows a new churn score of the
customer and the customer in a segment of who ordered lately. Customers had not ordered for 100 days.
"""

# ruff: noqa: PLC0415
from __future__ import annotations

import argparse
import base64
import json
import os
import socket
import statistics
import time
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

from benchmarks.scores import private_servers


PATIENCE = 60.0
GOAL = 1.0
WAYS = ("REST API", "Segment")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--customers", type=int, default=10_000, help="ten order lines each")
    parser.add_argument("--orders", type=int, default=20, help="by each of the two ways")
    parser.add_argument("--pause", type=float, default=1.3, help="seconds between two orders")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    private_servers()
    from config.processes import running

    shop = Shop(options.customers, options.orders + 1)
    with running() as processes, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        processes.will_serve(port=port)
        processes.start_worker_and_beat()
        address = processes.start_web(port=port)
        seen = measure(shop, address, orders=options.orders, pause=options.pause)
    load = os.getloadavg()[0]
    print(f"{options.customers:,} customers, {options.orders} orders by each way, load {load:.1f}")
    for way, seconds in seen.items():
        print(
            f"  {way:8} median {statistics.median(seconds):.3f} s, p95 {percentile(seconds, 95):.3f} s,"
            f" longest {max(seconds):.3f} s (goal {GOAL:.0f})"
        )
    if options.json:
        print(json.dumps({"customers": options.customers, "load_average": load, "seconds": seen}))
    return 0


def measure(shop: Shop, address: str, *, orders: int, pause: float) -> dict[str, list[float]]:
    seen: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(orders + 1):
        for way in WAYS:
            seconds = shop.order(address, way=way)
            if number:  # the first ones load the worker's code and models
                seen[way].append(seconds)
            time.sleep(pause)
    return seen


def percentile(values: list[float], percent: int) -> float:
    """The smallest value that so many per cent do not exceed."""
    return sorted(values)[-(-len(values) * percent // 100) - 1]


class Shop:
    """Customers of one Segment source, computed once, with a segment of those who ordered in the last week."""

    def __init__(self, customers: int, orders: int) -> None:
        from benchmarks.features import LINES, fill
        from core import clock
        from customers.enums import SourceKind
        from customers.intake import keys
        from gateway import keys as api_keys
        from gateway.models import ApiKey
        from segmentation import dynamic, refreshing, rule_segments
        from segmentation.rules import parse

        now = clock.now()
        ApiKey.objects.all().delete()
        fill(customers, LINES * customers)
        opened = keys.open_source(kind=SourceKind.SEGMENT, name="One order", now=now)
        self.write_key = str(opened.write_key)
        _, self.secret = api_keys.create(
            name="One order", scopes=["orders:write"], now=now, source_ids=[opened.source.pk]
        )
        self.waiting = iter(self._lapsed(len(WAYS) * orders, source_id=opened.source.pk, now=now))
        self.segment = rule_segments.save(
            segment=None, name="Ordered in the last week", description="", words="", user_id=None,
            rule=parse({"all": [{"did": "ORDER", "within_days": 7}]}), now=now,
        )  # fmt: skip
        refreshing.refresh(now=now)
        dynamic.compute_due(now=now)

    def _lapsed(self, count: int, *, source_id: int, now: datetime) -> list[tuple[int, str]]:
        """Customers whose last order was a while ago, handed over to the source: id and the shop's number."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE customers_customer SET source_id = %s, external_id = 'one-' || id WHERE id IN (
                    SELECT customer_id FROM customers_order GROUP BY 1
                    HAVING max(placed_at) < %s - interval '300 days' AND max(placed_at) > %s - interval '500 days'
                    ORDER BY 1 LIMIT %s)
                RETURNING id, external_id""",
                [source_id, now, now, count],
            )
            found: list[tuple[int, str]] = cursor.fetchall()
        if len(found) < count:
            raise SystemExit(f"only {len(found)} customers have lapsed; {count} are needed")
        return found

    def order(self, address: str, *, way: str) -> float:
        """Seconds until everything is known of one order of the next customer."""
        customer_id, number = next(self.waiting)
        before = self._known(customer_id)
        name = f"one {time.time_ns()}"
        started = time.perf_counter()
        if way == "REST API":
            self._post_order(address, number, name)
        else:
            self._track_order(address, number, name)
        while time.perf_counter() - started < PATIENCE:
            score, is_member = self._known(customer_id)
            if score != before[0] and is_member:
                return time.perf_counter() - started
            time.sleep(0.005)
        raise SystemExit(f"{way}: not known after {PATIENCE:.0f} s: {before}, {score}, {is_member}")

    def _known(self, customer_id: int) -> tuple[float | None, bool]:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT (SELECT s.value FROM segmentation_score s JOIN segmentation_scoregeneration g
                        ON g.id = s.generation_id AND g.is_current AND g.task = 'CHURN'
                        WHERE s.customer_id = %(customer)s),
                    EXISTS (SELECT FROM segmentation_membership
                        WHERE segment_id = %(segment)s AND customer_id = %(customer)s)""",
                {"customer": customer_id, "segment": self.segment.pk},
            )
            found: tuple[float | None, bool] = cursor.fetchone()
        return found

    def _post_order(self, address: str, customer: str, name: str) -> None:
        from core import clock

        body = {
            "external_id": name, "customer": customer, "placed_at": clock.now().isoformat(),
            "currency": "GBP", "total_cents": 4200,
        }  # fmt: skip
        _post(f"{address}/api/v1/orders", body, f"Bearer {self.secret}")

    def _track_order(self, address: str, customer: str, name: str) -> None:
        from core import clock

        body: dict[str, Any] = {
            "type": "track", "event": "Order Completed", "messageId": name, "userId": customer,
            "timestamp": clock.now().isoformat(),
            "properties": {"order_id": name, "total": 42.0, "currency": "GBP"},
        }  # fmt: skip
        key = base64.b64encode(f"{self.write_key}:".encode()).decode()
        _post(f"{address}/v1/track", body, f"Basic {key}")


def _post(address: str, body: dict[str, Any], authorization: str) -> None:
    message = urllib.request.Request(  # noqa: S310 - our own server
        address,
        data=json.dumps(body).encode(),
        headers={
            "Authorization": authorization,
            "Content-Type": "application/json",
            "Idempotency-Key": f"{time.time_ns()}",
        },
    )
    try:
        with urllib.request.urlopen(message, timeout=30) as reply:  # noqa: S310
            reply.read()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{address}: {error.code} {error.read().decode()}") from error


if __name__ == "__main__":
    raise SystemExit(main())
