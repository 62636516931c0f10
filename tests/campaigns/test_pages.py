"""A marketer builds, previews, launches and watches a campaign."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from campaigns import audience, lifecycle, pages, starter
from campaigns.enums import CampaignState, Targeting
from campaigns.models import Campaign
from tests.factories.campaigns import CampaignFactory, running_campaign
from tests.factories.consent import MailableFactory
from tests.factories.customers import CustomerFactory
from tests.factories.segmentation import segment_of


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is configured; nothing here sends."""
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")


@pytest.fixture
def segment():
    """Three who may be mailed, one who may not."""
    return segment_of([MailableFactory(), MailableFactory(), MailableFactory(), CustomerFactory()])


@pytest.fixture
def draft(segment) -> Campaign:
    return CampaignFactory(segment=segment, name="Tea week", holdout_share=0.01)


def url(name: str, *args: object) -> str:
    return reverse(f"campaign_pages:{name}", args=args)


def typed(segment, **changes: object) -> dict[str, object]:
    return {
        "name": "Spring", "segment": segment.pk, "targeting": Targeting.EVERYONE,
        "holdout_percent": "12.5", "explore_percent": "0", "min_days_between": "3",
        "rest_after_bad_days": "14",
        "from_name": "Shop", "from_email": "news@shop.example", "subject": starter.SUBJECT,
        "body_html": starter.BODY, "discount_percent": "10", "contact_cost": "0.02",
        "unsubscribe_cost": "1.50", "outcome_days": "14", **changes,
    }  # fmt: skip


# ------------------------------------------------------------------ build
def test_new_campaign_starts_with_a_message_that_has_no_problems(
    admin_client: Client, segment
) -> None:
    page = admin_client.get(url("new"), {"segment": segment.pk})
    form = page.context["form"]
    assert form["targeting"].value() == Targeting.PROFIT
    assert str(form["segment"].value()) == str(segment.pk)
    answer = admin_client.post(url("new"), typed(segment))
    campaign = Campaign.objects.get()
    assert answer.url == url("preview", campaign.pk)
    assert lifecycle.problems(campaign) == []
    assert (campaign.state, campaign.created_by.username) == (CampaignState.DRAFT, "admin")
    assert (campaign.holdout_share, campaign.contact_cost_cents) == (0.125, 2)
    assert (campaign.unsubscribe_cost_cents, campaign.explore_share) == (150, 0.0)
    assert len(campaign.salt) == 32


def test_two_campaigns_get_different_salts(admin_client: Client, segment) -> None:
    admin_client.post(url("new"), typed(segment))
    admin_client.post(url("new"), typed(segment, name="Summer"))
    assert len(set(Campaign.objects.values_list("salt", flat=True))) == 2


def test_refused_form_says_why_and_keeps_what_was_typed(admin_client: Client, segment) -> None:
    page = admin_client.post(
        url("new"), typed(segment, holdout_percent="0.5", subject="Kept", from_email="nobody")
    ).content.decode()
    assert "Not saved yet" in page
    assert 'id="id_holdout_percent_error"' in page
    assert 'aria-invalid="true"' in page
    assert 'value="Kept"' in page
    assert not Campaign.objects.exists()


def test_editing_shows_what_is_stored(admin_client: Client, draft: Campaign) -> None:
    form = admin_client.get(url("edit", draft.pk)).context["form"]
    assert float(form["holdout_percent"].value()) == 1.0
    admin_client.post(url("edit", draft.pk), typed(draft.segment, name="Tea month"))
    salt = draft.salt
    draft.refresh_from_db()
    assert (draft.name, draft.salt) == ("Tea month", salt)


def test_launched_campaign_is_frozen_for_the_form(
    admin_client: Client, draft: Campaign, now
) -> None:
    lifecycle.launch(draft, now=now)
    answer = admin_client.post(url("edit", draft.pk), typed(draft.segment, name="Changed"))
    assert answer.url == url("progress", draft.pk)
    draft.refresh_from_db()
    assert draft.name == "Tea week"


