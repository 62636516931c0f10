"""A real HTTP server plays the shop's REST API."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from customers import tasks
from customers.enums import InboundStatus, SourceKind
from customers.intake.reading import read_due
from customers.models import Customer, InboundRequest, Order, Product, Refund, Review, Source
from customers.sources.egress import TargetRefusedError
from customers.sources.woocommerce import pull
from tests.customers.sources.servers import reply, serving
from tests.customers.sources.woocommerce import payloads
from tests.factories.customers import SourceFactory


NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + pull.EVERY
KEY = {"consumer_key": "ck_1", "consumer_secret": "cs_1"}


class Shop:
    """The lists of WooCommerce's REST API, with its filters, pages and Basic key."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {
            "products": [payloads.product()],
            "customers": [payloads.customer()],
            "orders": [payloads.order(refunds=[payloads.refund()])],
            "products/reviews": [payloads.review()],
        }
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.fails: dict[int, int] = {}
        """Number of a request, from 1, to the status it is answered with."""
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        resource = parts.path.removeprefix("/wp-json/wc/v3/")
        self.asked.append((resource, query))
        if status := self.fails.get(len(self.asked)):
            return reply(handler, b"<h1>No</h1>", status=status)
        wanted = base64.b64encode(b"ck_1:cs_1").decode()
        if handler.headers["Authorization"] != f"Basic {wanted}":
            return reply(handler, b'{"code": "woocommerce_rest_cannot_view"}', status=401)
        found = list(self.objects[resource])
        if after := query.get("modified_after"):
            assert query["dates_are_gmt"] == "true"
            if resource != "customers":  # which knows no such filter, and ignores it
                found = [one for one in found if one["date_modified_gmt"] > after]
        size, page = int(query["per_page"]), int(query["page"])
        body = json.dumps(found[(page - 1) * size : page * size]).encode()
        pages = str(-(-len(found) // size))
        return reply(
            handler, body, headers={"X-WP-TotalPages": pages, "X-WP-Total": str(len(found))}
        )

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def open_shop() -> Iterator[Shop]:
    shop = Shop()
    with serving(shop.answer) as (port, _):
        shop.url = f"http://127.0.0.1:{port}"
        yield shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as found:
        yield found


@pytest.fixture
def source(shop: Shop) -> Source:
    found: Source = SourceFactory(kind=SourceKind.WOOCOMMERCE, settings={"language": "en"})
    pull.connect(found, url=f"{shop.url}/", **KEY, allow_private=True)
    return found


def fetch(source: Source, *, now: datetime = NOW, seconds: float = 60) -> pull.Pulled:
    return pull.pull(source, now=now, allow_private=True, seconds=seconds)


def topics() -> list[str]:
    return list(InboundRequest.objects.order_by("pk").values_list("topic", flat=True))


@pytest.mark.django_db
def test_pull_lands_every_kind_and_the_reader_takes_it_in(shop: Shop, source: Source) -> None:
    assert fetch(source) == pull.Pulled(landed=4, finished=True)
    assert shop.paths == ["products", "customers", "orders", "products/reviews"]
    assert topics() == [
        "pull.product.updated", "pull.customer.updated", "pull.order.updated", "pull.review.updated"
    ]  # fmt: skip
    read_due(now=NOW)
    assert set(InboundRequest.objects.values_list("status", flat=True)) == {InboundStatus.DONE}
    customer, order = Customer.objects.get(), Order.objects.get()
    assert (customer.external_id, customer.email) == ("25", "grace@example.com")
    assert (order.customer, order.status, order.total_cents) == (customer, "PLACED", 2632)
    assert Refund.objects.get().amount_cents == 500
    review = Review.objects.get()
    assert (review.customer, review.product, review.rating) == (customer, Product.objects.get(), 5)
    assert (review.text, review.language) == ("Wonderful & mild.\nAgain!", "en")


@pytest.mark.django_db
def test_pull_again_lands_only_what_changed(shop: Shop, source: Source) -> None:
    fetch(source)
    shop.asked.clear()
    assert fetch(source, now=LATER) == pull.Pulled(landed=0, finished=True)
    since = {path: query.get("modified_after") or query.get("after") for path, query in shop.asked}
    begun = NOW - timedelta(minutes=10)
    assert since == {
        "products": f"{begun:%Y-%m-%dT%H:%M:%S}",
        "customers": f"{begun:%Y-%m-%dT%H:%M:%S}",
        "orders": f"{begun:%Y-%m-%dT%H:%M:%S}",
        "products/reviews": f"{NOW - timedelta(days=30):%Y-%m-%dT%H:%M:%S}",
    }
    shop.objects["orders"].append(
        payloads.order(id=728, date_modified_gmt="2026-06-01T12:20:00", status="completed")
    )
    shop.objects["products/reviews"].append(payloads.review(2))
    assert fetch(source, now=LATER + pull.EVERY).landed == 2
    assert topics()[4:] == ["pull.order.updated", "pull.review.updated"]


@pytest.mark.django_db
def test_pull_reads_every_page(shop: Shop, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "PER_PAGE", 2)
    shop.objects["orders"] = [payloads.order(id=number) for number in range(1, 6)]
    assert fetch(source).landed == 8
    assert shop.paths.count("orders") == 3
    assert [query["page"] for path, query in shop.asked if path == "orders"] == ["1", "2", "3"]


@pytest.mark.django_db
def test_pull_goes_on_where_it_stopped(
    shop: Shop, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "PER_PAGE", 2)
    shop.objects["orders"] = [payloads.order(id=number) for number in range(1, 6)]
    shop.fails = {4: 503}  # products, customers, the first page of orders, and then
    stopped = fetch(source)
    assert (stopped.landed, stopped.finished) == (4, False)
    assert "503" in stopped.error
    source.refresh_from_db()
    assert source.settings["pull_state"]["page"] == 2
    assert not pull.is_due(source, now=NOW + timedelta(minutes=1)), (
        "a shop in trouble is left alone"
    )
    assert pull.is_due(source, now=LATER)
    shop.asked.clear()
    assert fetch(Source.objects.get(pk=source.pk), now=LATER) == pull.Pulled(
        landed=4, finished=True
    )
    assert [query["page"] for path, query in shop.asked if path == "orders"] == ["2", "3"]
    assert shop.paths[0] == "orders"
    source.refresh_from_db()
    assert "error" not in source.settings["pull_state"]
    # what changed while it had stopped is not older than what the next pull asks for
    assert (
        source.settings["pull_state"]["since"]["orders"]
        == (NOW - timedelta(minutes=10)).isoformat()
    )


@pytest.mark.django_db
def test_pull_stops_when_its_time_is_up_and_is_due_again_at_once(
    shop: Shop, source: Source
) -> None:
    assert fetch(source, seconds=0) == pull.Pulled(landed=0, finished=False)
    assert shop.asked == []
    assert pull.pull_due(now=NOW, allow_private=True, seconds=0) == 0
    assert pull.pull_due(now=NOW, allow_private=True, seconds=60) == 4
    source.refresh_from_db()
    assert not pull.is_due(source, now=LATER - timedelta(seconds=1))
    assert pull.is_due(source, now=LATER)


@pytest.mark.django_db
def test_pull_stops_at_the_first_page_of_customers_that_are_all_known(
    shop: Shop, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "PER_PAGE", 2)
    shop.objects["customers"] = [payloads.customer(id=number) for number in range(9, 1, -1)]
    fetch(source)
    assert shop.paths.count("customers") == 4, "at first all"
    shop.asked.clear()
    shop.objects["customers"].insert(0, payloads.customer(id=10))
    assert fetch(source, now=LATER).landed == 1
    assert shop.paths.count("customers") == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "meaning"),
    [(301, "redirects"), (401, "does not know the REST key"), (403, "may not read"),
     (404, "no WooCommerce REST API"), (429, "429"), (500, "500"), (200, "no JSON")],
)  # fmt: skip
def test_pull_says_what_is_wrong(shop: Shop, source: Source, status: int, meaning: str) -> None:
    shop.fails = {1: status}
    assert meaning in fetch(source).error
    source.refresh_from_db()
    assert meaning in source.settings["pull_state"]["error"]
    assert InboundRequest.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"{}", b"7", b"null", b"[" * 100_000, b"\xff", b""])
