"""What people asked for themselves leaves at least once, through a real mail server."""

from __future__ import annotations

import email
import email.policy
import socket
import threading
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from campaigns import service_mail, tasks
from consent import gate, wordings
from consent.enums import Purpose
from consent.interlock import logbook
from consent.models import ServiceMessage, SignUp, Suppression
from consent.public import sign_up_words, signing_up
from core import clock
from tests.campaigns.test_dkim import RSA, pem, verified
from tests.factories.customers import NOW, CustomerFactory


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set_now(NOW)
    monkeypatch.setattr(settings, "SERVICE_FROM", "Tea & Cups <hello@shop.example>")


def ask(*local_parts: str, language: str = "en") -> None:
    texts = signing_up.texts_of([Purpose.MARKETING], language=language)
    for one in local_parts:
        signing_up.ask(
            address=f"{one}@example.com", texts=texts, language=language, form="footer", now=NOW
        )


def states() -> dict[str, str]:
    rows = ServiceMessage.objects.values_list("sign_up__address", "state")
    return {address.split("@")[0]: state for address, state in rows}


def kept(sink: Any) -> list[EmailMessage]:
    files = sorted((sink.sink.folder / "messages").iterdir())
    return [
        email.message_from_bytes(one.read_bytes(), policy=email.policy.default) for one in files
    ]


def make_due() -> None:
    ServiceMessage.objects.update(next_attempt_at=None, leased_until=None)


@pytest.mark.parametrize("language", sign_up_words.WORDS)
def test_the_message_has_the_words_the_link_and_no_way_to_unsubscribe(
    sink: Any, language: str
) -> None:
    ask("ada", language=language)
    assert tasks.send_service_messages() == 1
    (message,) = kept(sink)
    assert message["Subject"] == sign_up_words.words(language, shop="Tea & Cups")["subject"]
    assert message["From"] == "Tea & Cups <hello@shop.example>"
    assert message["To"] == "ada@example.com"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] is None
    row = ServiceMessage.objects.get()
    assert (row.state, message["Message-ID"]) == ("SENT", row.message_id)
    wording = SignUp.objects.get().wordings.get()
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        text = " ".join(part.get_content().split())
        assert wording.text in text
        assert f"{settings.PUBLIC_URL}/c/s/" in text
        assert settings.POSTAL_ADDRESS in text
    assert tasks.send_service_messages() == 0


def test_replies_become_states_and_only_an_address_that_is_not_there_is_suppressed(
    sink: Any,
) -> None:
    parts = ("ok", "reply-550-5.1.1", "data-552-5.2.2", "reply-451", "drop-after", "greylist")
    ask(*parts)
    tasks.send_service_messages()
    assert states() == {
        "ok": "SENT", "reply-550-5.1.1": "FAILED", "data-552-5.2.2": "FAILED",
        "reply-451": "WAITING", "drop-after": "WAITING", "greylist": "WAITING",
    }  # fmt: skip
    assert [row.reason for row in Suppression.objects.all()] == ["HARD_BOUNCE"]
    make_due()
    tasks.send_service_messages()
    assert states()["greylist"] == "SENT"
    for _ in range(5):
        make_due()
        tasks.send_service_messages()
    assert states()["reply-451"] == states()["drop-after"] == "FAILED"
    # what was accepted without an answer came again under the same name: a receiver can tell
    names = [one["message_id"] for one in sink.received if "drop-after" in one["recipient"]]
    assert (len(names), len(set(names))) == (5, 1)


def test_a_mail_server_that_is_away_costs_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    ask("ada")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(settings, "SMTP_URL", f"smtp://127.0.0.1:{taken.getsockname()[1]}")
        for _ in range(7):
            make_due()
            tasks.send_service_messages()
    row = ServiceMessage.objects.get()
    assert (row.state, row.attempt) == ("WAITING", 0)


def test_nothing_leaves_once_the_link_has_run_out_or_the_person_is_erased(sink: Any) -> None:
    ask("late", "erased")
    SignUp.objects.filter(address="erased@example.com").delete()
    clock.set_now(NOW + timedelta(days=8))
    tasks.send_service_messages()
    assert (states(), sink.received) == ({"late": "SKIPPED"}, [])


def test_whoever_unsubscribed_may_still_ask_and_gets_no_marketing_by_it(sink: Any) -> None:
    customer = CustomerFactory(email="ada@example.com")
    ask("ada")
    tasks.send_service_messages()
    assert sink.recipients == ["ada@example.com"]
    assert gate.refusal(customer) is not None


def test_it_is_signed_where_the_shop_has_a_key(sink: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("DKIM_KEY", pem(RSA)), ("DKIM_SELECTOR", "s1"), ("DKIM_DOMAIN", "shop.example"),
    ):  # fmt: skip
        monkeypatch.setattr(settings, name, value)
    ask("ada")
    tasks.send_service_messages()
    (file,) = (sink.sink.folder / "messages").iterdir()
    assert verified(file.read_bytes())


def test_nothing_leaves_from_a_database_that_was_restored(sink: Any) -> None:
    ask("ada")
    logbook.shut("The database is older than the logbook.")
    assert tasks.send_service_messages() == 0
    assert (states(), sink.received) == ({"ada": "WAITING"}, [])
    logbook.open_again()
    assert tasks.send_service_messages() == 1


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_send_each_message_once(sink: Any) -> None:
    wordings.install_defaults(now=NOW)  # an earlier test may have emptied the tables
    ask(*(f"c{number}" for number in range(30)))

    def work() -> None:
        try:
            service_mail.drain(now=clock.now, seconds=20, channel_url=sink.url)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(sink.recipients) == sorted(f"c{number}@example.com" for number in range(30))
    assert set(states().values()) == {"SENT"}
