"""Where we are is said once, and an empty list says what will stand there."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from config.menu import UNFOLD
from consent.models import Suppression
from customers.empty_lists import NOTHING_YET, WORDS, in_words
from tests.factories.customers import NOW, CustomerFactory, SourceFactory


pytestmark = pytest.mark.django_db

OURS = sorted(
    model._meta.label_lower
    for model in admin.site._registry
    if model._meta.app_label not in ("auth", "django_celery_beat")
)


def active(path: str) -> list[str]:
    request = RequestFactory().get(path)
    return [
        item["title"]
        for group in UNFOLD["SIDEBAR"]["navigation"]
        for item in group["items"]
        if item["active"](request)
    ]


@pytest.mark.parametrize(
    ("route", "title"),
    [
        ("admin:index", "Home"),
        ("admin:data_register", "Register"),
        ("admin:consent_datarequest_changelist", "Data requests"),
        ("admin:recommendations_page", "Recommendations"),
        ("admin:segmentation_categoryrule_add", "Recommendations"),
        ("admin:models_page", "Models"),
        ("admin:drift_page", "Models"),
        ("admin:said_page", "Reviews and sentiment"),
        ("admin:special_data", "Special data"),
        ("admin:customers_customer_changelist", "Customers"),
        ("campaign_pages:new", "Campaigns"),
    ],
)
def test_one_line_of_the_menu_is_where_we_are(route: str, title: str) -> None:
    assert active(reverse(route)) == [title]


def test_no_line_is_where_nothing_is_listed() -> None:
    assert active("/admin/nowhere/") == []


@pytest.mark.parametrize("label", OURS)
def test_every_list_says_what_will_stand_in_it(label: str) -> None:
    assert in_words(label) != NOTHING_YET


def test_words_are_for_lists_that_exist() -> None:
    registered = {model._meta.label_lower for model in admin.site._registry}
    assert WORDS.keys() <= registered


def test_empty_list_helps_and_one_without_a_match_leads_back(admin_client: Client) -> None:
    address = reverse("admin:customers_customer_changelist")
    empty = admin_client.get(address).content.decode()
    assert WORDS["customers.customer"] in empty
    CustomerFactory()
    unmatched = admin_client.get(address, {"q": "nobody-like-that"}).content.decode()
    assert "Nothing matches what you asked for." in unmatched
    assert "Show everything" in unmatched
    assert "yielded" not in empty + unmatched
    assert "Previous" not in empty + unmatched  # one page: nowhere to go


def test_browser_finds_the_icon_where_a_page_names_none(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Location"]) == (302, "/static/coterie/icon.svg")


@pytest.mark.parametrize(
    ("route", "title"),
    [
        ("admin:feedback_liftestimate_changelist", "Results"),
        ("admin:consent_suppression_changelist", "Suppressed"),
        ("admin:auth_user_changelist", "Staff"),
        ("admin:special_data", "data"),  # no list, so its own title
        ("admin:password_change", "change"),
    ],
)
def test_list_is_headed_by_what_the_menu_calls_it(
    admin_client: Client, route: str, title: str
) -> None:
    page = admin_client.get(reverse(route)).content.decode()
    heading = page.partition("<h1")[2].partition("</h1>")[0]
    assert title in heading.split("</")[-2].split()


def test_moments_are_written_alike_on_every_screen(admin_client: Client) -> None:
    """A quarter of a day is neither "noon" nor "9 a.m."."""
    address = reverse("admin:consent_suppression_changelist")
    for hour in (0, 9, 12, 21):
        Suppression.objects.create(
            address_hmac=f"{hour:064}", reason="COMPLAINT", created_at=NOW.replace(hour=hour)
        )
    page = admin_client.get(address).content.decode()
    assert [f"1 Jun 2026, {hour:02}:00" in page for hour in (0, 9, 12, 21)] == [True] * 4


def test_schedules_say_days_and_hours(admin_client: Client) -> None:
    for every, period in ((86_400, "seconds"), (3_600, "seconds"), (90, "seconds"), (2, "days")):
        PeriodicTask.objects.create(
            name=f"{every} {period}",
            task="x",
            interval=IntervalSchedule.objects.create(every=every, period=period),
        )
    page = admin_client.get(reverse("admin:django_celery_beat_periodictask_changelist"))
    for words in ("every day", "every hour", "every 90 seconds", "every 2 days"):
        assert words in page.content.decode()


def test_nothing_is_the_same_dash_in_every_column(admin_client: Client) -> None:
    SourceFactory()  # a file: nobody hears of it, and nothing was imported
    page = admin_client.get(reverse("admin:customers_source_changelist")).content.decode()
    cells = dict(re.findall(r'<td class="[^"]*field-(last_\w+)[^>]*>(.*?)</td>', page, re.DOTALL))
    assert {re.sub(r"<[^>]*>", "", text).strip() for text in cells.values()} == {"–"}
    assert cells.keys() == {"last_heard", "last_import"}
