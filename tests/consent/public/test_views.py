from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from consent import gate, tokens
from consent.enums import Refusal
from consent.models import ConsentEvent
from core import clock
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(autouse=True)
def later() -> None:
    clock.set_now(NOW + timedelta(hours=1))


@pytest.fixture
def client() -> Client:
    return Client(enforce_csrf_checks=True)  # a mail program has no token of ours


def address(customer_id: int) -> str:
    return f"/c/u/{tokens.make(customer_id, 5, 6, purpose=tokens.UNSUBSCRIBE)}"


def test_get_asks_and_changes_nothing(client: Client) -> None:
    customer = MailableFactory()
    for response in (client.get(address(customer.pk)), client.head(address(customer.pk))):
        assert response.status_code == 200
    page = client.get(address(customer.pk)).content.decode()
    for part in ('<html lang="en">', "<main>", "<h1>", "<button", "<title>Unsubscribe"):
        assert part in page
    assert gate.refusal(customer) is None


@pytest.mark.parametrize(
    ("body", "method"), [(ONE_CLICK, "one-click"), ({"confirm": "yes"}, "unsubscribe page")]
)
def test_post_unsubscribes_without_cookie_or_redirect(
    client: Client, body: dict[str, str], method: str
) -> None:
    customer = MailableFactory()
    for _ in range(2):
        response = client.post(address(customer.pk), body)
        assert response.status_code == 200
        assert not response.cookies
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["Cache-Control"] == "no-store"
        assert "Cookie" not in response.get("Vary", "")
    assert gate.refusal(customer) == Refusal.SUPPRESSED
    assert ConsentEvent.objects.get(act="WITHDRAWN").method == method


def test_one_click_may_be_multipart(client: Client) -> None:
    customer = MailableFactory()
    body = '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    client.post(address(customer.pk), body, content_type="multipart/form-data; boundary=b")
    assert ConsentEvent.objects.get(act="WITHDRAWN").method == "one-click"


def test_bad_token_tells_nothing(client: Client) -> None:
    MailableFactory()
    click = tokens.make(1, 5, 6, purpose=tokens.CLICK)
    for path in ("/c/u/nonsense", f"/c/u/{click}"):
        for response in (client.get(path), client.post(path, ONE_CLICK)):
            assert response.status_code == 404
            assert "does not work" in response.content.decode()


def test_a_customer_who_is_gone_gets_the_same_page(client: Client) -> None:
    assert client.post(address(999_999), ONE_CLICK).status_code == 200
