from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core import clock
from customers import events, queries
from customers.enums import EventKind
from customers.events import EventRow
from customers.ingest import load
from customers.models import Customer, Event, Order, Source
from customers.sources import simulated_shop
from customers.sources.base import ShopBatch, SourceError
from customers.sources.simulation.parameters import ShopParameters
from customers.tasks import answer_simulated
from tests.customers.batches import MOMENT, batch
from tests.factories.customers import CustomerFactory, SourceFactory


pytestmark = pytest.mark.django_db
STARTS = datetime(2026, 3, 1, tzinfo=UTC)


def _create(name: str = "Shop", customers: int = 400) -> Source:
    source, _ = simulated_shop.create(
        name=name,
        parameters=ShopParameters.load("regulars"),
        customers=customers,
        seed=5,
        starts_at=STARTS,
        now=STARTS,
    )
    return source


def _deliver(source: Source, *, at: datetime, discount_percent: int = 5) -> int:
    rows = [
        EventRow(
            customer_id=customer.pk,
            kind=EventKind.DELIVERED,
            happened_at=at,
            arrived_at=at,
            external_id=f"delivery:{customer.pk}:DELIVERED",
            campaign_id=1,
            delivery_id=customer.pk,
            properties={"discount_percent": discount_percent},
        )
        for customer in source.customers.all()
    ]
    return events.record_many(rows)


def test_create_imports_the_past_once() -> None:
    source = _create()
    before = queries.totals(source=source)
    assert before["customers"] == 400
    assert before["orders"] > 400
    assert source.outcomes_simulated
    assert Order.objects.filter(placed_at__gte=STARTS).count() == 0
    assert _create() == source
    assert queries.totals(source=source) == before


def test_create_refuses_the_name_of_another_shop() -> None:
    _create()
    with pytest.raises(ValueError, match="Choose another --name"):
        _create(customers=401)


def test_past_has_consents_that_the_ledger_of_consent_understands() -> None:
    source = _create()
    given = Event.objects.filter(kind=EventKind.CONSENT_GIVEN)
    said = {
        (e.properties["purpose"], e.properties["channel"], e.properties["wording"]) for e in given
    }
    assert said == {
        ("MARKETING", "EMAIL", "default-1"), ("PROFILING", "ANY", "default-1"),
        ("RECOMMENDATIONS", "ANY", "default-1"), ("CLICK_TRACKING", "ANY", "default-1"),
    }  # fmt: skip
    agreed = given.filter(properties__purpose="MARKETING").count()
    assert 0.8 * 400 < agreed < 400 == source.customers.count()


def test_answer_comes_in_through_the_front_door_and_moves_on() -> None:
    source = _create()
    assert _deliver(source, at=STARTS + timedelta(hours=9)) == 400
    report = simulated_shop.answer(source, now=STARTS + timedelta(days=14))
    assert report is not None
    assert report.rejected == {}
    answered = Event.objects.filter(campaign_id=1).exclude(kind=EventKind.DELIVERED)
    assert answered.exists()
    assert all(event.delivery_id == event.customer_id for event in answered)
    placed = Order.objects.filter(placed_at__gte=STARTS)
    assert placed.exists()
    assert all(
        order.arrived_at == order.placed_at < STARTS + timedelta(days=14) for order in placed
    )
    assert queries.known_until(now=STARTS + timedelta(days=30)) == STARTS + timedelta(days=14)
    assert simulated_shop.answer(source, now=STARTS + timedelta(days=14, hours=5)) is None


def test_answer_in_two_steps_is_the_answer_in_one() -> None:
    one, two = _create("One"), _create("Two")
    for source in (one, two):
        for customer in source.customers.all():
            events.record(
                source=None, customer_id=customer.pk, kind=EventKind.DELIVERED,
                happened_at=STARTS + timedelta(hours=9), arrived_at=STARTS, campaign_id=1,
                external_id=f"d{customer.pk}", delivery_id=int(customer.external_id[1:]),
            )  # fmt: skip
    simulated_shop.answer(one, now=STARTS + timedelta(days=14))
    simulated_shop._built.cache_clear()  # another process, which has never seen the world
    for day in (3, 14):
        simulated_shop.answer(two, now=STARTS + timedelta(days=day))
    sales = [
        sorted(source.orders.values_list("external_id", "total_cents", "placed_at"))
        for source in (one, two)
    ]
    assert sales[0] == sales[1]
    happened = [
        sorted(source.events.values_list("external_id", "kind", "happened_at"))
        for source in (one, two)
    ]
    assert happened[0] == happened[1]


def test_mails_bring_vouchers() -> None:
    source = _create()
    _deliver(source, at=STARTS + timedelta(hours=9), discount_percent=50)
    simulated_shop.answer(source, now=STARTS + timedelta(days=10))
    later = Order.objects.filter(placed_at__gte=STARTS + timedelta(days=1))
    assert later.exists()
    assert all(order.discount_cents >= order.total_cents * 0.9 for order in later)


