from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign
from campaigns.returns import receiving
from tests.campaigns.returns.test_recording import came_back, sent
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db


def test_the_progress_page_tells_what_came_back_and_leads_to_it(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")
    gone, full, *_ = sent("gone", "full", "fine", "well")
    came_back("01-postfix-user-unknown", gone)
    came_back("07-mailbox-full", full)
    page = reverse("campaign_pages:progress", args=[Campaign.objects.get().pk])
    text = admin_client.get(page).content.decode()
    assert "What came back" in text
    assert text.count("25.00\u00a0%") == 2
    link = text.split("bounce__exact=HARD")[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    listed = admin_client.get(f"{link}bounce__exact=HARD").content.decode()
    assert str(gone.customer) in listed
    assert str(full.customer) not in listed


def test_what_came_back_to_nobody_we_know_is_listed_too(admin_client: Client) -> None:
    receiving.take(b"Subject: hello\r\n\r\n", now=NOW)
    page = admin_client.get(reverse("admin:campaigns_deliveryreport_changelist"))
    assert "not matched yet" in page.content.decode()
