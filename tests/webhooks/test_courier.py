"""The product's own courier: out to the internet, never into our network."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.webhooks.receivers import Receiver
from webhooks import courier
from webhooks.forms import EndpointForm


def test_post_refuses_our_own_network(receiver: Receiver) -> None:
    for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost")):
        answer = courier.post(url, b"{}", {})
        assert answer.status is None
        assert answer.error
    assert receiver.taken == []


def test_post_delivers_where_private_targets_are_allowed(
    receiver: Receiver, settings: Settings
) -> None:
    settings.ALLOW_PRIVATE_TARGETS = True
    receiver.answers = [(429, {"retry-after": "7"}), (301, {"location": "/"}), (204, {})]

    busy, moved, fine = (courier.post(receiver.url, b'{"a":1}', {"webhook-id": "m"}) for _ in "123")

    assert (busy.status, busy.retry_after, busy.is_taken) == (429, "7", False)
    assert (moved.status, moved.is_taken) == (301, False)
    assert "final address" in moved.error
    assert fine.is_taken
    headers, body = receiver.taken[0]
    assert (headers["webhook-id"], body) == ("m", b'{"a":1}')


def test_post_tells_of_a_receiver_that_is_away(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_TARGETS = True
    answer = courier.post("http://127.0.0.1:9/", b"{}", {})
    assert answer.status is None
    assert answer.error == "The connection failed."


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://user:secret@example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/",
        "https://10.0.0.1/",
        "https://2130706433/",
        "https://example.com:8443/",
        "ftp://example.com/",
    ],
)
def test_form_refuses_what_would_never_be_called(url: str) -> None:
    form = EndpointForm({"url": url, "topics": ["consent.changed"]})
    assert not form.is_valid()
    assert "url" in form.errors


def test_a_yes_counts_however_long_or_odd_the_page_with_it_is(
    receiver: Receiver, settings: Settings
) -> None:
    settings.ALLOW_PRIVATE_TARGETS = True
    receiver.page = b"x" * 2_000_000
    receiver.answers = [(200, {"content-encoding": "br"})]
    assert courier.post(receiver.url, b"{}", {}).is_taken
