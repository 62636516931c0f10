"""The public pages in a browser: no script, every control named, and narrow screens hold them."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import expect

from consent import gate, tokens, topics, wordings
from consent.enums import Purpose, Refusal
from core import clock
from segmentation.models import Membership
from tests.browser.chromium import browser, executable
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import NOW
from tests.factories.segmentation import SegmentFactory


pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_choosing_works_without_script_on_a_narrow_screen(
    live_server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wordings.install_defaults(now=NOW)  # an earlier test may have emptied the tables
    clock.set_now(NOW + timedelta(hours=1))
    topics.add(slug="garden", title="Garden", titles={"de": "Garten", "es": "Jardín"}, now=NOW)
    topics.add(slug="sales", title="Sales", titles={"de": "Sonderverkaufsveranstaltungen"}, now=NOW)
    customer = MailableFactory()
    agree(customer, Purpose.PROFILING)
    Membership.objects.create(
        segment=SegmentFactory(name="Regulars", kind="RULE", public_names={"de": "Teefreunde"}),
        customer=customer,
        joined_at=NOW,
    )
    path = f"/c/p/{tokens.make(customer.pk, purpose=tokens.PREFERENCES)}"
    pictures = Path(os.environ.get("PICTURES", tmp_path))
    # playwright keeps an event loop running in this thread; Django would take us for a coroutine
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with browser(executable()) as opened:
        page = opened.new_context(
            java_script_enabled=False, viewport={"width": 320, "height": 640}, locale="de-DE",
            extra_http_headers={"Sec-GPC": "1"},
        ).new_page()  # fmt: skip
        page.goto(live_server.url + path)
        expect(page.get_by_role("heading", level=1)).to_have_text("Ihre Auswahl und Ihre Daten")
        expect(page.get_by_text("Ihr Widerspruch wird beachtet")).to_be_visible()
        expect(page.get_by_text("„Teefreunde“")).to_be_visible()
        assert page.locator("body").evaluate("body => body.scrollWidth") <= 320
        page.screenshot(path=pictures / "preferences-320.png", full_page=True)
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("checkbox", checked=True)).to_have_count(2)
        for name in ("checkbox", "button", "combobox"):
            for control in page.get_by_role(name).all():
                expect(control).to_have_accessible_name(re.compile("."))
        page.get_by_label("newsletter “Garden”").check()
        page.get_by_label("Send nothing until").fill("2026-07-01")
        page.get_by_label("Offers and news at most").select_option("2")
        page.get_by_role("button", name="Save my choices").click()
        expect(page.get_by_role("status").first).to_contain_text("saved")
        page.set_viewport_size({"width": 1200, "height": 800})
        page.screenshot(path=pictures / "preferences-1200.png", full_page=True)
        page.get_by_role("button", name="Erase my data").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "Do you want us to erase your data?"
        )
        page.screenshot(path=pictures / "erase.png")
        dark = opened.new_context(color_scheme="dark", viewport={"width": 1200, "height": 800})
        page = dark.new_page()
        page.goto(live_server.url + path)
        page.screenshot(path=pictures / "preferences-dark.png")
        unsubscribe = tokens.make(customer.pk, 0, 0, purpose=tokens.UNSUBSCRIBE)
        page.goto(f"{live_server.url}/c/u/{unsubscribe}")
        page.screenshot(path=pictures / "unsubscribe-dark.png")
        assert gate.refusal(customer) == Refusal.PAUSED
        connection.close()  # opened while the loop ran: nobody after it would find it