def test_what_was_launched_while_the_form_was_open_stays_as_it_was(
    admin_client: Client, draft: Campaign, monkeypatch: pytest.MonkeyPatch, now
) -> None:
    found = pages._campaign

    def found_and_then_launched(campaign_id: int) -> Campaign:
        campaign = found(campaign_id)
        lifecycle.launch(found(campaign_id), now=now)
        return campaign

    monkeypatch.setattr(pages, "_campaign", found_and_then_launched)
    answer = admin_client.post(url("edit", draft.pk), typed(draft.segment, name="Too late"))
    assert answer.url == url("progress", draft.pk)
    draft.refresh_from_db()
    assert (draft.state, draft.name) == (CampaignState.SCHEDULED, "Tea week")


def test_duplicate_is_a_draft_with_its_own_name_and_salt(
    admin_client: Client, draft: Campaign, now
) -> None:
    lifecycle.launch(draft, now=now)
    admin_client.post(url("duplicate", draft.pk))
    admin_client.post(url("duplicate", draft.pk))
    copies = Campaign.objects.exclude(pk=draft.pk).order_by("pk")
    assert [copy.name for copy in copies] == ["Tea week (2)", "Tea week (3)"]
    assert {copy.state for copy in copies} == {CampaignState.DRAFT}
    assert len({draft.salt, *(copy.salt for copy in copies)}) == 3
    assert copies[0].body_html == draft.body_html


# ------------------------------------------------------------------ preview
def test_preview_adds_up_and_is_what_freezing_then_does(
    admin_client: Client, draft: Campaign, now
) -> None:
    page = admin_client.get(url("preview", draft.pk))
    seen = page.context["audience"]
    assert seen.in_segment == sum(count for *_, count in seen.steps) + seen.eligible == 4
    assert seen.eligible == seen.holdout + seen.not_targeted + seen.will_receive
    assert [(code, count) for code, _, count in seen.steps] == [("NO_CONSENT", 1)]
    assert "Will receive it" in page.content.decode()
    lifecycle.launch(draft, now=now)
    audience.freeze(draft, now=now)
    progress = admin_client.get(url("progress", draft.pk)).context["counts"]
    assert (progress.audience, progress.messages) == (seen.in_segment, seen.will_receive)


def test_message_is_shown_for_a_chosen_customer_in_a_sandbox(
    admin_client: Client, draft: Campaign
) -> None:
    zoe = MailableFactory(first_name="Zoë", email="zoe@example.com")
    page = admin_client.get(url("preview", draft.pk), {"search": "ZOE@example.com"})
    assert page.context["rendered"].subject == "Tea for Zoë"
    assert 'sandbox=""' in page.content.decode()
    assert "List-Unsubscribe" in page.content.decode()
    message = admin_client.get(url("message", draft.pk, zoe.pk))
    assert "Hello Zoë" in message.content.decode()
    policy = message["Content-Security-Policy"]
    assert policy.startswith("sandbox;")
    assert "default-src 'none'" in policy
    lost = admin_client.get(url("preview", draft.pk), {"search": "nobody@example.com"})
    assert "Nobody has the address or number" in lost.content.decode()


@pytest.mark.parametrize(
    ("query", "status"),
    [({"customer": "²"}, 404), ({"customer": "9" * 5000}, 404), ({"search": "\0"}, 200)],
)
def test_nonsense_in_the_address_of_a_preview_is_no_error_of_ours(
    admin_client: Client, draft: Campaign, query: dict[str, str], status: int
) -> None:
    assert admin_client.get(url("preview", draft.pk), query).status_code == status


def test_blocking_problems_are_listed_and_stop_the_launch(admin_client: Client, segment) -> None:
    broken = CampaignFactory(segment=segment, body_html="<p>{{ customer.nickname }}</p>")
    page = admin_client.get(url("preview", broken.pk)).content.decode()
    assert "customer.nickname" in page
    assert "Solve the problems above first" in page
    admin_client.post(url("launch", broken.pk), {"when": "now"})
    broken.refresh_from_db()
    assert broken.state == CampaignState.DRAFT


def test_preview_of_an_empty_segment_says_so(admin_client: Client) -> None:
    page = admin_client.get(url("preview", CampaignFactory().pk)).content.decode()
    assert "There is nobody to preview the message for" in page


