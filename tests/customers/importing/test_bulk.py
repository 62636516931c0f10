from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection

from customers.importing import bulk
from customers.models import Customer, Order, OrderLine
from tests.customers.files import HEADER, bring_in
from tests.factories.customers import SourceFactory


TABLES = ("customers_customer", "customers_order", "customers_orderline", "customers_refund")
LINES = (
    "1,7,tea,Green tea,2,2026-01-05 10:00,9.90,ada@example.com",
    "2,8,tea,Green tea,1,2026-01-06 10:00,9.90,bob@example.com",
    "3,7,tea,Green tea,-1,2026-01-07 10:00,9.90,ada@example.com",
)


def _indexes() -> list[tuple[str, str]]:
    """All indexes and constraints of the tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%(tables)s)
            UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = ANY(%(tables)s::regclass[]) ORDER BY 1, 2
            """,
            {"tables": list(TABLES)},
        )
        return [(str(name), str(definition)) for name, definition in cursor.fetchall()]


@pytest.mark.django_db
@pytest.mark.parametrize("spared", [bulk._JOINED, frozenset()])
def test_first_file_of_a_shop_leaves_every_index_as_it_was(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, spared: frozenset[str]
) -> None:
    """Also where the database's user may not leave out the check of single references."""
    monkeypatch.setattr(bulk, "_MANY", 1)
    monkeypatch.setattr(bulk, "_JOINED", spared)
    before = _indexes()
    source = SourceFactory()
    path = tmp_path / "shop.csv"
    path.write_text("\n".join([HEADER, *LINES]))
    bring_in(path, source=source, now=now)
    assert _indexes() == before
    assert (Customer.objects.count(), Order.objects.count(), OrderLine.objects.count()) == (2, 2, 2)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE NOT indisvalid")
        assert cursor.fetchall() == []
    assert bring_in(path, source=source, now=now).duplicates == 3
