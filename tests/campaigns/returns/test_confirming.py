"""What comes back about the message that asks to confirm a sign-up."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from campaigns import tasks
from campaigns.channels.base import ACCEPTED_AS
from campaigns.enums import BounceClass, ReportKind
from campaigns.models import DeliveryReport
from campaigns.returns import receiving, recording, verp
from campaigns.returns.recording import Incoming
from campaigns.tracking import message_id
from consent import gate
from consent.enums import Purpose
from consent.models import ServiceMessage, SignUp, Suppression
from consent.public import signing_up
from core import clock
from tests.campaigns.returns.corpus import mail
from tests.campaigns.returns.test_recording import LATER, sent
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db

BOUNCES = "b@bounces.shop.example"
HARD, FULL, BLOCKED = "01-postfix-user-unknown", "07-mailbox-full", "14-gmail-unauthenticated"


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set_now(NOW)
    monkeypatch.setattr(settings, "SERVICE_FROM", "Tea & Cups <hello@shop.example>")
    monkeypatch.setattr(settings, "BOUNCE_ADDRESS", BOUNCES)


def ask(local_part: str) -> ServiceMessage:
    texts = signing_up.texts_of([Purpose.MARKETING], language="en")
    address = f"{local_part}@example.com"
    signing_up.ask(address=address, texts=texts, language="en", form="footer", now=NOW)
    return ServiceMessage.objects.latest("pk")


def accepted(local_part: str) -> ServiceMessage:
    message = ask(local_part)
    ServiceMessage.objects.filter(pk=message.pk).update(state="SENT")
    return message


def path(message: ServiceMessage) -> str:
    return verp.return_path(message.pk, address=BOUNCES, purpose=verp.SERVICE_RETURN_PATH)


def came_back(name: str, *, to: str = BOUNCES, of: str = "<other@shop.example>") -> ReportKind:
    """The mail `name`, with only those marks that are given."""
    return receiving.take(mail(name, verp=to, message_id=of, unsubscribe_url=""), now=LATER)


def stands(message: ServiceMessage) -> tuple[str, list[str]]:
    message.refresh_from_db()
    return message.state, list(Suppression.objects.values_list("reason", flat=True))


def test_the_message_leaves_under_a_return_path_that_names_it_and_no_delivery(sink: Any) -> None:
    message = ask("ada")
    assert tasks.send_service_messages() == 1
    (one,) = sink.received
    assert one["sender"] == path(message)
    token = verp.TOKEN.search(path(message))
    assert token is not None
    assert verp.read(token[1]) is None


@pytest.mark.parametrize("mark", ["return path", "Message-ID"])
def test_a_hard_bounce_ends_the_sign_up_and_the_address_is_asked_no_more(
    sink: Any, mark: str
) -> None:
    message = accepted("typo")
    given = {"to": path(message)} if mark == "return path" else {"of": message.message_id}
    for _ in range(2):
        came_back(HARD, **given)
        assert stands(message) == ("CAME_BACK", ["HARD_BOUNCE"])
    assert "5.1.1" in message.reply
    suppressed = Suppression.objects.get()
    assert suppressed.address_hmac == message.sign_up.address_hmac
    assert not DeliveryReport.objects.exists()
    clock.set_now(LATER)
    SignUp.objects.update(asked_at=NOW - signing_up.BETWEEN)
    again = ask("typo")
    tasks.send_service_messages()
    assert stands(again)[0] == "SKIPPED"
    assert sink.received == []


@pytest.mark.parametrize(
    ("name", "state", "reasons"),
    [
        (FULL, "CAME_BACK", []),
        (BLOCKED, "CAME_BACK", []),
        ("40-arf-abuse", "CAME_BACK", ["COMPLAINT"]),
        ("11-postfix-delayed", "SENT", []),
        ("45-vacation-rfc3834", "SENT", []),
    ],
)
def test_what_follows_from_the_rest(name: str, state: str, reasons: list[str]) -> None:
    message = accepted("ada")
    came_back(name, to=path(message), of=message.message_id)
    assert stands(message) == (state, reasons)


def test_a_bounce_that_overtakes_our_own_mark_is_not_sent_again() -> None:
    message = ask("typo")  # handed over, and the answer is not noted yet
    came_back(HARD, to=path(message))
    assert stands(message)[0] == "CAME_BACK"
    assert tasks.send_service_messages() == 0


def test_an_address_that_has_confirmed_by_it_is_never_suppressed() -> None:
    customer = MailableFactory(email="ada@example.com")
    message = accepted("ada")
    SignUp.objects.filter(pk=message.sign_up_id).update(confirmed_at=NOW)
    came_back(HARD, to=path(message))
    assert stands(message) == ("CAME_BACK", [])
    assert gate.refusal(customer) is None


def test_a_report_without_our_signature_or_of_two_messages_suppresses_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")
    (delivery,) = sent("grace")
    one, two = accepted("one"), accepted("two")
    forged = verp.return_path(one.pk, address=BOUNCES)[:-4] + "zzzz"
    came_back(HARD, to=forged, of=f"<s.{'0' * 32}@{settings.MESSAGE_ID_DOMAIN}>")
    came_back(HARD, to=path(one), of=two.message_id)
    came_back(HARD, to=path(one), of=message_id(delivery.pk))
    assert stands(one) == stands(two) == ("SENT", [])
    assert set(DeliveryReport.objects.values_list("delivery", flat=True)) == {None}


@pytest.mark.parametrize(
    ("address", "state"), [("ada", "CAME_BACK"), ("eve", "SENT"), ("", "CAME_BACK")]
)
def test_a_provider_names_it_by_its_own_number(address: str, state: str) -> None:
    message = accepted("ada")
    ServiceMessage.objects.update(reply=f"{ACCEPTED_AS}n-1")
    recording.record(
        Incoming(
            source="postmark", identity="1", kind=ReportKind.BOUNCED, bounce=BounceClass.HARD,
            provider_number="n-1", address=address and f"{address}@example.com",
        ),
        now=LATER,
    )  # fmt: skip
    assert stands(message)[0] == state
