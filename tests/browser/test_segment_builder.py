"""A marketer builds a rule in a real browser: the count follows what is said, and the rule is saved."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import Page, expect

from consent import wordings
from segmentation import mirror
from segmentation.models import Segment
from tests.browser import chromium
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW, CustomerFactory


pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(live_server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A marketer's window, logged in; errors of the page's scripts fail the test."""
    # playwright keeps an event loop running in this thread; Django would take us for a coroutine
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    path = chromium.executable()
    User.objects.create_superuser("mara", password="mara")
    errors: list[str] = []
    with chromium.browser(path) as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(chromium.PATIENCE)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        chromium.log_in(opened, base=live_server.url, username="mara", password="mara")
        yield opened
        # opened while playwright's loop ran, so nobody after it would find it to close it
        connection.close()
    assert errors == []


def test_a_rule_is_built_and_counted_as_it_is_typed(page: Page, live_server) -> None:
    wordings.install_defaults(now=NOW)  # an earlier test may have emptied the tables
    MailableFactory.create_batch(2, country="DE", first_name="Lotte")
    CustomerFactory.create_batch(3, country="FR")
    mirror.refresh()

    page.goto(f"{live_server.url}/admin/segmentation/segment/new/")
    page.get_by_label("Name", exact=True).fill("Neighbours")
    page.get_by_label("About").focus()
    page.get_by_label("About").select_option("field:country")
    # its fields have come, and the eye is still where it was
    expect(page.get_by_label("About")).to_be_focused()
    page.get_by_label("Value", exact=True).fill("DE")
    panel = page.get_by_role("region", name="Who that is")
    expect(panel.get_by_role("status")).to_have_text(re.compile("2 of 5 customers match"))
    expect(panel.get_by_role("row", name=re.compile("Reachable by e-mail"))).to_contain_text("2")
    expect(panel).to_contain_text("Customers who have the country DE.")

    # a second condition, in a group of its own, by the keyboard alone
    page.get_by_role("button", name="Add a group to Who is in the segment").press("Enter")
    expect(page.get_by_role("group", name="Group 2")).to_be_visible()
    page.get_by_label("Customers for whom").first.select_option("any")
    page.get_by_role("group", name="Condition 2.1").get_by_label("About").select_option(
        "field:language"
    )
    page.get_by_role("group", name="Condition 2.1").get_by_label("Value", exact=True).fill("en")
    expect(panel.get_by_role("status")).to_have_text(re.compile("5 of 5 customers match"))
    expect(panel.get_by_role("row", name=re.compile("Reachable by e-mail"))).to_contain_text("2")

    # why is somebody in?
    panel.get_by_role("button", name=re.compile("Why is Lotte")).first.click()
    expect(panel.get_by_text(": DE").first).to_be_visible()

    page.get_by_role("button", name="Remove Group 2").click()
    expect(panel.get_by_role("status")).to_have_text(re.compile("2 of 5 customers match"))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Neighbours", exact=True)).to_be_visible()
    assert Segment.objects.get().definition == {
        "any": [{"field": "country", "is": "is", "value": "DE"}]
    }
