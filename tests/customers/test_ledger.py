from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from customers.models import Event
from tests.factories.customers import EventFactory


pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "change", ["UPDATE customers_event SET kind = 'CART'", "DELETE FROM customers_event"]
)
def test_ledger_is_append_only(change: str) -> None:
    EventFactory()
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)
    assert Event.objects.get().kind == "SITE_VISIT"
