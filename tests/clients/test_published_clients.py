"""
The published clients, unmodified, against the real web server and worker: only their host is changed.

What each says is written in its own script, in its own language; nothing of it may be lost or counted twice
on its way into the tables.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from config.processes import Processes
from core import clock
from customers.enums import InboundStatus, SourceKind
from customers.intake import keys
from customers.models import (
    Customer,
    Event,
    InboundRequest,
    Order,
    RejectedRow,
    Source,
    VisitorEvent,
)
from tests.browser import chromium
from tests.clients import installed
from tests.ports import free_port
from tests.stories.conftest import processes  # noqa: F401 - a fixture


HERE = Path(__file__).parent
PATIENCE = 180.0  # four workers, beat, web and three clients start at once
pytestmark = pytest.mark.story


@pytest.fixture
def host(processes: Processes) -> str:  # noqa: F811
    """The address of a running server; a worker reads what it receives."""
    address = processes.start_web(port=free_port())
    processes.start_worker_and_beat()
    return address


def sources(*names: str) -> dict[str, keys.Opened]:
    """A source for each client, by name, so that the same ids may come from all."""
    return {
        name: keys.open_source(kind=SourceKind.SEGMENT, name=name, now=clock.now())
        for name in names
    }


def wait_until_read(source: Source, *, items: int) -> None:
    """Until the worker has read so many items of the source, and nothing is unread."""
    deadline = time.monotonic() + PATIENCE
    requests = InboundRequest.objects.filter(source=source)
    while time.monotonic() < deadline:
        unread = requests.filter(status=InboundStatus.RECEIVED).exists()
        if not unread and sum(requests.values_list("items", flat=True)) >= items:
            return
        time.sleep(0.2)
    states = Counter(requests.values_list("topic", "status", "items"))
    pytest.fail(f"{source} was not read within {PATIENCE} s: {states}")


def account(source: Source) -> dict[str, int]:
    """Items, duplicates and rejected ones of all requests, which add up in each."""
    told = {"items": 0, "duplicates": 0, "rejected": 0}
    for request in InboundRequest.objects.filter(source=source):
        assert request.items == request.accepted + request.duplicates + request.rejected
        for name in told:
            told[name] += getattr(request, name)
    return told


def everything_arrived(source: Source, *, prefix: str, levels: int) -> None:
    customer = Customer.objects.get(source=source, merged_into=None)
    assert (customer.external_id, customer.email) == (f"{prefix}-user", f"{prefix}@example.com")
    assert (customer.first_name, customer.traits["tier"]) == ("Ada", 2)
    events = Event.objects.filter(source=source, customer=customer)
    kinds = Counter(events.values_list("kind", flat=True))
    assert kinds == {"SITE_VISIT": 2, "PRODUCT_VIEW": 1, "CART": 1, "OTHER": levels}
    said = events.filter(name="Level Reached").values_list("properties__level", flat=True)
    assert sorted(said) == list(range(levels))
    order = Order.objects.get(source=source)
    assert (order.external_id, order.total_cents, order.customer) == (f"{prefix}-1", 3000, customer)
    assert order.lines.get().quantity == 3
    assert not VisitorEvent.objects.filter(source=source).exists()


PYTHON = {
    "segment-analytics-python": [sys.executable, "send_segment_python.py"],
    "segment-analytics-python, gzip": [sys.executable, "send_segment_python.py", "gzip"],
    "rudder-sdk-python": [sys.executable, "send_rudder_python.py"],
}
NODE = {
    "@segment/analytics-node": "send_segment_node.mjs",
    "@rudderstack/rudder-sdk-node": "send_rudder_node.mjs",
}


def send_and_check(host: str, clients: dict[str, list[str]]) -> None:
    """All clients at once, each with a source and people of its own."""
    opened = sources(*clients)
    prefixes = {name: f"shop{number}" for number, name in enumerate(clients)}
    running = {}
    for name, (program, script, *rest) in clients.items():
        key = opened[name].write_key
        assert key
        running[name] = subprocess.Popen(
            [program, script, host, key, prefixes[name], *rest],
            cwd=HERE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    for name, client in running.items():
        _, complaint = client.communicate(timeout=PATIENCE)
        assert client.returncode == 0, f"{name}: {complaint}"
    for name in clients:
        source = opened[name].source
        wait_until_read(source, items=258)
        assert account(source) == {"items": 258, "duplicates": 1, "rejected": 0}, name
        everything_arrived(source, prefix=prefixes[name], levels=250)


def test_clients_in_python_lose_nothing(host: str) -> None:
    send_and_check(host, PYTHON)


def test_clients_in_node_lose_nothing(host: str) -> None:
    installed.node_modules()
    node = shutil.which("node") or "node"
    send_and_check(host, {name: [node, script] for name, script in NODE.items()})


@pytest.fixture
def shop_page(tmp_path: Path) -> Iterator[str]:
    """A page of the shop with analytics.js, on an origin that is not the server's."""
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(HERE / "page.html", folder / "index.html")
    (folder / "umd").symlink_to(installed.node_modules() / "@segment/analytics-next/dist/umd")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.browser
def test_client_in_the_browser_loses_nothing_that_its_key_may_say(
    host: str, shop_page: str
) -> None:
    (opened,) = sources("analytics-next").values()
    source = opened.source
    told = {"host": host.removeprefix("http://"), "writeKey": opened.browser_key, "prefix": "web"}
    errors: list[str] = []
    with chromium.browser(chromium.executable()) as browser:
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(shop_page)
        page.evaluate("told => window.tell(told)", told)
        page.wait_for_load_state("networkidle")
    assert errors == []
    wait_until_read(source, items=28)
    assert account(source) == {"items": 28, "duplicates": 1, "rejected": 2}
    refused = RejectedRow.objects.filter(inbound__source=source)
    assert [(row.reason, row.inbound.topic) for row in refused.order_by("inbound_id")] == [
        ("browser_key_may_not", "track"),
        ("browser_key_may_not", "alias"),
    ], "the order and the alias are kept, and not believed"
    customer = Customer.objects.get(source=source)
    assert (customer.external_id, customer.email, customer.traits) == ("web-user", "", {})
    kinds = Counter(Event.objects.filter(customer=customer).values_list("kind", flat=True))
    assert kinds == {"SITE_VISIT": 2, "CART": 1, "PRODUCT_VIEW": 1, "OTHER": 20}
    assert not Order.objects.filter(source=source).exists()
