"""A write happens once: replayed, refused while in flight, and taken over from a process that died."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from customers import turns
from customers.api import writing
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


def _claim(api: Api, token: str) -> Any:
    """Leave a row as a process does that died before its write was committed."""
    answer = api.post("customers", {"external_id": "a"}, token=token)
    Customer.objects.all().delete()
    IdempotentReply.objects.update(status=None, body="")
    return answer


@pytest.mark.django_db
def test_write_in_flight_is_told_and_taken_over_when_its_lease_has_ended() -> None:
    api = Api()
    _claim(api, "a")
    waiting = api.post("customers", {"external_id": "a"}, token="a")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "in_flight")
    assert 0 < int(waiting["Retry-After"]) <= idempotency.LEASE_SECONDS
    other = api.post("customers", {"external_id": "b"}, token="a")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE gateway_idempotentreply SET leased_until = clock_timestamp() - interval '1 s'"
        )
    done = api.post("customers", {"external_id": "a"}, token="a")
    assert done.status_code == 201
    assert IdempotentReply.objects.get().epoch == 2
    assert Customer.objects.count() == 1


@pytest.mark.django_db
def test_process_that_lost_its_lease_writes_nothing() -> None:
    api = Api()

    def write() -> tuple[int, str]:
        raise AssertionError("somebody else has taken over")

    fingerprint = "0" * 64
    claimed = idempotency._claim(key=api.key, token="a", fingerprint=fingerprint)
    IdempotentReply.objects.update(epoch=2)
    assert claimed[1] == 1
    with pytest.raises(idempotency.Refused) as refused:
        idempotency._hold(IdempotentReply.objects.filter(pk=claimed[0], epoch=claimed[1]))
    assert refused.value.status_code == 409


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