def test_pull_survives_an_answer_that_is_no_page(body: bytes) -> None:
    source = SourceFactory(kind=SourceKind.WOOCOMMERCE)
    with serving(lambda handler: reply(handler, body)) as (port, _):
        pull.connect(source, url=f"http://127.0.0.1:{port}", **KEY, allow_private=True)
        assert "The shop's answer is no" in fetch(source).error


@pytest.mark.django_db
def test_objects_that_are_none_are_rejected_and_seen(shop: Shop, source: Source) -> None:
    shop.objects["orders"] = [payloads.order(), payloads.order(id=728, total="a lot")]
    shop.objects["products/reviews"] = ["what?"]  # type: ignore[list-item] # a plug-in's doing
    fetch(source)
    read_due(now=NOW)
    rejected = InboundRequest.objects.filter(status=InboundStatus.REJECTED).order_by("pk")
    assert [(one.topic, one.reason) for one in rejected] == [
        ("pull.order.updated", "bad_price"), ("pull.review.updated", "not_an_object")
    ]  # fmt: skip
    assert Order.objects.count() == 1


@pytest.mark.django_db
def test_a_webhook_and_a_pull_of_one_order_are_one_order(shop: Shop, source: Source) -> None:
    old = shop.objects["orders"][0]
    shop.objects["orders"] = [
        {**old, "status": "completed", "date_modified_gmt": "2026-05-21T00:00:00"}
    ]
    fetch(source)
    InboundRequest.objects.create(
        source=source, topic="order.updated", received_at=NOW, body=json.dumps(old).encode()
    )
    read_due(now=NOW)
    order = Order.objects.get()
    assert order.changed_at == datetime(2026, 5, 21, tzinfo=UTC), "the older webhook came last"
    assert Refund.objects.count() == 1


