"""
A marketer's first campaign, in a real browser against a real server: build, preview, launch, watch
the messages leave for a real mail server, and read the result two weeks later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import Page, expect

from campaigns import tasks
from campaigns.enums import Arm, CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from consent import wordings
from core import clock
from customers.models import Order
from feedback import outcomes
from tests.browser import chromium
from tests.campaigns.conftest import RunningSink, sink  # noqa: F401 - a fixture
from tests.factories.campaigns import segment_in_bulk
from tests.factories.customers import NOW


pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.django_db(transaction=True)]
CUSTOMERS = 1_300  # above the number from which a launch wants it typed


@pytest.fixture
def page(live_server, sink: RunningSink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:  # noqa: F811
    """A marketer's window, logged in; errors of the page's scripts fail the test."""
    # the mail server first: it cannot start where an event loop runs already
    # playwright keeps an event loop running in this thread; Django would take us for a coroutine
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    path = chromium.executable()
    User.objects.create_superuser("mara", password="mara")
    errors: list[str] = []
    with chromium.browser(path) as browser:
        opened = browser.new_page()
        opened.set_default_timeout(chromium.PATIENCE)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        chromium.log_in(opened, base=live_server.url, username="mara", password="mara")
        yield opened
        # opened while playwright's loop ran, so nobody after it would find it to close it
        connection.close()
    assert errors == []


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def test_first_campaign(page: Page, live_server, sink: RunningSink) -> None:  # noqa: F811
    wordings.install_defaults(now=NOW)  # an earlier test may have emptied the tables
    segment = segment_in_bulk(CUSTOMERS)

    # build: the defaults are good enough to go on
    page.goto(f"{live_server.url}/admin/campaigns/new/")
    page.get_by_label("Name", exact=True).fill("Tea week")
    page.get_by_label("Send to").select_option(str(segment.pk))
    page.get_by_label("Everyone in the segment, less the holdout").check()
    page.get_by_label("Held out (%)").fill("20")
    page.get_by_role("button", name="Save and preview").click()

    # preview: the numbers add up, the message greets somebody
    expect(page.get_by_role("heading", name="Who will receive it")).to_be_visible()
    table = page.get_by_role("region", name="Who will receive the message")
    rows = {
        row.locator("th").inner_text(): number(row.locator("td").inner_text())
        for row in table.locator("tbody tr").all()
    }
    recipients = rows["= Will receive it"]
    assert rows["In the segment"] == CUSTOMERS
    assert recipients == CUSTOMERS - rows["− Held out at random, to measure the effect"]
    assert recipients > 1_000
    expect(page.frame_locator("iframe").get_by_text("Hello Ada,")).to_be_visible()
    page.get_by_label("Mobile (375 px)").check()
    assert page.locator("iframe").bounding_box()["width"] == 375

    # launch: not without the number
    page.get_by_role("link", name="Launch…").click()
    launch = page.get_by_role("button", name=re.compile("^Launch to"))
    launch.click()
    expect(page.get_by_role("alert")).to_contain_text("to confirm that so many people")
    page.get_by_label("Type the number of recipients").fill(str(recipients))
    launch.click()
    expect(page.get_by_role("heading", name="Scheduled")).to_be_visible()
    campaign = Campaign.objects.get()
    assert campaign.state == CampaignState.SCHEDULED

    # watch: what the worker does shows without a reload
    while campaign.state in {CampaignState.SCHEDULED, CampaignState.RUNNING}:
        tasks.dispatch_due()
        campaign.refresh_from_db()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("(100\u00a0%)")
    assert len(sink.recipients) == len(set(sink.recipients)) == recipients

    # two weeks later: a tenth of the mailed and a twentieth of the held out have ordered
    sent = Delivery.objects.filter(campaign=campaign, state=DeliveryState.SENT)
    held_out = Delivery.objects.filter(campaign=campaign, arm=Arm.HOLDOUT)
    buyers = [*sent.order_by("pk")[: recipients // 10], *held_out.order_by("pk")[:13]]
    Order.objects.bulk_create(
        Order(
            source_id=delivery.customer.source_id, external_id=f"later {delivery.pk}",
            customer=delivery.customer, status="PLACED", currency="EUR",
            placed_at=campaign.frozen_at + timedelta(days=3),
            arrived_at=campaign.frozen_at + timedelta(days=3),
            total_cents=4_000, margin_cents=1_600,
        )
        for delivery in buyers
    )  # fmt: skip
    assert outcomes.close_due(now=clock.now() + timedelta(days=15))
    page.get_by_role("link", name="5. Result").click()
    expect(page.get_by_role("heading", name="Against those held out by chance")).to_be_visible()
    expect(page.get_by_role("heading", name="Customers who ordered")).to_be_visible()
    expect(page.get_by_role("status").first).to_contain_text(
        re.compile("more profit|Not enough data")
    )
    picture = page.get_by_role("img", name=re.compile("^Customers who ordered: difference"))
    expect(picture).to_be_visible()
