"""How fast are single writes of the REST API? Beside plain DRF and the Segment door, on the same server, in one run.

    python -m benchmarks.api_writes
    python -m benchmarks.api_writes --rounds 5 --requests 400 --clients 1 8 --json

Runs on private servers under COTERIE_HOME/benchmark. benchmarks/README.md says how to read the table.
"""

# ruff: noqa: PLC0415 - nothing of Django can be imported before the private servers run
from __future__ import annotations

import argparse
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import fire, request
from benchmarks.receive import ROOT, _postmaster
from benchmarks.scores import private_servers


SHOPS = 4  # a key each; writes of one shop wait for each other
PEOPLE, GOODS = 500, 50  # of each shop
WHEN = "2026-06-01T12:00:00Z"
KINDS = ("order", "customer", "review", "consent")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=300, help="a round, kind and endpoint")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    os.environ["COTERIE_RECEIVE_PER_MINUTE"] = "60000000"  # throttles are on, and do not bite
    private_servers()
    shops = [_shop(number) for number in range(SHOPS)]
    with _server() as (port, web):
        report = {
            clients: _measure(options, shops, clients=clients, port=port, web=web)
            for clients in options.clients
        }
    _show(report)
    if options.json:
        print(json.dumps(report))
    return 0


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A source with people and goods that are known, and its two keys; numbers are ids of our tables."""

    source: int
    secret: str
    write_key: str
    people: list[int]
    goods: list[int]
    wording: int


# ---------------------------------------------------------------- what is measured
def _measure(
    options: argparse.Namespace, shops: list[Shop], *, clients: int, port: int, web: int
) -> dict[str, Any]:
    """Kind to endpoint to what was seen: medians of requests a second and of CPU (us a request)."""
    seen: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for number in range(options.rounds + 1):
        for kind in options.kinds:
            for name, make in _ENDPOINTS[kind].items():
                messages = [
                    make(shops[next(_numbers) % SHOPS], next(_numbers))
                    for _ in range(options.requests)
                ]
                before = _cpu(web), _cpu(_postmaster())
                load = fire(messages, port=port, connections=clients)
                if load.failed or load.requests != options.requests:
                    raise SystemExit(f"{kind} {name}: {load}")
                spent = _cpu(web) - before[0], _cpu(_postmaster()) - before[1]
                if number:  # the first one only warms up
                    us = [1e6 * seconds / load.requests for seconds in spent]
                    seen.setdefault((kind, name), []).append((load.per_second, us[0], us[1]))
    report: dict[str, Any] = {"load_average": os.getloadavg()[0]}
    for (kind, name), rounds in seen.items():
        rates, web_us, database_us = zip(*rounds, strict=True)
        report.setdefault(kind, {})[name] = {
            "per_second": statistics.median(rates),
            "web_cpu_us": statistics.median(web_us),
            "database_cpu_us": statistics.median(database_us),
        }
    return report


def _cpu(root: int) -> float:
    """CPU seconds of a process and its children (Linux), those that have ended too: connections come and go."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(folder.name) == root:
            total += sum(map(int, fields[11:15]))
        elif int(fields[1]) == root:
            total += sum(map(int, fields[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


# ---------------------------------------------------------------- messages
_numbers = itertools.count()
Make = Callable[[Shop, int], bytes]


def _ours(path: str, body: dict[str, Any], shop: Shop, number: int) -> bytes:
    head = f"Authorization: Bearer {shop.secret}\r\nIdempotency-Key: {os.getpid()}-{number}\r\n"
    message = request(f"/api/v1/{path}", json.dumps(body).encode())
    return message.replace(b"Content-Type:", head.encode() + b"Content-Type:", 1)


def _plain(path: str, body: dict[str, Any]) -> bytes:
    return request(f"/drf/{path}", json.dumps(body).encode())


def _said(shop: Shop, number: int) -> dict[str, Any]:
    """What both are told of an order."""
    return {
        "external_id": f"{os.getpid()}-{number}", "placed_at": WHEN, "currency": "EUR",
        "total_cents": 4200, "status": "PLACED", "channel": "WEB",
    }  # fmt: skip


def _goods(number: int) -> list[int]:
    return [(number + place) % GOODS for place in range(3)]


def _order(shop: Shop, number: int) -> bytes:
    lines = [
        {"product": f"p{place}", "quantity": 2, "unit_price_cents": 700} for place in _goods(number)
    ]
    body = {**_said(shop, number), "customer": f"c{number % PEOPLE}", "lines": lines}
    return _ours("orders", body, shop, number)


def _plain_order(shop: Shop, number: int) -> bytes:
    lines = [
        {
            "line_number": n, "product": shop.goods[place], "quantity": 2, "unit_price_cents": 700,
        } for n, place in enumerate(_goods(number), start=1)
    ]  # fmt: skip
    body = {
        **_said(shop, number), "customer": shop.people[number % PEOPLE], "lines": lines,
        "source": shop.source, "arrived_at": WHEN, "discount_cents": 0, "margin_cents": 1680,
    }  # fmt: skip
    return _plain("orders", body)


def _segment_order(shop: Shop, number: int) -> bytes:
    products = [
        {"product_id": f"p{place}", "quantity": 2, "price": 7.0} for place in _goods(number)
    ]
    name = f"s-{os.getpid()}-{number}"
    body = {
        "type": "track", "event": "Order Completed", "messageId": name,
        "userId": f"c{number % PEOPLE}", "timestamp": WHEN,
        "properties": {"order_id": name, "total": 42.0, "currency": "EUR", "products": products},
    }  # fmt: skip
    return request("/v1/track", json.dumps(body).encode(), key=shop.write_key)


def _person(number: int) -> dict[str, Any]:
    return {
        "external_id": f"n-{os.getpid()}-{number}", "email": f"n{number}@example.com",
        "first_name": "Ada", "last_name": "Lovelace", "country": "GB", "language": "en",
        "joined_at": WHEN, "traits": {"loyalty": "gold"},
    }  # fmt: skip


def _customer(shop: Shop, number: int) -> bytes:
    return _ours("customers", _person(number), shop, number)


def _plain_customer(shop: Shop, number: int) -> bytes:
    more = {"source": shop.source, "email_hmac": f"{number:064x}", "arrived_at": WHEN}
    return _plain("customers", {**_person(number), **more})


def _segment_customer(shop: Shop, number: int) -> bytes:
    body = {
        "type": "identify", "messageId": f"i-{os.getpid()}-{number}", "userId": f"i-{number}",
        "timestamp": WHEN, "traits": {"email": f"i{number}@example.com", "firstName": "Ada"},
    }  # fmt: skip
    return request("/v1/identify", json.dumps(body).encode(), key=shop.write_key)


def _opinion(number: int) -> dict[str, Any]:
    return {
        "external_id": f"{os.getpid()}-{number}", "kind": "REVIEW", "written_at": WHEN, "rating": 4,
        "title": "Good", "text": "The green tea is fresh, the parcel came late.", "language": "en",
    }  # fmt: skip


def _review(shop: Shop, number: int) -> bytes:
    named = {"customer": f"c{number % PEOPLE}", "product": f"p{number % GOODS}"}
    return _ours("reviews", {**_opinion(number), **named}, shop, number)


def _plain_review(shop: Shop, number: int) -> bytes:
    more = {
        "source": shop.source, "customer": shop.people[number % PEOPLE], "arrived_at": WHEN,
        "product": shop.goods[number % GOODS],
    }  # fmt: skip
    return _plain("reviews", {**_opinion(number), **more})


def _segment_review(shop: Shop, number: int) -> bytes:
    name = f"r-{os.getpid()}-{number}"
    body = {
        "type": "track", "event": "Product Reviewed", "messageId": name, "timestamp": WHEN,
        "userId": f"c{number % PEOPLE}",
        "properties": {"product_id": f"p{number % GOODS}", "review_id": name, "rating": 4,
                       "review_body": "The green tea is fresh, the parcel came late."},
    }  # fmt: skip
    return request("/v1/track", json.dumps(body).encode(), key=shop.write_key)


def _consent(shop: Shop, number: int) -> bytes:
    body = {
        "purpose": "MARKETING", "wording": "default-1", "happened_at": WHEN, "method": "checkout",
        "evidence": {"form": "checkout-3"},
    }  # fmt: skip
    path = f"customers/{shop.people[number % PEOPLE]}/consent/grants"
    return _ours(path, body, shop, number)


def _plain_consent(shop: Shop, number: int) -> bytes:
    body = {
        "customer": shop.people[number % PEOPLE], "purpose": "MARKETING", "channel": "EMAIL",
        "act": "GRANTED", "basis": "CONSENT", "wording": shop.wording, "method": "checkout",
        "evidence": {"form": "checkout-3"}, "happened_at": WHEN, "recorded_at": WHEN,
    }  # fmt: skip
    return _plain("consents", body)


_ENDPOINTS: dict[str, dict[str, Make]] = {
    "order": {"ours": _order, "plain DRF": _plain_order, "Segment": _segment_order},
    "customer": {"ours": _customer, "plain DRF": _plain_customer, "Segment": _segment_customer},
    "review": {"ours": _review, "plain DRF": _plain_review, "Segment": _segment_review},
    "consent": {"ours": _consent, "plain DRF": _plain_consent},
}


# ---------------------------------------------------------------- servers
def _shop(number: int) -> Shop:
    """A new shop, beside those of earlier runs."""
    from consent.models import Wording
    from core import clock
    from customers.enums import SourceKind
    from customers.intake import keys
    from customers.models import Customer, Product
    from gateway import keys as api_keys

    now = clock.now()
    name = f"API writes {os.getpid()}.{number}"
    opened = keys.open_source(kind=SourceKind.SEGMENT, name=name, now=now)
    source = opened.source
    _, secret = api_keys.create(
        name=name, now=now, source_ids=[source.pk], per_minute=60_000_000,
        scopes=["customers:write", "customers:pii", "orders:write", "reviews:write", "consent:write"],
    )  # fmt: skip
    people = Customer.objects.bulk_create(
        Customer(source=source, external_id=f"c{n}", joined_at=now, arrived_at=now,
                 email_hmac=f"{number:032x}{n:032x}")
        for n in range(PEOPLE)
    )  # fmt: skip
    goods = Product.objects.bulk_create(
        Product(source=source, external_id=f"p{n}", name=f"Tea {n}") for n in range(GOODS)
    )
    return Shop(
        source=source.pk, secret=secret, write_key=str(opened.write_key),
        people=[row.pk for row in people], goods=[row.pk for row in goods],
        wording=Wording.objects.get(purpose="MARKETING", channel="EMAIL", version="default-1",
                                    language="en").pk,
    )  # fmt: skip


@contextmanager
def _server() -> Iterator[tuple[int, int]]:
    from benchmarks.receive import _wait
    from config.processes import web_arguments

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = web_arguments(
        host="127.0.0.1", port=port, application="benchmarks.api_reference.wsgi:application"
    )
    with subprocess.Popen([sys.executable, *command], cwd=ROOT) as process:  # noqa: S603 - our own command
        try:
            _wait(port, path="/healthz")
            yield port, process.pid
        finally:
            process.terminate()


# ---------------------------------------------------------------- the table
def _show(report: dict[int, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    screen = Console()
    for clients, kinds in report.items():
        load = kinds.pop("load_average")
        head = f"{clients} clients, {SHOPS} shops" if clients > 1 else "1 client"
        table = Table(title=f"{head}, load {load:.1f}")
        for column in ("write", "writes/s", "web CPU µs", "database CPU µs", "ours is"):
            table.add_column(column, justify="left" if column == "write" else "right")
        for kind, rows in kinds.items():
            ours = rows["ours"]["per_second"]
            for name, row in rows.items():
                table.add_row(
                    f"{kind}: {name}", f"{row['per_second']:,.0f}", f"{row['web_cpu_us']:,.0f}",
                    f"{row['database_cpu_us']:,.0f}",
                    "" if name == "ours" else f"{ours / row['per_second']:.2f} times",
                )  # fmt: skip
        screen.print(table)
        for kind, rows in kinds.items():
            ratio = rows["ours"]["per_second"] / rows["plain DRF"]["per_second"]
            screen.print(f"goal, {kind}: at least 1.0 of plain DRF: "
                         f"{'met' if ratio >= 1 else 'MISSED'} ({ratio:.2f})")  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
