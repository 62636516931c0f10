"""Factories of shop data: one a model, with the least that is valid."""

from __future__ import annotations

from datetime import UTC, datetime

import factory
from django.conf import settings

from core import ids
from customers.enums import EventKind, OrderStatus, SourceKind
from customers.models import Customer, Event, Order, OrderLine, Product, Review, Source


NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class SourceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Source

    kind = SourceKind.CSV
    name = factory.Sequence(lambda n: f"Shop {n}")
    created_at = NOW


class CustomerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Customer

    source = factory.SubFactory(SourceFactory)
    external_id = factory.Sequence(lambda n: f"c{n}")
    email = factory.LazyAttribute(lambda c: f"{c.external_id}@example.com")
    email_hmac = factory.LazyAttribute(
        lambda c: ids.address_hmac(c.email, pepper=settings.SUPPRESSION_PEPPER) if c.email else ""
    )
    first_name = "Ada"
    last_name = factory.Sequence(lambda n: f"Number {n}")
    country = "DE"
    language = "en"
    joined_at = NOW
    arrived_at = NOW


class ProductFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Product

    source = factory.SubFactory(SourceFactory)
    external_id = factory.Sequence(lambda n: f"p{n}")
    name = factory.Sequence(lambda n: f"Product {n}")
    category = "Tea"
    price_cents = 1000
    cost_cents = 600


class OrderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Order

    customer = factory.SubFactory(CustomerFactory)
    source = factory.SelfAttribute("customer.source")
    external_id = factory.Sequence(lambda n: f"o{n}")
    status = OrderStatus.PLACED
    placed_at = NOW
    arrived_at = NOW
    currency = "EUR"
    total_cents = 2000
    margin_cents = 800


class OrderLineFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = OrderLine

    order = factory.SubFactory(OrderFactory)
    line_number = factory.Sequence(lambda n: n + 1)
    product = factory.SubFactory(ProductFactory, source=factory.SelfAttribute("..order.source"))
    quantity = 2
    unit_price_cents = 1000
    cost_cents = 600


class ReviewFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Review

    customer = factory.SubFactory(CustomerFactory)
    source = factory.SelfAttribute("customer.source")
    external_id = factory.Sequence(lambda n: f"r{n}")
    written_at = NOW
    arrived_at = NOW
    rating = 5
    text = "Wonderful tea, I love it."
    language = "en"


class EventFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Event

    customer = factory.SubFactory(CustomerFactory)
    source = factory.SelfAttribute("customer.source")
    external_id = factory.Sequence(lambda n: f"e{n}")
    kind = EventKind.SITE_VISIT
    happened_at = NOW
    arrived_at = NOW
