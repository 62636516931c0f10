"""One definition of net revenue: sales less the refunds of sales."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from customers.enums import OrderStatus
from customers.models import Customer, Refund
from customers.queries import counted_refunds
from feedback.customer_story import buying
from feedback.reports.home import _net_revenue
from tests.factories.customers import CustomerFactory, OrderFactory


pytestmark = pytest.mark.django_db


def refund(customer: Customer, *, cents: int, status: OrderStatus | None, now: datetime) -> Refund:
    order = status and OrderFactory(
        source=customer.source, customer=customer, status=status, placed_at=now, total_cents=1000
    )
    return Refund.objects.create(
        source=customer.source, external_id=f"r-{status}", order=order or None, customer=customer,
        refunded_at=now, arrived_at=now, amount_cents=cents,
    )  # fmt: skip


def test_refund_of_an_order_that_is_no_sale_lowers_nothing(now: datetime) -> None:
    customer = CustomerFactory()
    of_sale = refund(customer, cents=300, status=OrderStatus.PLACED, now=now)
    of_nothing = refund(customer, cents=50, status=None, now=now)
    for status in (OrderStatus.CANCELLED, OrderStatus.PENDING, OrderStatus.TEST):
        refund(customer, cents=1000, status=status, now=now)

    assert set(counted_refunds()) == {of_sale, of_nothing}
    assert buying(customer, now=now).net_cents == 1000 - 300 - 50
    ends_at = now + timedelta(days=1)
    assert _net_revenue(now - timedelta(days=1), ends_at) == 1000 - 300 - 50
