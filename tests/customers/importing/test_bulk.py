from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from customers.importing import bulk, runs
from customers.models import Customer, Import, Order, OrderLine
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


READ = (
    "SELECT count(*) FROM customers_order o LEFT JOIN customers_customer c ON c.id = o.customer_id"
)


@pytest.fixture
def other() -> Iterator[psycopg.Connection]:
    """Another user of the database, in a transaction that stays open; neither waits for the other for long."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '5s'")
    told = connection.get_connection_params()
    opened = psycopg.connect(
        **{name: told[name] for name in ("host", "port", "user", "password", "dbname") if name in told},
        options="-c statement_timeout=5s",
    )  # fmt: skip
    try:
        yield opened
    finally:
        opened.close()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def _count(other: psycopg.Connection, sql: str) -> int:
    found = other.execute(sql).fetchone()
    assert found
    return int(found[0])


def _import(tmp_path: Path, now: datetime) -> Import:
    path = tmp_path / "shop.csv"
    path.write_text("\n".join([HEADER, *LINES]))
    return runs.create(
        source=SourceFactory(), path=path, file_name=path.name, layout="generic", now=now
    )


def _lines_are_held(other: psycopg.Connection) -> bool:
    held = """SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted
              AND relation = 'customers_orderline'::regclass"""
    return _count(other, held) > 0


@pytest.mark.django_db(transaction=True)
def test_who_reads_customers_and_orders_during_the_first_import_is_not_kept_waiting(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, other: psycopg.Connection
) -> None:
    """The reader keeps the locks of having read, and looks again at every step of the import."""
    monkeypatch.setattr(bulk, "_MANY", 1)
    before = _indexes()
    other.execute("SELECT count(*) FROM customers_order")
    looked: dict[str, int] = {}
    held: dict[str, bool] = {}

    def look(phase: str, done: int, total: int) -> None:
        looked[phase] = _count(other, READ)
        held[phase] = _lines_are_held(other)

    runs.run(_import(tmp_path, now), now=now, progress=look)
    assert {"customers", "orders", "order lines", "committing"} <= looked.keys()
    assert set(looked.values()) == {0}
    assert (held["orders"], held["committing"]) == (False, True), (
        "lines were written without indexes"
    )
    other.rollback()
    assert _count(other, READ) == 2
    assert _indexes() == before


@pytest.mark.django_db(transaction=True)
def test_an_import_keeps_the_indexes_of_lines_that_somebody_reads(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, other: psycopg.Connection
) -> None:
    monkeypatch.setattr(bulk, "_MANY", 1)
    monkeypatch.setattr(bulk, "_PATIENCE", "20ms")
    before = _indexes()
    assert _count(other, "SELECT count(*) FROM customers_orderline") == 0
    held: list[bool] = []

    def look(phase: str, done: int, total: int) -> None:
        held.append(_lines_are_held(other))

    runs.run(_import(tmp_path, now), now=now, progress=look)
    assert not any(held)
    assert OrderLine.objects.count() == 2
    assert _indexes() == before
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("5s",), "its patience was for that lock only"


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_keeps_nobody_from_reading_lines(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, other: psycopg.Connection
) -> None:
    monkeypatch.setattr(bulk, "_MANY", 1)
    seen: dict[str, Any] = {}

    def look(phase: str, done: int, total: int) -> None:
        seen[phase] = _count(other, "SELECT count(*) FROM customers_orderline")
        other.rollback()

    told = runs.dry_run(_import(tmp_path, now), now=now, progress=look)
    assert seen["committing"] == 0
    assert told["accepted"] == 3
    assert not OrderLine.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_find_a_table_empty_do_not_wait_for_each_other(other: psycopg.Connection) -> None:
    """One gets the table, one keeps its indexes; having looked holds nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        assert bulk._is_empty(cursor, "customers_orderline")
        other.execute("LOCK TABLE customers_orderline IN ACCESS EXCLUSIVE MODE NOWAIT")
        assert not bulk._is_ours_alone(cursor, "customers_orderline")
        other.rollback()
        assert bulk._is_ours_alone(cursor, "customers_orderline")


@pytest.mark.django_db(transaction=True)
def test_a_table_that_was_filled_meanwhile_is_given_back(
    tmp_path: Path, now: datetime, other: psycopg.Connection
) -> None:
    runs.run(_import(tmp_path, now), now=now)
    with transaction.atomic(), connection.cursor() as cursor:
        assert not bulk._is_ours_alone(cursor, "customers_orderline")
        assert not _lines_are_held(other)
        assert _count(other, "SELECT count(*) FROM customers_orderline") == 2