# ------------------------------------------------------------------ launch
def test_launch_schedules_the_campaign(admin_client: Client, draft: Campaign) -> None:
    admin_client.post(url("launch", draft.pk), {"when": "now"})
    draft.refresh_from_db()
    assert (draft.state, draft.scheduled_at is None) == (CampaignState.SCHEDULED, False)


def test_launch_at_a_time_needs_one(admin_client: Client, draft: Campaign) -> None:
    page = admin_client.post(url("launch", draft.pk), {"when": "at"}).content.decode()
    assert "Say when." in page
    admin_client.post(url("launch", draft.pk), {"when": "at", "at": "2031-05-01T08:00"})
    draft.refresh_from_db()
    assert f"{draft.scheduled_at:%Y-%m-%d %H:%M %Z}" == "2031-05-01 08:00 UTC"


def test_large_launch_wants_the_number_typed(
    admin_client: Client, draft: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "CONFIRM_ABOVE", 0)  # some of the three may be held out
    number = admin_client.get(url("launch", draft.pk)).context["audience"].will_receive
    for wrong in ("", "yes", str(number + 1)):
        admin_client.post(url("launch", draft.pk), {"when": "now", "typed": wrong})
        draft.refresh_from_db()
        assert draft.state == CampaignState.DRAFT
    admin_client.post(url("launch", draft.pk), {"when": "now", "typed": f" {number} "})
    draft.refresh_from_db()
    assert draft.state == CampaignState.SCHEDULED


# ------------------------------------------------------------------ watch
def test_progress_polls_while_it_is_live_and_stops_after(admin_client: Client, now) -> None:
    campaign = running_campaign("ada", "bob", now=now)
    part = admin_client.get(url("counts", campaign.pk)).content.decode()
    assert 'hx-trigger="every 2s"' in part
    assert "<html" not in part
    admin_client.post(url("act", campaign.pk), {"act": "pause"})
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    admin_client.post(url("act", campaign.pk), {"act": "resume"})
    admin_client.post(url("act", campaign.pk), {"act": "cancel"})
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.CANCELLED
    assert "hx-trigger" not in admin_client.get(url("counts", campaign.pk)).content.decode()


def test_a_move_that_is_not_allowed_is_told(admin_client: Client, now) -> None:
    campaign = running_campaign("ada", now=now)
    answer = admin_client.post(url("act", campaign.pk), {"act": "resume"}, follow=True)
    assert "Not done" in answer.content.decode()
    assert admin_client.post(url("act", campaign.pk), {"act": "explode"}).status_code == 404
    assert admin_client.get(url("act", campaign.pk)).status_code == 405


@pytest.mark.parametrize(
    ("state", "goes_to"),
    [("DRAFT", "edit"), ("SCHEDULED", "progress"), ("RUNNING", "progress"), ("PAUSED", "progress")],
)
def test_campaign_leads_to_the_page_of_its_state(
    admin_client: Client, state: str, goes_to: str
) -> None:
    campaign = CampaignFactory(state=state)
    changed = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    answer = admin_client.get(changed, follow=True)
    assert answer.redirect_chain[-1][0] == url(goes_to, campaign.pk)


# ------------------------------------------------------------------ who may
def test_who_may_only_look_can_neither_change_nor_launch(client: Client, draft: Campaign) -> None:
    analyst = User.objects.create_user("analyst", password="x", is_staff=True)
    analyst.user_permissions.add(
        *Permission.objects.filter(codename__in=["view_campaign", "view_customer"])
    )
    client.force_login(analyst)
    page = client.get(url("preview", draft.pk))
    assert page.status_code == 200
    assert "Launch…" not in page.content.decode()
    for name in ("edit", "launch"):
        assert client.get(url(name, draft.pk)).status_code == 403
    assert client.post(url("act", draft.pk), {"act": "cancel"}).status_code == 403
    assert client.get(url("new")).status_code == 403


def test_visitors_are_asked_to_log_in(client: Client, draft: Campaign) -> None:
    for name in ("preview", "launch", "progress", "counts"):
        assert "/admin/login/" in client.get(url(name, draft.pk)).url
