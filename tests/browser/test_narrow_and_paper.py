"""What only a browser shows: how forms fit a phone, how wrong fields look, and what paper shows."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.urls import reverse
from playwright.sync_api import Page, expect

from consent import tokens, wordings
from core import clock
from tests.browser.chromium import browser, executable, log_in
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW, SourceFactory


pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamte"


@pytest.fixture
def staff_page(live_server, monkeypatch: pytest.MonkeyPatch):
    """A phone on which an admin has logged in."""
    # playwright keeps an event loop running in this thread; Django would take us for a coroutine
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    User.objects.create_superuser("olga", password="correct horse battery staple")
    with browser(executable()) as opened:
        page = opened.new_page(viewport={"width": 320, "height": 800}, base_url=live_server.url)
        log_in(page, base=live_server.url, username="olga", password="correct horse battery staple")
        yield page
        connection.close()  # opened while the loop ran: nobody after it would find it


def beyond(page: Page, selector: str) -> float:
    """By how many pixels the rightmost of these stands out of the panel that holds it."""
    return page.evaluate(
        """selector => Math.max(...[...document.querySelectorAll(selector)].map(one =>
        one.getBoundingClientRect().right - one.closest("fieldset, form, .ct").getBoundingClientRect().right))""",
        selector,
    )


def test_forms_fit_a_phone_and_say_what_is_wrong(staff_page: Page) -> None:
    page = staff_page
    page.goto(reverse("admin:auth_user_change", args=[User.objects.get().pk]))
    page.wait_for_selector(".selector")  # made by a script
    assert beyond(page, ".related-widget-wrapper > *") <= 0
    name = page.locator("h1 a").last
    expect(name).to_have_text("Olga")
    assert name.evaluate("one => one.clientWidth >= one.scrollWidth")  # not cut
    SourceFactory(name=LONG)
    page.goto("/admin/gateway/keys/new/")
    assert beyond(page, ".ct-choice label") <= 0
    page.get_by_role("button", name="Make").click()
    name = page.locator("[name=name][aria-invalid=true]")
    expect(name).to_have_css("border-top-width", "2px")


def test_paper_shows_choices_and_no_buttons(live_server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    wordings.install_defaults(now=NOW)
    clock.set_now(NOW)
    customer = MailableFactory()
    preferences = tokens.make(customer.pk, purpose=tokens.PREFERENCES)
    leaving = tokens.make(customer.pk, 0, 0, purpose=tokens.UNSUBSCRIBE)
    with browser(executable()) as opened:
        page = opened.new_page(base_url=live_server.url)
        page.emulate_media(media="print", color_scheme="dark")
        page.goto(reverse("consent:preferences", args=[preferences]))
        expect(page.get_by_role("checkbox").first).to_be_visible()
        for gone in ("button", "nav", "[type=date]", "#data"):
            for one in page.locator(gone).all():
                expect(one).to_be_hidden()
        page.goto(reverse("consent:unsubscribe", args=[leaving]))
        button = page.get_by_role("button")
        expect(button).to_be_visible()
        # grounds are not printed: white letters on green would be lost
        expect(button).to_have_css("color", "rgb(17, 24, 39)")
        connection.close()
