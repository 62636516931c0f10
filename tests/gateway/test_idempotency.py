"""A write happens once: replayed, refused while in flight, and done again after a process that died."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from customers import turns
from customers.api import orders, writing
from customers.models import Customer, Order
from gateway import idempotency
from gateway.models import IdempotentReply
from tests.gateway.clients import Api, fields


ORDER = {
    "external_id": "o",
    "placed_at": "2026-06-01T12:00:00Z",
    "currency": "EUR",
    "total_cents": 1,
}


@pytest.mark.django_db
def test_same_write_gets_the_same_answer() -> None:
    api = Api()
    first = api.post("orders", ORDER, token="a")
    Order.objects.update(total_cents=99)
    second = api.post("orders", ORDER, token="a")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    # without the key it would have been an update
    assert api.post("orders", ORDER, token="b").status_code == 200


@pytest.mark.django_db
def test_refusal_is_remembered_too_and_nothing_is_written() -> None:
    api = Api()
    wrong = {**ORDER, "customer": "nobody"}
    assert fields(api.post("orders", wrong, token="a")) == {"customer": "unknown_customer"}
    api.post("customers", {"external_id": "nobody"})
    assert api.post("orders", wrong, token="a").status_code == 422
    assert not Order.objects.exists()
    assert api.post("orders", wrong, token="b").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["body", "path"])
def test_key_of_another_request_is_refused(change: str) -> None:
    api = Api()
    api.post("customers", {"external_id": "a"}, token="a")
    path, body = ("customers", {"external_id": "b"}) if change == "body" else (
        "products", {"external_id": "a"}
    )  # fmt: skip
    answer = api.post(path, body, token="a")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Customer.objects.count() == 1


@pytest.mark.django_db
def test_keys_of_two_holders_do_not_meet() -> None:
    body = {"external_id": "a"}
    assert Api().post("customers", body, token="a").status_code == 201
    assert Api().post("customers", body, token="a").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "code"),
    [(None, "idempotency_key_required"), ("a b", "idempotency_key_invalid"),
     ("x" * 256, "idempotency_key_invalid"), ("ü", "idempotency_key_invalid")],
)  # fmt: skip
def test_write_without_a_good_key_is_refused(token: str | None, code: str) -> None:
    api = Api()
    headers = api.headers if token is None else {**api.headers, "Idempotency-Key": token}
    answer = api.client.post(
        "/api/v1/customers",
        '{"external_id": "a"}',
        content_type="application/json",
        headers=headers,
    )
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Customer.objects.exists()


def _in_flight(api: Api, *, body: dict[str, Any], token: str) -> tuple[threading.Event, Any]:
    """Begin a write as another process would, and stop in the middle of it; the event lets it go on."""
    begun, go_on = threading.Event(), threading.Event()

    def stop(*args: Any, **kwargs: Any) -> Any:
        if not begun.is_set():
            begun.set()
            go_on.wait(30)
        return real(*args, **kwargs)

    real = orders.bring_in

    def call() -> Any:
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(orders, "bring_in", stop)
                return api.post("orders", body, token=token)
        finally:
            connection.close()

    pool = ThreadPoolExecutor(1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    assert begun.wait(30)
    return go_on, future


@pytest.mark.django_db(transaction=True)
def test_write_in_flight_is_told_and_then_answered_alike() -> None:
    api = Api()
    api.post("products", {"external_id": "first"})  # the key's source is there
    go_on, first = _in_flight(api, body=ORDER, token="a")
    waiting = api.post("orders", ORDER, token="a")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "in_flight")
    assert waiting["Retry-After"] == "1"
    other = api.post("orders", {**ORDER, "total_cents": 2}, token="a")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    go_on.set()
    assert first.result(30).status_code == 201
    again = api.post("orders", ORDER, token="a")
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert again.content == first.result().content


@pytest.mark.django_db(transaction=True)
def test_write_whose_process_dies_is_free_again_at_once() -> None:
    api = Api()
    api.post("products", {"external_id": "first"})
    go_on, first = _in_flight(api, body=ORDER, token="a")
    assert api.post("orders", ORDER, token="a").status_code == 409
    with connection.cursor() as cursor:  # what the database does when a client is gone
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname ="
            " current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction'"
        )
        assert cursor.fetchall() == [(True,)]
    assert api.post("orders", ORDER, token="a").status_code == 201
    go_on.set()
    assert first.result(30).status_code == 503
    assert Order.objects.count() == IdempotentReply.objects.filter(token="a").count() == 1


@pytest.mark.django_db
def test_claim_of_an_earlier_release_holds_until_its_lease_has_ended() -> None:
    api = Api()
    api.post("customers", {"external_id": "a"}, token="a")
    Customer.objects.all().delete()
    lease = "UPDATE gateway_idempotentreply SET status = NULL, body = '', leased_until ="
    with connection.cursor() as cursor:
        cursor.execute(f"{lease} clock_timestamp() + interval '20 s'")
    waiting = api.post("customers", {"external_id": "a"}, token="a")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "in_flight")
    assert 15 < int(waiting["Retry-After"]) <= 20
    with connection.cursor() as cursor:
        cursor.execute(f"{lease} clock_timestamp() - interval '1 s'")
    assert api.post("customers", {"external_id": "a"}, token="a").status_code == 201
    assert IdempotentReply.objects.get().epoch == 2  # the earlier one finds it no longer its own


@pytest.mark.django_db
def test_failure_of_ours_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    with monkeypatch.context() as broken:

        def fail(*args: object, **kwargs: object) -> None:
            raise RuntimeError("no")

        broken.setattr("customers.api.customers.answer", fail)
        assert api.post("customers", {"external_id": "a"}, token="a").status_code == 500
    assert not Customer.objects.exists()  # rolled back with its answer
    assert api.post("customers", {"external_id": "a"}, token="a").status_code == 201


@pytest.mark.django_db
def test_answers_are_forgotten_after_a_day() -> None:
    api = Api()
    api.post("customers", {"external_id": "a"}, token="a")
    assert idempotency.forget() == 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE gateway_idempotentreply SET created_at = created_at - interval '25 h'"
        )
    # also before the sweeper came: the key may be used again, for anything
    assert api.post("customers", {"external_id": "b"}, token="a").status_code == 201
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE gateway_idempotentreply SET created_at = created_at - interval '25 h'"
        )
    assert idempotency.forget() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_write_once() -> None:
    api, gate = Api(), threading.Barrier(20)
    api.post("customers", {"external_id": "first"})  # the key's source is there
    kind = type(api.client)

    def call() -> tuple[int, bytes]:
        gate.wait()
        try:
            answer = kind().post(
                "/api/v1/orders",
                data='{"external_id": "o", "placed_at": "2026-06-01T12:00:00Z", "currency": "EUR",'
                ' "total_cents": 1}',
                content_type="application/json",
                headers={**api.headers, "Idempotency-Key": "same"},
            )
            return answer.status_code, answer.content
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: call(), range(20)))
    assert {status for status, _ in answers} <= {201, 409}
    made = {content for status, content in answers if status == 201}
    assert len(made) == 1
    assert Order.objects.count() == 1
    assert api.post("orders", ORDER, token="same").status_code in {201, 422}


@pytest.mark.django_db(transaction=True)
def test_what_is_done_is_told_while_somebody_else_asks_too() -> None:
    api = Api()
    first = api.post("orders", ORDER, token="a")
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            lock = idempotency._number(f"{IdempotentReply.objects.get().key_id} a")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        again = api.post("orders", ORDER, token="a")
    finally:
        other.rollback()
        other.close()
    assert (again.status_code, again.content) == (201, first.content)


@pytest.mark.django_db
def test_answer_that_was_erased_is_not_given_again() -> None:
    api = Api()
    api.post("customers", {"external_id": "a"}, token="a")
    IdempotentReply.objects.update(body="")  # as an erasure does
    answer = api.post("customers", {"external_id": "a"}, token="a")
    assert (answer.status_code, answer.json()["code"]) == (410, "answer_erased")


@pytest.mark.django_db(transaction=True)
def test_write_that_waits_too_long_for_an_import_is_told_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = Api()
    source_id = api.post("customers", {"external_id": "a"}).json()["source_id"]
    monkeypatch.setattr(writing, "_PATIENCE_SECONDS", "0.2")
    importing, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            turns.wait(cursor, source_id)
            importing.set()
            done.wait(30)
        connection.close()

    importer = threading.Thread(target=hold)
    importer.start()
    importing.wait(30)
    busy = api.post("customers", {"external_id": "b"}, token="b")
    done.set()
    importer.join()
    assert (busy.status_code, busy.json()["code"], busy["Retry-After"]) == (503, "busy", "5")
    # not remembered: the same request is done as soon as the import has ended
    assert api.post("customers", {"external_id": "b"}, token="b").status_code == 201
