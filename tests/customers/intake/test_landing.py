"""What `land` returned for is in the table; what waits together is written together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from customers.enums import InboundStatus, Power
from customers.intake import landing, own_connection
from customers.models import InboundRequest, Source
from tests.factories.customers import NOW, SourceFactory


def land(source_id: int, body: bytes = b"{}", **more: Any) -> bool:
    values = {"topic": "track", "power": Power.SERVER, "headers": {}, "now": NOW, **more}
    return landing.land(source_id=source_id, body=body, **values)


def at_once(number: int, work: Callable[[int], object]) -> list[object]:
    """What `work(i)`, or its exception, gave in threads that are all started."""
    given: list[object] = [None] * number

    def run(place: int) -> None:
        try:
            given[place] = work(place)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            given[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return given


@pytest.mark.django_db
def test_within_a_transaction_the_row_belongs_to_it(now: datetime) -> None:
    source = SourceFactory()
    with transaction.atomic():
        land(source.pk)
        transaction.set_rollback(True)
    assert not InboundRequest.objects.exists()
    land(source.pk, b"\0\xff", headers={"a": "x\0y"}, topic="t\0" + "x" * 200, refused="too_large")
    row = InboundRequest.objects.get()
    assert (bytes(row.body), row.headers, len(row.topic)) == (b"\0\xff", {"a": "x�y"}, 100)
    assert (row.status, row.reason, row.received_at) == (InboundStatus.REJECTED, "too_large", now)


@pytest.mark.django_db
def test_a_dedupe_key_is_stored_once_in_a_source_and_a_long_one_too() -> None:
    first, second = SourceFactory(), SourceFactory()
    assert land(first.pk, dedupe_key="k" * 300)
    assert not land(first.pk, dedupe_key="k" * 300)
    assert land(second.pk, dedupe_key="k" * 300)
    assert land(first.pk)
    assert InboundRequest.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_share_statements_and_all_are_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = SourceFactory()
    sizes = []
    real = landing._store
    monkeypatch.setattr(landing, "_store", lambda rows: (sizes.append(len(rows)), real(rows))[1])
    disk = threading.Thread(target=slow_disk, args=(39,))
    own_connection._lock.acquire()  # for the first writer
    disk.start()
    given = at_once(40, lambda place: land(source.pk, str(place).encode()))
    disk.join()
    assert given == [True] * 40
    assert sorted(int(bytes(row)) for row in bodies()) == list(range(40))
    assert sizes == [1, 39]


def slow_disk(for_whom: int) -> None:
    """Lets the first writer go on when so many have gathered behind it."""
    until = time.monotonic() + 60
    while len(landing._group.waiting) < for_whom and time.monotonic() < until:
        time.sleep(0.005)
    own_connection._lock.release()


def bodies() -> list[bytes]:
    return list(InboundRequest.objects.values_list("body", flat=True))


@pytest.mark.django_db(transaction=True)
def test_the_same_delivery_at_once_is_new_exactly_once() -> None:
    source = SourceFactory()
    given = at_once(16, lambda place: land(source.pk, dedupe_key="the one"))
    assert sorted(given, key=str) == [False] * 15 + [True]
    assert InboundRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_row_that_cannot_be_stored_does_not_fail_its_neighbours() -> None:
    source = SourceFactory()
    gone = source.pk + 1000
    given = at_once(20, lambda place: land(gone if place % 5 == 0 else source.pk))
    assert [isinstance(one, landing.SourceGoneError) for one in given] == [
        place % 5 == 0 for place in range(20)
    ]
    assert InboundRequest.objects.count() == 16


@pytest.mark.django_db(transaction=True)
def test_a_group_of_one_source_that_is_gone_raises_for_each() -> None:
    given = at_once(3, lambda place: land(-1))
    assert [type(one) for one in given] == [landing.SourceGoneError] * 3


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_is_replaced() -> None:
    source = SourceFactory()
    land(source.pk)
    pid = own_connection.run(lambda cursor: cursor.connection.info.backend_pid)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert land(source.pk)
    assert InboundRequest.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_said_to_all_who_wait_and_then_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = SourceFactory()
    with monkeypatch.context() as patch:
        patch.setattr(psycopg, "connect", _nobody_answers)
        given = at_once(8, lambda place: land(source.pk))
    assert [type(one) for one in given] == [own_connection.DatabaseAwayError] * 8
    monkeypatch.setattr(own_connection, "_knocks_again_at", 0.0)
    assert land(source.pk)
    assert Source.objects.filter(pk=source.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_did_not_answer_is_not_asked_by_everybody_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    knocks = []
    monkeypatch.setattr(psycopg, "connect", lambda **_: (knocks.append(1), _nobody_answers()))
    monkeypatch.setattr(own_connection, "_PAUSE", 60.0)
    given = at_once(5, lambda place: own_connection.run(lambda cursor: None))
    assert [type(one) for one in given] == [own_connection.DatabaseAwayError] * 5
    assert len(knocks) == 1


def _nobody_answers(**parameters: Any) -> None:
    raise psycopg.OperationalError("nobody answers")


@pytest.mark.django_db(transaction=True)
def test_large_bodies_are_not_all_put_into_one_statement() -> None:
    source = SourceFactory()
    given = at_once(6, lambda place: land(source.pk, bytes([place]) * 4_000_000))
    assert given == [True] * 6
    assert {(row[0], len(row)) for row in map(bytes, bodies())} == {
        (place, 4_000_000) for place in range(6)
    }
