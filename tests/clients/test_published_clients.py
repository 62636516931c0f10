"""
The published clients, unmodified, against the real web server and worker: only their host is changed.

What each says is written in its own script, in its own language; nothing of it may be lost or counted twice
on its way into the tables.
"""

from __future__ import annotations

import mimetypes
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import Route

from config.processes import Processes
from core import clock
from customers.enums import InboundStatus, SourceKind
from customers.intake import keys
from customers.models import Customer, Event, InboundRequest, Order, RejectedRow, VisitorEvent
from tests.browser import chromium
from tests.clients import installed
from tests.stories.conftest import processes  # noqa: F401 - a fixture


HERE = Path(__file__).parent
PATIENCE = 60.0
pytestmark = pytest.mark.story


@dataclass(frozen=True)
class Shop:
    host: str
    """Of the running server, with its scheme."""
    opened: keys.Opened

    @property
    def key(self) -> str:
        assert self.opened.write_key
        return self.opened.write_key


@pytest.fixture
def shop(processes: Processes) -> Iterator[Shop]:  # noqa: F811
    """A source of Segment's kind and the processes that take its data in."""
    opened = keys.open_source(kind=SourceKind.SEGMENT, name="Clients", now=clock.now())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes.start_worker_and_beat()
    host = processes.start_web(port=port)
    return Shop(host=host, opened=opened)


def wait_until_read(*, events: int) -> None:
    """Until the worker has read every request and the ledger has so many events."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        unread = InboundRequest.objects.filter(status=InboundStatus.RECEIVED).exists()
        if not unread and Event.objects.exclude(kind="MERGED").count() >= events:
            return
        time.sleep(0.2)
    states = Counter(InboundRequest.objects.values_list("topic", "status", "reason"))
    pytest.fail(f"{Event.objects.count()} events of {events}; requests {states}")


def counts_add_up() -> Counter[str]:
    told: Counter[str] = Counter()
    for request in InboundRequest.objects.all():
        assert request.items == request.accepted + request.duplicates + request.rejected
        told.update(items=request.items, duplicates=request.duplicates, rejected=request.rejected)
    return told


def everything_arrived(prefix: str, *, levels: int) -> None:
    customer = Customer.objects.get(merged_into=None)
    assert (customer.external_id, customer.email) == (f"{prefix}-user", f"{prefix}@example.com")
    assert (customer.first_name, customer.traits["tier"]) == ("Ada", 2)
    kinds = Counter(Event.objects.filter(customer=customer).values_list("kind", flat=True))
    del kinds["MERGED"]
    assert kinds == {"SITE_VISIT": 2, "PRODUCT_VIEW": 1, "CART": 1, "OTHER": levels}
    said = Event.objects.filter(name="Level Reached").values_list("properties__level", flat=True)
    assert sorted(said) == list(range(levels))
    order = Order.objects.get()
    assert (order.external_id, order.total_cents, order.customer) == (f"{prefix}-1", 3000, customer)
    assert order.lines.get().quantity == 3
    assert VisitorEvent.objects.count() == 0


PYTHON: dict[str, list[str]] = {
    "segment-analytics-python": ["send_segment_python.py", "plain"],
    "segment-analytics-python, gzip": ["send_segment_python.py", "gzip"],
    "rudder-sdk-python": ["send_rudder_python.py"],
}
NODE = {
    "@segment/analytics-node": "send_segment_node.mjs",
    "@rudderstack/rudder-sdk-node": "send_rudder_node.mjs",
}


def run(*command: str) -> None:
    done = subprocess.run(
        command, check=False, cwd=HERE, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", PYTHON.values(), ids=PYTHON)
def test_client_in_python_loses_nothing(shop: Shop, script: list[str]) -> None:
    name, *packing = script
    run(sys.executable, name, shop.host, shop.key, "py", *packing)
    wait_until_read(events=254)
    everything_arrived("py", levels=250)
    assert counts_add_up() == {"items": 258, "duplicates": 1, "rejected": 0}


@pytest.mark.parametrize("script", NODE.values(), ids=NODE)
def test_client_in_node_loses_nothing(shop: Shop, script: str) -> None:
    installed.node_modules()
    run(shutil.which("node") or "node", script, shop.host, shop.key, "js")
    wait_until_read(events=254)
    everything_arrived("js", levels=250)
    assert counts_add_up() == {"items": 258, "duplicates": 1, "rejected": 0}


@pytest.fixture
def tell(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A page of the shop that loads analytics.js from its own host, in Chromium, and uses this key."""
    scripts = installed.node_modules() / "@segment/analytics-next/dist/umd"
    # playwright keeps an event loop running in this thread; Django would take us for a coroutine
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

    def serve(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        path = scripts / name if name else HERE / "page.html"
        route.fulfill(path=path, content_type=mimetypes.guess_type(path)[0])

    with chromium.browser(chromium.executable()) as browser:
        page = browser.new_page()
        page.route("http://shop.localhost/**", serve)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))

        def use(key: str) -> None:
            page.goto("http://shop.localhost/")
            host = shop.host.removeprefix("http://")
            page.evaluate(
                "told => window.tell(told)", {"host": host, "writeKey": key, "prefix": "web"}
            )
            page.wait_for_load_state("networkidle")

        yield use
        connection.close()  # opened while playwright's loop ran
    assert errors == []


@pytest.mark.browser
def test_client_in_the_browser_loses_nothing(shop: Shop, tell: Callable[[str], None]) -> None:
    tell(shop.key)
    wait_until_read(events=24)
    everything_arrived("web", levels=20)
    assert counts_add_up() == {"items": 28, "duplicates": 1, "rejected": 0}


@pytest.mark.browser
def test_client_in_the_browser_may_tell_behaviour_only(
    shop: Shop, tell: Callable[[str], None]
) -> None:
    assert shop.opened.browser_key
    tell(shop.opened.browser_key)
    wait_until_read(events=24)
    customer = Customer.objects.get()
    assert (customer.external_id, customer.email, customer.traits) == ("web-user", "", {})
    assert Event.objects.filter(customer=customer).count() == 24
    assert Order.objects.count() == 0
    refused = RejectedRow.objects.values_list("reason", flat=True)
    assert list(refused) == ["browser_key_may_not"] * 2, "the order and the alias"
    assert counts_add_up() == {"items": 28, "duplicates": 1, "rejected": 2}