@pytest.mark.django_db
def test_connect_keeps_the_key_sealed_and_refuses_our_own_network(source: Source) -> None:
    source.refresh_from_db()
    assert "cs_1" not in json.dumps(source.settings)
    assert source.settings["language"] == "en", "the other settings stay"
    for url in ("http://127.0.0.1:1/", "https://user:pw@shop.example", "shop.example"):
        with pytest.raises(TargetRefusedError):
            pull.connect(source, url=url, **KEY)
    with pytest.raises(ValueError, match="two parts"):
        pull.connect(source, url="https://shop.example", consumer_key="ck_1", consumer_secret=" ")
    with pytest.raises(ValueError, match="no WooCommerce shop"):
        pull.connect(SourceFactory(), url="https://shop.example", **KEY)


@pytest.mark.django_db
def test_pull_goes_to_no_private_address_unless_allowed(shop: Shop, source: Source) -> None:
    found = pull.pull(source, now=NOW, seconds=60)
    assert "https://" in found.error
    assert shop.asked == []


@pytest.mark.django_db
def test_a_key_that_cannot_be_opened_is_asked_for_again(source: Source, settings: Settings) -> None:
    settings.SOURCE_KEY = b"another key"
    assert "Enter it again" in fetch(source).error


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_pull_one_shop(shop: Shop, source: Source) -> None:
    with pull._alone(source) as first:
        assert first
        # the same session may take its own lock again; another one may not
        held = connection.connection
        connection.connection = None
        try:
            assert fetch(source).busy
        finally:
            connection.close()
            connection.connection = held
    assert shop.asked == []
    assert fetch(source).finished


# ---------------------------------------------------------------- the task and the command
@pytest.mark.django_db
def test_the_task_pulls_what_is_due(shop: Shop, source: Source, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_TARGETS = True
    SourceFactory(kind=SourceKind.WOOCOMMERCE)  # without a key: nothing to do
    tasks.pull_shops()
    tasks.pull_shops()
    assert len(shop.asked) == 4
    assert InboundRequest.objects.count() == 4


@pytest.mark.django_db
def test_the_command_keeps_a_key_and_pulls(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOW_PRIVATE_TARGETS = True
    SourceFactory(kind=SourceKind.WOOCOMMERCE, name="Tea")
    out = io.StringIO()
    with pytest.raises(CommandError, match="--url"):
        call_command("pull_shop", "Tea", stdout=out)
    with pytest.raises(CommandError, match="no source"):
        call_command("pull_shop", "Coffee", stdout=out)
    monkeypatch.setattr("sys.stdin", io.StringIO("ck_1\nwrong\n"))
    with pytest.raises(CommandError, match="does not know the REST key"):
        call_command("pull_shop", "Tea", url=shop.url, stdout=out)
    monkeypatch.setattr("sys.stdin", io.StringIO("ck_1\ncs_1\n"))
    call_command("pull_shop", "Tea", url=shop.url, json=True, stdout=out)
    assert json.loads(out.getvalue().splitlines()[-1]) == {"landed": 4}
    call_command("pull_shop", "Tea", json=True, stdout=out)
    assert json.loads(out.getvalue().splitlines()[-1]) == {"landed": 0}
