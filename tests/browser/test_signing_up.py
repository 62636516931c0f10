"""Signing up in a browser: the form, the message in a real mail server, the button, and then the gate."""

from __future__ import annotations

import email
import email.policy
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import Page, expect

from campaigns import tasks
from consent import gate, topics, wordings
from core import clock
from customers.models import Customer
from tests.browser.chromium import browser, executable
from tests.campaigns.conftest import running
from tests.factories.customers import NOW


pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ADDRESS = "anna@example.com"


def is_narrow(page: Page) -> bool:
    return bool(page.locator("body").evaluate("body => body.scrollWidth") <= 320)


def message_as_page(folder: Path) -> Path:
    """The HTML of the one message that the mail server gets when it is sent."""
    tasks.send_service_messages()
    (file,) = (folder / "sink" / "messages").iterdir()
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    html = message.get_body(("html",))
    assert html is not None
    page = folder / "message.html"
    page.write_text(html.get_content())
    return page


def test_from_the_form_by_the_message_to_the_consent_without_script(
    live_server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wordings.install_defaults(now=NOW)  # an earlier test may have emptied the tables
    clock.set_now(NOW + timedelta(hours=1))
    garden = topics.add(slug="garden", title="Garden", titles={"de": "Garten"}, now=NOW)
    monkeypatch.setattr(settings, "PUBLIC_URL", live_server.url)
    monkeypatch.setattr(settings, "SERVICE_FROM", "Tea & Cups <hello@shop.example>")
    pictures = Path(os.environ.get("PICTURES", tmp_path))
    # playwright keeps an event loop running in this thread; Django would take us for a coroutine
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with running(tmp_path / "sink") as sink, browser(executable()) as opened:
        monkeypatch.setattr(settings, "SMTP_URL", sink.url)
        page = opened.new_context(
            java_script_enabled=False, viewport={"width": 320, "height": 640}, locale="de-DE"
        ).new_page()
        page.goto(f"{live_server.url}/c/sign-up")
        expect(page.get_by_role("heading", level=1)).to_have_text("Neuigkeiten von Tea & Cups")
        expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)
        page.screenshot(path=pictures / "sign-up-320.png", full_page=True)
        page.get_by_role("button", name="Anmelden").click()
        expect(page.get_by_role("alert")).to_contain_text("E-Mail-Adresse")
        assert is_narrow(page)
        page.screenshot(path=pictures / "sign-up-wrong-320.png", full_page=True)
        # everything by the keyboard, in the order in which it stands there
        page.get_by_label("Ihre E-Mail-Adresse").fill(ADDRESS)
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Newsletter „Garten“")).to_be_focused()
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Bitte sehen Sie in Ihr Postfach")
        page.screenshot(path=pictures / "asked-320.png", full_page=True)
        assert not Customer.objects.exists()

        page.goto(f"file://{message_as_page(tmp_path)}")
        page.screenshot(path=pictures / "message-320.png", full_page=True)
        page.get_by_role("link", name="Auf unserer Seite bestätigen").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Bitte bestätigen Sie")
        expect(page.get_by_text("Newsletter „Garten“")).to_be_visible()
        assert is_narrow(page)
        page.screenshot(path=pictures / "confirm-320.png", full_page=True)
        page.reload()
        assert not Customer.objects.exists()
        page.get_by_role("button", name="Ja, ich stimme zu").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Danke")
        page.screenshot(path=pictures / "confirmed-320.png", full_page=True)
        customer = Customer.objects.get(email=ADDRESS)
        assert gate.refusal(customer, purpose=garden.purpose) is None
        page.get_by_role("link", name="Ihre Auswahl und Ihre Daten").click()
        expect(page.get_by_role("checkbox", checked=True)).to_have_count(1)

        connection.close()  # opened while the loop ran: nobody after it would find it


def test_every_control_has_a_name_and_what_is_wrong_is_readable_in_the_dark(
    live_server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wordings.install_defaults(now=NOW)
    pictures = Path(os.environ.get("PICTURES", tmp_path))
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with browser(executable()) as opened:
        dark = opened.new_context(color_scheme="dark", viewport={"width": 1200, "height": 800})
        page = dark.new_page()
        page.goto(f"{live_server.url}/c/sign-up?l=en")
        for name in ("checkbox", "button", "textbox"):
            for control in page.get_by_role(name).all():
                expect(control).to_have_accessible_name(re.compile("."))
        page.get_by_label("Your e-mail address").fill("nonsense")
        page.get_by_role("button", name="Sign up").click()
        expect(page.get_by_label("Your e-mail address")).to_have_value("nonsense")
        expect(page.get_by_role("alert").get_by_role("link")).to_have_count(2)
        page.screenshot(path=pictures / "sign-up-wrong-dark.png", full_page=True)
        connection.close()
