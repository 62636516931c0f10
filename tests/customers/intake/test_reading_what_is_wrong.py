"""What must not come in, what must not be lost, and what must not stop the rest."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from customers.enums import InboundStatus, Power, SourceKind
from customers.intake import taking
from customers.intake.reading import read_due
from customers.intake.replay import NotReplayableError, replay
from customers.intake.retention import forget
from customers.models import (
    Customer,
    Event,
    Order,
    RejectedRow,
    Source,
)
from tests.customers.intake.saying import accounts, at, completed, land, said
from tests.factories.customers import NOW, SourceFactory


pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Source:
    return SourceFactory(kind=SourceKind.SEGMENT, settings={"currency": "EUR"})


POISON: dict[str, tuple[bytes, str]] = {
    "NUL": (b'{"type":"track","event":"x\\u0000","userId":"u"}', "nul_byte"),
    "lone surrogate": (b'{"type":"track","event":"\\ud800","userId":"u"}', "bad_text"),
    "NaN": (b'{"type":"track","event":"x","userId":"u","properties":{"a":NaN}}', "not_json"),
    "huge number": (b'{"type":"track","event":"x","userId":"u","properties":{"a":' + b"9" * 400 + b"}}", "bad_number"),
    "deep": (b'{"type":"track","event":"x","userId":"u","properties":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, "too_deep"),
    "not UTF-8": (b'{"type":"track","event":"\xff","userId":"u"}', "bad_encoding"),
    "large": (b'{"type":"track","event":"' + b"x" * 33_000 + b'","userId":"u"}', "too_large"),
    "a number": (b"7", "not_an_object"),
    "nobody": (b'{"type":"track","event":"x"}', "no_person"),
    "unknown call": (b'{"type":"dance","userId":"u"}', "unknown_call"),
    "negative total": (b'{"type":"track","event":"Order Completed","userId":"u","properties":{"order_id":"n","total":-1}}', "negative_amount"),
    "no such money": (b'{"type":"track","event":"Order Completed","userId":"u","properties":{"order_id":"n","total":1,"currency":"XXQ"}}', "unknown_currency"),
    "money that is no text": (b'{"type":"track","event":"Order Completed","userId":"u","properties":{"order_id":"n","total":1,"currency":{"a":1}}}', "unknown_currency"),
    "one name twice": (b'{"type":"track","event":"x","event":"y","userId":"u"}', "duplicate_name"),
    "one name twice, spelt apart": (b'{"type":"track","event":"x","userId":"u","traits":{"a":"\\"","\\u0061":2}}', "duplicate_name"),
    "stars": (b'{"type":"track","event":"Product Reviewed","userId":"u","properties":{"rating":9}}', "bad_rating"),
    "long ago": (b'{"type":"track","event":"x","userId":"u","timestamp":"1889-01-01T00:00:00Z"}', "absurd_date"),
}  # fmt: skip


@pytest.mark.parametrize(("poison", "reason"), POISON.values(), ids=POISON)
def test_read_due_refuses_one_bad_item_and_takes_its_neighbours(
    source: Source, poison: bytes, reason: str
) -> None:
    good = [json.dumps(said(event=name)).encode() for name in ("Before", "After")]
    body = b'{"batch":[' + b",".join([good[0], poison, good[1]]) + b"]}"
    request = land(source, body=body)
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.PARTLY, 3, 2, 0, 1)
    row = request.rejected_rows.get()
    assert (row.reason, row.line_number) == (reason, 2)
    assert row.raw[:5] == poison.decode("utf-8", "replace")[:5]
    assert set(Event.objects.values_list("name", flat=True)) == {"Before", "After"}


@pytest.mark.parametrize("body", [b'{"batch": 7}', b'{"batch": null}', b"{}", b'{"events": [1]}'])
def test_read_due_rejects_what_is_no_batch(source: Source, body: bytes) -> None:
    request = land(source, body=body)
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.REJECTED, 1, 0, 0, 1)
    assert request.reason == "no_batch"


def test_read_due_reads_both_of_two_batches(source: Source) -> None:
    texts = [json.dumps(said(event=name)).encode() for name in ("a", "batch")]
    request = land(source, body=b'{"batch": [%b], "batch": [%b, NaN]}' % tuple(texts))
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.PARTLY, 3, 2, 0, 1)


def test_read_due_takes_escaped_quotation_marks_for_what_they_are(source: Source) -> None:
    body = rb'{"type":"track","event":"a \u0022quoted\" name","userId":"u"}'
    request = land(source, {}, topic="track", body=body)
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.DONE, 1, 1, 0, 0)
    assert Event.objects.get().name == 'a "quoted" name'


def test_read_due_keeps_an_item_that_breaks_the_translator(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = taking.TRANSLATORS.load(SourceKind.SEGMENT)

    def breaks(items: Any, **rest: Any) -> Any:
        if any(item.body.get("event") == "Poison" for item in items):
            raise ZeroDivisionError
        return known(items, **rest)

    monkeypatch.setattr(taking.TRANSLATORS, "load", lambda kind: breaks)
    names = [f"Good {number}" for number in range(6)]
    names.insert(3, "Poison")
    request = land(source, *(said(event=name) for name in names))
    behind = land(source, said("page"))
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.PARTLY, 7, 6, 0, 1)
    assert accounts(behind)[0] == InboundStatus.DONE
    row = RejectedRow.objects.get()
    assert (row.reason, row.line_number) == ("not_understood", 4)

    monkeypatch.undo()
    assert replay(row, now=NOW) is True
    assert accounts(request) == (InboundStatus.DONE, 7, 7, 0, 0)
    row.refresh_from_db()
    assert row.replayed_at == NOW
    assert Event.objects.filter(name="Poison").count() == 1
    with pytest.raises(NotReplayableError):
        replay(row, now=NOW)


def test_read_due_leaves_a_request_unread_when_it_is_cut_off(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = land(source, said("page"), completed())

    def dies(*arguments: Any, **rest: Any) -> None:
        raise OperationalError("the server went away")

    with monkeypatch.context() as patch:
        patch.setattr(taking.visitors, "keep", dies)
        with pytest.raises(OperationalError):
            read_due(now=NOW)
    assert accounts(request)[0] == InboundStatus.RECEIVED
    assert (Order.objects.count(), Event.objects.count()) == (0, 0)
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.DONE, 2, 2, 0, 0)


def test_read_due_takes_what_is_too_much_for_the_database_for_the_items_fault(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = taking.TRANSLATORS.load(SourceKind.SEGMENT)

    def translate(items: Any, **rest: Any) -> Any:
        if any(item.body.get("event") == "Poison" for item in items):
            with (
                connection.cursor() as cursor
            ):  # a real error of class 54, "program limit exceeded"
                cursor.execute("SELECT " + "(" * 20_000 + "1" + ")" * 20_000)
        return known(items, **rest)

    monkeypatch.setattr(taking.TRANSLATORS, "load", lambda kind: translate)
    request = land(source, said("page"), said(event="Poison"), said("screen"))
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.PARTLY, 3, 2, 0, 1)


def test_read_due_leaves_privacy_requests_to_others(now: datetime) -> None:
    shop = SourceFactory(kind=SourceKind.SHOPIFY)
    request = land(shop, {"shop_id": 1}, topic="customers/redact")
    assert read_due(now=now) == 0
    assert accounts(request)[0] == InboundStatus.RECEIVED


def test_read_due_takes_no_order_from_a_browser_key(source: Source) -> None:
    request = land(source, completed(), said("page"), power=Power.BROWSER)
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.PARTLY, 2, 1, 0, 1)
    assert request.rejected_rows.get().reason == "browser_key_may_not"
    assert Order.objects.count() == 0


def test_read_due_takes_no_trait_over_from_a_browser_key(source: Source) -> None:
    land(source, said("identify", traits={"email": "ada@example.com", "firstName": "Ada"}))
    read_due(now=NOW)
    forged = said(
        "identify",
        anonymousId="a9",
        timestamp=at(0),
        traits={"email": "eve@example.com", "email_marketing_consent": {"state": "subscribed", "consent_updated_at": at(0)}},
    )  # fmt: skip
    request = land(source, forged, power=Power.BROWSER)
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.DONE, 1, 1, 0, 0)
    customer = Customer.objects.get()
    assert (customer.email, customer.first_name) == ("ada@example.com", "Ada")
    assert not Event.objects.filter(kind__startswith="CONSENT").exists()


def test_read_due_writes_consent_to_the_ledger_once(source: Source) -> None:
    traits = {
        "email": "ada@example.com",
        "email_marketing_consent": {
            "state": "subscribed",
            "opt_in_level": "confirmed_opt_in",
            "consent_updated_at": at(600),
        },
    }
    for number in range(2):
        land(source, said("identify", traits=traits, messageId=f"m{number}", timestamp=at(number)))
        read_due(now=NOW)
    event = Event.objects.get()
    assert (event.kind, event.happened_at) == ("CONSENT_GIVEN", NOW - timedelta(minutes=600))
    assert event.properties["provenance"] == "trait"


def test_read_due_reads_single_calls_by_their_topic(source: Source) -> None:
    call = said("track", event="Product Added", properties={"product_id": "p"})
    del call["type"]
    request = land(source, call, topic="track")
    read_due(now=NOW)
    assert accounts(request)[0] == InboundStatus.DONE
    assert Event.objects.get().kind == "CART"


def test_read_due_gives_items_what_the_batch_says_of_all(source: Source) -> None:
    refuses = {"consent": {"categoryPreferences": {"Analytics": False}}}
    body = {"batch": [said("page", context={"locale": "en"})], "context": refuses}
    land(source, body=json.dumps(body).encode())
    read_due(now=NOW)
    assert Event.objects.get().may_profile is False


def test_replay_tells_what_is_still_wrong(source: Source) -> None:
    request = land(
        source,
        said(event="Order Refunded", properties={"order_id": "?"}),
        completed("o2", total=-1),
    )
    read_due(now=NOW)
    row = request.rejected_rows.get()
    assert replay(row, now=NOW) is False
    assert accounts(request) == (InboundStatus.WAITING, 2, 0, 0, 1)


def test_forget_empties_what_was_read_long_ago(source: Source) -> None:
    read = land(source, completed(total=-1), said("page", anonymousId="a1", userId=None))
    waiting = land(source, said(event="Order Refunded", properties={"order_id": "later"}))
    read_due(now=NOW)
    row = read.rejected_rows.get()
    early = forget(now=NOW + timedelta(days=13), body_days=14)
    assert (early.bodies, early.visitor_events, early.rejected_items) == (0, 0, 0)
    later = forget(now=NOW + timedelta(days=15), body_days=14)
    assert (later.bodies, later.visitor_events, later.rejected_items) == (1, 0, 0)
    read.refresh_from_db()
    waiting.refresh_from_db()
    assert (bytes(read.body), bytes(waiting.body) != b"") == (b"", True)
    assert replay(row, now=NOW) is False, "its text is still there to be tried"
    last = forget(now=NOW + timedelta(days=91), body_days=14)
    assert (last.visitor_events, last.rejected_items) == (1, 1)
    with pytest.raises(NotReplayableError):
        replay(row, now=NOW)
    assert accounts(read)[1:] == (2, 1, 0, 1), "the counts stay"