def test_task_answers_for_every_simulated_shop_by_the_shops_clock(home: Path) -> None:
    simulated, real = _create(), SourceFactory()
    clock.set_now(STARTS + timedelta(days=2))
    answer_simulated(unknown_argument_of_a_newer_version=1)
    simulated.refresh_from_db()
    assert simulated.settings["answered_until"] >= int(STARTS.timestamp()) + 2 * 86_400
    assert not real.imports.exists()


def _regular_customers(count: int) -> ShopBatch:
    """Each with three orders five weeks apart: two of the same two products, the last of postage alone."""
    people = [f"c{n:03}" for n in range(count)]
    return batch(
        customers=[{"external_id": name} for name in people],
        products=[{}, {"external_id": "p2"}, {"external_id": "POST", "is_product": False}],
        orders=[
            {"external_id": f"{name}-{n}", "customer_external_id": name, "currency": "GBP",
             "placed_at": MOMENT - 35 * 86_400 * (2 - n)}
            for name in people for n in range(3)
        ],
        order_lines=[
            {"order_external_id": f"{name}-{n}", "line_number": line, "product_external_id": product}
            for name in people
            for n, line, product in (
                (0, 1, "p1"), (0, 2, "p2"), (0, 3, "POST"), (1, 1, "p1"), (1, 2, "p2"), (2, 1, "POST"),
            )
        ],
        refunds=[], reviews=[], events=[],
    )  # fmt: skip


def test_lay_over_answers_for_real_customers(now: datetime) -> None:
    source = SourceFactory()
    load(_regular_customers(100), source=source, now=now)
    simulated_shop.lay_over(source, parameters=ShopParameters.load("regulars"), seed=1)
    starts = datetime.fromtimestamp((MOMENT // 86_400 + 1) * 86_400, tz=UTC)
    assert (source.outcomes_simulated, source.settings["starts_at"]) == (True, starts.timestamp())
    assert queries.known_until(now=now) == min(starts, now)
    real = list(Order.objects.values_list("pk", flat=True))
    _deliver(source, at=starts + timedelta(hours=9))
    report = simulated_shop.answer(source, now=starts + timedelta(days=100))
    assert report is not None
    assert report.rejected == {}
    drawn = Order.objects.exclude(pk__in=real)
    assert drawn.count() > 20
    assert {order.currency for order in drawn} == {"GBP"}
    # what they bought before of real products; postage alone is no example of an order
    basket = [("p1", 2, 1000), ("p2", 2, 1000)]
    for order in drawn:
        lines = order.lines.order_by("line_number")
        assert (
            list(lines.values_list("product__external_id", "quantity", "unit_price_cents"))
            == basket
        )
        # after the voucher's share is gone, 40 % of the list price is earned
        assert order.margin_cents == order.total_cents - 2400
    assert drawn.filter(discount_cents=200).exists()
    # done again, nothing changes
    source.refresh_from_db()
    settings = dict(source.settings)
    simulated_shop.lay_over(source, parameters=ShopParameters.load("sparse"), seed=2)
    assert source.settings == settings


def test_true_profit_knows_every_customer(now: datetime) -> None:
    source = SourceFactory()
    load(_regular_customers(50), source=source, now=now)
    stranger = CustomerFactory(source=source)
    simulated_shop.lay_over(source, parameters=ShopParameters.load("regulars"), seed=1)
    at = datetime.fromtimestamp(source.settings["starts_at"], tz=UTC)
    truth = simulated_shop.true_profit(source, at=at)
    assert set(truth) == set(source.customers.values_list("pk", flat=True))
    assert truth[stranger.pk] == -ShopParameters.load("regulars").mail.contact_cost_cents
    assert len(set(truth.values())) > 10


def test_lay_over_needs_orders(now: datetime) -> None:
    source = SourceFactory()
    CustomerFactory(source=source)
    with pytest.raises(SourceError, match="no customers' orders"):
        simulated_shop.lay_over(source, parameters=ShopParameters.load("regulars"), seed=1)


def test_lay_over_leaves_the_erased_alone(now: datetime) -> None:
    source = SourceFactory()
    load(batch(orders=[{}, {"external_id": "o2", "customer_external_id": "c2"}],
               customers=[{}, {"external_id": "c2"}],
               order_lines=[{}, {"order_external_id": "o2"}], refunds=[]), source=source, now=now)  # fmt: skip
    simulated_shop.lay_over(source, parameters=ShopParameters.load("regulars"), seed=1)
    Customer.objects.filter(external_id="c2").update(erased_at=now)
    until = datetime.fromtimestamp(source.settings["starts_at"], tz=UTC) + timedelta(days=700)
    simulated_shop.answer(source, now=until)
    assert Order.objects.filter(customer__external_id="c1").count() > 1
    assert Order.objects.filter(customer__external_id="c2").count() == 1
