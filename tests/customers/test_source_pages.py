"""The pages of sources: made with keys shown once, watched, set up; rejected items tried again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from core import clock
from customers import activity
from customers.enums import InboundStatus, Power, SourceKind
from customers.intake import keys, reading
from customers.models import Event, InboundRequest, RejectedRow, Source, SourceKey
from customers.source_forms import NewSourceForm
from tests.factories.customers import CustomerFactory, SourceFactory


pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Source:
    return keys.open_source(kind=SourceKind.SEGMENT, name="Webshop", now=clock.now()).source


def landed(source: Source, body: object, *, ago: timedelta = timedelta(0)) -> InboundRequest:
    return InboundRequest.objects.create(
        source=source, topic="batch", power=Power.SERVER, received_at=clock.now() - ago,
        body=json.dumps(body).encode(), headers={},
    )  # fmt: skip


def page_of(client: Client, source: Source) -> str:
    answer = client.get(reverse("source_pages:source", args=[source.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("kind", "shown"), [("SEGMENT", ("cs_", "cb_")), ("SHOPIFY", ("/in/shopify/",)),
                        ("WOOCOMMERCE", ("/in/woocommerce/",)), ("CSV", ())],
)  # fmt: skip
def test_new_source_shows_what_it_needs_once(
    admin_client: Client, kind: str, shown: tuple[str, ...]
) -> None:
    answer = admin_client.post(reverse("source_pages:new"), {"name": "Our shop", "kind": kind})
    text = answer.content.decode()
    source = Source.objects.get()
    for words in shown:
        assert words in text
    assert ("Shown once" in text) == (kind != "CSV")
    assert "Shown once" not in page_of(admin_client, source)


def test_a_taken_name_is_told(admin_client: Client, source: Source) -> None:
    answer = admin_client.post(
        reverse("source_pages:new"), {"name": source.name, "kind": "SEGMENT"}
    )
    assert answer.status_code == 422
    assert Source.objects.count() == 1


def test_keys_are_made_and_revoked(admin_client: Client, source: Source) -> None:
    act = reverse("source_pages:act", args=[source.pk])
    assert "cs_" in admin_client.post(act, {"act": "new-server-key"}).content.decode()
    key = SourceKey.objects.filter(source=source).latest("pk")
    admin_client.post(act, {"act": "revoke", "key": key.pk})
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert admin_client.post(act, {"act": "revoke", "key": "x"}).status_code == 404
    other = SourceFactory()
    stranger = reverse("source_pages:act", args=[other.pk])
    assert admin_client.post(stranger, {"act": "revoke", "key": key.pk}).status_code == 404


def test_test_event_appears_and_makes_no_customer(admin_client: Client, source: Source) -> None:
    admin_client.post(reverse("source_pages:act", args=[source.pk]), {"act": "test"})
    reading.read_due(now=clock.now())
    text = page_of(admin_client, source)
    assert "Taken in" in text
    assert not source.customers.exists()
    assert not Event.objects.exists()


def test_settings_are_saved_and_checked(admin_client: Client, source: Source) -> None:
    url = reverse("source_pages:save", args=[source.pk])
    admin_client.post(
        url, {"silent_after_hours": 6, "allowed_origins": "https://www.shop.example/\nhttps://m.shop.example"}
    )  # fmt: skip
    source.refresh_from_db()
    assert source.silent_after_hours == 6
    assert source.settings["allowed_origins"] == [
        "https://www.shop.example",
        "https://m.shop.example",
    ]
    bad = admin_client.post(url, {"silent_after_hours": 6, "allowed_origins": "shop.example/path"})
    assert bad.status_code == 422
    assert "is no origin" in bad.content.decode()


def test_secret_is_kept_sealed_and_never_shown(admin_client: Client) -> None:
    source = keys.open_source(kind=SourceKind.SHOPIFY, name="Shop", now=clock.now()).source
    url = reverse("source_pages:save", args=[source.pk])
    admin_client.post(url, {"silent_after_hours": 24, "secret": "tell-nobody"})
    source.refresh_from_db()
    assert keys.unseal(source.sealed_secret) == "tell-nobody"
    assert "tell-nobody" not in page_of(admin_client, source)
    admin_client.post(url, {"silent_after_hours": 24, "secret": ""})
    source.refresh_from_db()
    assert keys.unseal(source.sealed_secret) == "tell-nobody"


def test_rejected_item_is_shown_with_its_reason_and_tried_again(
    admin_client: Client, source: Source
) -> None:
    request = landed(
        source,
        {"batch": [
            {"type": "track", "userId": "1", "event": "Seen", "messageId": "a"},
            {"type": "dance", "userId": "1", "messageId": "b"},
        ]},
    )  # fmt: skip
    reading.read_due(now=clock.now())
    request.refresh_from_db()
    assert (request.status, request.accepted, request.rejected) == (InboundStatus.PARTLY, 1, 1)
    row = RejectedRow.objects.get()
    url = reverse("source_pages:inbound", args=[source.pk, request.pk])
    text = admin_client.get(url).content.decode()
    assert row.reason in text
    answer = admin_client.post(
        reverse("source_pages:replay", args=[source.pk, request.pk]), {"row": row.pk}, follow=True
    )
    assert "the reasons below still hold" in answer.content.decode()


def test_request_of_another_source_is_not_found(admin_client: Client, source: Source) -> None:
    request = landed(source, {})
    url = reverse("source_pages:inbound", args=[SourceFactory().pk, request.pk])
    assert admin_client.get(url).status_code == 404


def test_silence_is_told_after_the_hours_that_staff_set(source: Source) -> None:
    now = clock.now()
    Source.objects.filter(pk=source.pk).update(created_at=now - timedelta(days=9))
    source.refresh_from_db()
    assert [s.pk for s, _ in activity.silent_sources(now=now)] == [source.pk]
    landed(source, {}, ago=timedelta(hours=25))
    assert activity.silent_sources(now=now)
    landed(source, {}, ago=timedelta(hours=23))
    assert activity.silent_sources(now=now) == []
    Source.objects.filter(pk=source.pk).update(silent_after_hours=0)
    InboundRequest.objects.all().delete()
    assert activity.silent_sources(now=now) == []


def test_activity_counts_the_last_day_by_the_hour(source: Source) -> None:
    for hours in (0, 1, 1, 23, 30):
        landed(source, {}, ago=timedelta(hours=hours, minutes=5))
    found = activity.of(source, now=clock.now())
    assert (found.requests, sum(found.by_hour), len(found.by_hour)) == (4, 4, 24)
    assert (found.by_hour[-1], found.by_hour[-2], found.by_hour[0]) == (1, 2, 1)
    assert found.waiting == 5


def test_pages_are_for_staff_with_the_permission(client: Client, source: Source) -> None:
    for route, arguments in (("new", []), ("source", [source.pk]), ("tail", [source.pk])):
        answer = client.get(reverse(f"source_pages:{route}", args=arguments))
        assert (answer.status_code, "login" in answer["Location"]) == (302, True)


def test_page_of_a_file_source_needs_nothing_live(admin_client: Client, now: datetime) -> None:
    customer = CustomerFactory()
    assert "What it brought" in page_of(admin_client, customer.source)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"event": "half a \\ud800 pair"}', "half a \\ud800 pair"),
        (b'{"twice": 1, "twice": 2}', "&quot;twice&quot;: 1, &quot;twice&quot;: 2"),
        (b"\xff\x00<script>alert(1)</script>", "&lt;script&gt;alert(1)"),
        (b"[" * 5000, "[[["),
        (b'{"n": ' + b"9" * 5000 + b"}", "9999"),
        (b'{"n": NaN}', "NaN"),
    ],
)
def test_any_body_can_be_looked_at(
    admin_client: Client, source: Source, body: bytes, shown: str
) -> None:
    row = landed(source, {})
    InboundRequest.objects.filter(pk=row.pk).update(body=body)
    answer = admin_client.get(reverse("source_pages:inbound", args=[source.pk, row.pk]))
    assert answer.status_code == 200
    assert shown in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()


def test_keys_and_rows_that_are_none_are_not_found(admin_client: Client, source: Source) -> None:
    act = reverse("source_pages:act", args=[source.pk])
    replay = reverse("source_pages:replay", args=[source.pk, landed(source, {}).pk])
    for odd in ("x", "9" * 30, "9" * 5000):
        assert admin_client.post(act, {"act": "revoke", "key": odd}).status_code == 404
        assert admin_client.post(replay, {"row": odd}).status_code == 404


def test_a_second_click_makes_no_second_source(
    admin_client: Client, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NewSourceForm, "clean_name", lambda form: form.cleaned_data["name"])
    answer = admin_client.post(
        reverse("source_pages:new"), {"name": source.name, "kind": "SEGMENT"}
    )
    assert answer.status_code == 422
    assert "already" in answer.content.decode()
