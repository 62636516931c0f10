"""Handing over: signed as receivers check it, tried again as the specification asks, never lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.webhooks.receivers import Receiver
from webhooks import endpoints, sending
from webhooks.enums import PostState, Topic
from webhooks.models import Endpoint, Message, Post


pytestmark = pytest.mark.django_db


def wall() -> datetime:
    return datetime.now(tz=UTC)


def later(**by: float) -> Callable[[], datetime]:
    return lambda: wall() + timedelta(**by)


@pytest.fixture
def endpoint(receiver: Receiver) -> Endpoint:
    return endpoints.create(url=receiver.url, topics=[Topic.TEST], description="", now=wall())[0]


def test_published_library_verifies_the_signature(receiver: Receiver) -> None:
    endpoint, secret = endpoints.create(
        url=receiver.url, topics=[Topic.TEST], description="", now=wall()
    )
    post = endpoints.send_test(endpoint, now=wall())

    assert sending.send_due(now=wall, courier=receiver.courier) == 1

    headers, body = receiver.taken[0]
    said = Webhook(secret).verify(body, headers)
    assert said["type"] == "webhook.test"
    assert headers["webhook-id"] == post.message.message_id
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"Nothing", b"Anything"), headers)
    post.refresh_from_db()
    assert (post.state, post.tries, post.last_status) == (PostState.DELIVERED, 1, 200)


def test_old_and_new_secret_both_verify_for_a_day(receiver: Receiver) -> None:
    endpoint, old = endpoints.create(
        url=receiver.url, topics=[Topic.TEST], description="", now=wall()
    )
    new = endpoints.rotate(endpoint, now=wall())
    endpoints.send_test(endpoint, now=wall())
    sending.send_due(now=wall, courier=receiver.courier)
    headers, body = receiver.taken[0]
    assert Webhook(old).verify(body, headers) == Webhook(new).verify(body, headers)

    Endpoint.objects.update(old_secret_until=wall() - timedelta(seconds=1))
    endpoints.send_test(endpoint, now=wall())
    sending.send_due(now=wall, courier=receiver.courier)
    headers, body = receiver.taken[1]
    Webhook(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, headers)


def test_failed_post_is_tried_again_with_the_same_id_and_body(
    receiver: Receiver, endpoint: Endpoint
) -> None:
    receiver.answers = [(500, {}), (200, {})]
    post = endpoints.send_test(endpoint, now=wall())

    sending.send_due(now=wall, courier=receiver.courier)
    assert sending.send_due(now=wall, courier=receiver.courier) == 0  # not before its time
    post.refresh_from_db()
    assert (post.state, post.last_status) == (PostState.PENDING, 500)
    sending.send_due(now=later(seconds=6), courier=receiver.courier)

    post.refresh_from_db()
    assert (post.state, post.tries) == (PostState.DELIVERED, 2)
    first, second = receiver.taken
    assert first[1] == second[1]
    assert first[0]["webhook-id"] == second[0]["webhook-id"]


@pytest.mark.parametrize("wish", ["600", "date"])
def test_retry_after_is_followed(receiver: Receiver, endpoint: Endpoint, wish: str) -> None:
    if wish == "date":
        wish = (wall() + timedelta(seconds=600)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    receiver.answers = [(429, {"retry-after": wish})]
    post = endpoints.send_test(endpoint, now=wall())
    sending.send_due(now=wall, courier=receiver.courier)
    post.refresh_from_db()
    wait = (post.next_try_at - wall()).total_seconds()
    assert 500 < wait <= 600


def test_post_is_dead_after_the_last_try_and_can_be_sent_again(
    receiver: Receiver, endpoint: Endpoint
) -> None:
    receiver.answers = [(503, {})] * (len(sending.DELAYS) + 1)
    post = endpoints.send_test(endpoint, now=wall())
    for _ in range(len(sending.DELAYS) + 1):
        Post.objects.update(next_try_at=wall() - timedelta(seconds=1))
        sending.send_due(now=wall, courier=receiver.courier)
    post.refresh_from_db()
    assert (post.state, post.tries) == (PostState.DEAD, 10)

    assert sending.send_again(Post.objects.all(), now=wall()) == 1
    assert sending.send_again(Post.objects.all(), now=wall()) == 0
    sending.send_due(now=wall, courier=receiver.courier)
    post.refresh_from_db()
    assert post.state == PostState.DELIVERED


def test_gone_stops_the_endpoint(receiver: Receiver, endpoint: Endpoint) -> None:
    receiver.answers = [(410, {})]
    endpoints.send_test(endpoint, now=wall())
    sending.send_due(now=wall, courier=receiver.courier)
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    assert "410" in endpoint.stopped_because

    endpoints.send_test(endpoint, now=wall())
    assert sending.send_due(now=later(hours=1), courier=receiver.courier) == 0
    endpoints.resume(endpoint)
    assert sending.send_due(now=later(hours=1), courier=receiver.courier) == 1


def test_redirect_is_a_failure_and_not_followed(receiver: Receiver, endpoint: Endpoint) -> None:
    receiver.answers = [(302, {"location": receiver.url})]
    post = endpoints.send_test(endpoint, now=wall())
    sending.send_due(now=wall, courier=receiver.courier)
    post.refresh_from_db()
    assert (post.state, post.last_status) == (PostState.PENDING, 302)
    assert len(receiver.taken) == 1


def test_dead_receiver_does_not_keep_others_waiting(receiver: Receiver, endpoint: Endpoint) -> None:
    dead = endpoints.create(
        url="http://127.0.0.1:9/", topics=[Topic.TEST], description="", now=wall()
    )[0]
    for _ in range(40):
        endpoints.send_test(dead, now=wall() - timedelta(minutes=1))
    alive = endpoints.send_test(endpoint, now=wall())

    sending.send_due(now=wall, courier=receiver.courier, limit=20)

    alive.refresh_from_db()
    assert alive.state == PostState.DELIVERED


def test_a_lease_that_ran_out_is_taken_up_again(receiver: Receiver, endpoint: Endpoint) -> None:
    post = endpoints.send_test(endpoint, now=wall())
    Post.objects.update(leased_until=wall() + timedelta(seconds=60))  # somebody else is at it
    assert sending.send_due(now=wall, courier=receiver.courier) == 0
    assert sending.send_due(now=later(seconds=61), courier=receiver.courier) == 1
    post.refresh_from_db()
    assert post.state == PostState.DELIVERED


def test_secrets_are_not_kept_in_plain(endpoint: Endpoint) -> None:
    secret = endpoints.rotate(endpoint, now=wall())
    endpoint.refresh_from_db()
    for sealed in (endpoint.sealed_secret, endpoint.sealed_old_secret):
        assert sealed
        assert secret.removeprefix("whsec_") not in sealed
        assert "whsec" not in sealed


def test_old_messages_are_forgotten_unless_somebody_waits(
    receiver: Receiver, endpoint: Endpoint
) -> None:
    done = endpoints.send_test(endpoint, now=wall())
    sending.send_due(now=wall, courier=receiver.courier)
    waiting = endpoints.send_test(endpoint, now=wall())
    Message.objects.update(created_at=wall() - timedelta(days=31))

    assert sending.forget(before=wall() - timedelta(days=30)) == 1
    assert not Message.objects.filter(pk=done.message_id).exists()
    assert Message.objects.filter(pk=waiting.message_id).exists()


def test_body_is_what_the_specification_says(endpoint: Endpoint, now: datetime) -> None:
    message = endpoints.send_test(endpoint, now=now).message
    assert json.loads(sending.encoded(message)) == {
        "type": "webhook.test",
        "timestamp": now.isoformat().replace("+00:00", "Z"),
        "data": {"says": "This is a test. Nothing happened."},
    }


def test_a_try_that_outlived_its_lease_undoes_nothing(
    receiver: Receiver, endpoint: Endpoint
) -> None:
    post = endpoints.send_test(endpoint, now=wall())

    (claimed,) = sending._claim(now=wall(), limit=1)
    # the lease runs out while we wait for the answer: another sender comes, and hands it over
    assert sending.send_due(now=later(minutes=3), courier=receiver.courier) == 1
    sending.settle(claimed, sending.Answer(status=None, error="No answer."), now=wall())

    post.refresh_from_db()
    endpoint.refresh_from_db()
    assert (post.state, post.tries) == (PostState.DELIVERED, 1)
    assert endpoint.failing_since is None


def test_a_late_yes_is_still_a_yes(receiver: Receiver, endpoint: Endpoint) -> None:
    post = endpoints.send_test(endpoint, now=wall())
    (first,) = sending._claim(now=wall(), limit=1)
    (second,) = sending._claim(now=later(minutes=3)(), limit=1)

    sending.settle(first, sending.Answer(status=200), now=wall())
    sending.settle(second, sending.Answer(status=500), now=wall())

    post.refresh_from_db()
    assert (post.state, post.last_status) == (PostState.DELIVERED, 200)


def test_no_try_begins_when_the_lease_is_nearly_over(
    receiver: Receiver, endpoint: Endpoint
) -> None:
    post = endpoints.send_test(endpoint, now=wall())
    times = iter([wall(), *[later(seconds=100)()] * 10])

    assert sending.send_due(now=lambda: next(times), courier=receiver.courier) == 0

    post.refresh_from_db()
    assert (post.state, post.tries, post.leased_until) == (PostState.PENDING, 0, None)
    assert receiver.taken == []


def test_who_does_not_answer_is_left_alone_for_a_while(endpoint: Endpoint) -> None:
    knocks: list[str] = []

    def silence(url: str, body: bytes, headers: dict[str, str]) -> sending.Answer:
        knocks.append(url)
        return sending.Answer(status=None, error="No answer within 15 seconds.")

    for _ in range(100):
        endpoints.send_test(endpoint, now=wall())
    tried = sending.send_due(now=wall, courier=silence)
    assert tried == len(knocks) <= 2 * sending.AT_ONCE
    assert sending.send_due(now=wall, courier=silence) == 0
    assert sending.send_due(now=later(seconds=8), courier=silence) > 0


def test_five_days_of_failures_stop_an_endpoint(receiver: Receiver, endpoint: Endpoint) -> None:
    receiver.answers = [(500, {})]
    Endpoint.objects.update(failing_since=wall() - timedelta(days=6))
    endpoints.send_test(endpoint, now=wall())
    sending.send_due(now=wall, courier=receiver.courier)
    endpoint.refresh_from_db()
    assert not endpoint.is_active


def test_a_secret_that_cannot_be_read_stops_no_other_endpoint(
    receiver: Receiver, endpoint: Endpoint
) -> None:
    broken = endpoints.create(url=receiver.url, topics=[Topic.TEST], description="", now=wall())[0]
    Endpoint.objects.filter(pk=broken.pk).update(sealed_secret="sealed with another key")
    lost, fine = (endpoints.send_test(one, now=wall()) for one in (broken, endpoint))

    sending.send_due(now=wall, courier=receiver.courier)

    lost.refresh_from_db()
    fine.refresh_from_db()
    assert fine.state == PostState.DELIVERED
    assert "secret cannot be read" in lost.last_error


@pytest.mark.parametrize(
    "wish", ["Mon, 01 Jan 2020 00:00:00 +9999999999999999999", "soon", "-5", "9" * 5000, "1.5"]
)
def test_no_wish_of_a_receiver_breaks_the_round(
    receiver: Receiver, endpoint: Endpoint, wish: str
) -> None:
    receiver.answers = [(429, {"retry-after": wish})]
    post = endpoints.send_test(endpoint, now=wall())
    sending.send_due(now=wall, courier=receiver.courier)
    post.refresh_from_db()
    assert (post.state, post.tries) == (PostState.PENDING, 1)
    assert post.next_try_at <= later(seconds=sending.LONGEST_WISH)()


def test_messages_of_a_stopped_endpoint_are_forgotten_too(endpoint: Endpoint) -> None:
    endpoints.send_test(endpoint, now=wall())
    Message.objects.update(created_at=wall() - timedelta(days=31))
    Endpoint.objects.update(is_active=False)
    assert sending.forget(before=wall() - timedelta(days=30)) == 1
