"""The pages of endpoints: made with a secret shown once, tested, stopped, sent again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from webhooks import endpoints
from webhooks.enums import PostState, Topic
from webhooks.models import Endpoint, Post


pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(now: datetime) -> Endpoint:
    return endpoints.create(
        url="https://shop.example/hook", topics=[Topic.CONSENT_CHANGED], description="CRM", now=now
    )[0]


def act(client: Client, endpoint: Endpoint, act: str, **also: object) -> int:
    url = reverse("webhook_pages:act", args=[endpoint.pk])
    return client.post(url, {"act": act, **also}, follow=True).status_code


def test_new_shows_the_secret_once(admin_client: Client, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_TARGETS = True
    data = {"url": "http://127.0.0.1:9/hook", "description": "CRM", "topics": ["consent.changed"]}
    answer = admin_client.post(reverse("webhook_pages:new"), data)
    endpoint = Endpoint.objects.get()
    assert "whsec_" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    again = admin_client.get(reverse("webhook_pages:endpoint", args=[endpoint.pk]))
    assert "whsec_" not in again.content.decode()


def test_new_says_what_is_wrong(admin_client: Client) -> None:
    answer = admin_client.post(reverse("webhook_pages:new"), {"url": "https://127.0.0.1/"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "not on the public internet" in text
    assert "Tell it when" in text
    assert not Endpoint.objects.exists()


def test_buttons_test_stop_resume_and_rotate(admin_client: Client, endpoint: Endpoint) -> None:
    sealed = endpoint.sealed_secret
    assert act(admin_client, endpoint, "test") == 200
    assert Post.objects.get().message.topic == Topic.TEST
    act(admin_client, endpoint, "stop")
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    act(admin_client, endpoint, "resume")
    assert act(admin_client, endpoint, "rotate") == 200
    endpoint.refresh_from_db()
    assert endpoint.is_active
    assert endpoint.sealed_old_secret == sealed
    assert act(admin_client, endpoint, "explode") == 404


def test_given_up_messages_are_sent_again(admin_client: Client, endpoint: Endpoint) -> None:
    now = endpoint.created_at
    first, second, other = (endpoints.send_test(endpoint, now=now) for _ in range(3))
    Post.objects.filter(pk__in=[first.pk, second.pk]).update(state=PostState.DEAD, tries=10)
    act(admin_client, endpoint, "again", post=first.pk)
    assert set(Post.objects.filter(tries=0).values_list("pk", flat=True)) == {first.pk, other.pk}
    for odd in ("x", "9" * 5000):
        assert act(admin_client, endpoint, "again", post=odd) == 404
    act(admin_client, endpoint, "again")
    assert not Post.objects.filter(state=PostState.DEAD).exists()


def test_page_survives_every_state(admin_client: Client, endpoint: Endpoint, now: datetime) -> None:
    for state in PostState.values:
        post = endpoints.send_test(endpoint, now=now)
        Post.objects.filter(pk=post.pk).update(
            state=state, tries=3, last_status=500, last_tried_at=now - timedelta(minutes=1),
            last_error="The receiver answered 500.",
        )  # fmt: skip
    for route in ("webhook_pages:endpoint",):
        assert admin_client.get(reverse(route, args=[endpoint.pk])).status_code == 200
    assert admin_client.get(reverse("admin:webhooks_endpoint_changelist")).status_code == 200
    assert admin_client.get(reverse("admin:webhooks_post_changelist")).status_code == 200


def test_pages_are_for_staff_with_the_permission(client: Client, endpoint: Endpoint) -> None:
    answer = client.get(reverse("webhook_pages:endpoint", args=[endpoint.pk]))
    assert answer.status_code == 302
    assert "login" in answer["Location"]
