"""Above a number somebody else approves what is said and to how many; a change or growth voids it."""

from __future__ import annotations

import html
from datetime import datetime

import pytest
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from campaigns import approval, audience, lifecycle
from campaigns.enums import CampaignState
from campaigns.models import Campaign
from segmentation import rule_segments
from segmentation.models import Membership, Segment, SegmentVersion
from segmentation.rules import parse
from segmentation.words import words_of
from tests.factories.campaigns import CampaignFactory, segment_in_bulk
from tests.factories.consent import MailableFactory


pytestmark = pytest.mark.django_db

LIMIT = 20


@pytest.fixture
def draft(settings) -> Campaign:
    settings.APPROVE_ABOVE = LIMIT
    settings.SMTP_URL = "smtp://127.0.0.1:2525"
    campaign: Campaign = CampaignFactory(segment=segment_in_bulk(LIMIT + 10), holdout_share=0.0)
    return campaign


def client_of(role: str) -> tuple[Client, User]:
    user = User.objects.create_user(f"{role}-{User.objects.count()}", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client, user


def url(page: str, campaign: Campaign) -> str:
    return reverse(f"campaign_pages:{page}", args=[campaign.pk])


def launches(client: Client, campaign: Campaign) -> bool:
    client.post(url("launch", campaign), {"when": "now", "typed": "30"})
    campaign.refresh_from_db()
    return campaign.state == CampaignState.SCHEDULED


def approves(client: Client, campaign: Campaign) -> HttpResponse:
    return client.post(url("approve", campaign), {"digest": approval.digest(campaign)})


def test_two_people_launch_a_large_campaign(draft: Campaign) -> None:
    (marketer, launcher), (approver, who) = client_of("Marketer"), client_of("Approver")
    assert not launches(marketer, draft)
    assert (
        "need the approval of somebody else" in marketer.get(url("launch", draft)).content.decode()
    )
    assert "Approve for" not in marketer.get(url("preview", draft)).content.decode()
    assert approves(marketer, draft).status_code == 403

    assert "Approve for 30 customers" in approver.get(url("preview", draft)).content.decode()
    approves(approver, draft)
    assert approver.post(url("launch", draft), {"when": "now"}).status_code == 403
    assert f"by {who}" in marketer.get(url("preview", draft)).content.decode()
    assert launches(marketer, draft)
    assert (draft.approved_by, draft.launched_by, draft.approved_people) == (who, launcher, 30)


def test_only_what_was_looked_at_is_approved(draft: Campaign) -> None:
    (marketer, _), (approver, _) = client_of("Marketer"), client_of("Approver")
    shown = approver.get(url("preview", draft)).content.decode()
    assert f'name="digest" value="{approval.digest(draft)}"' in shown
    Campaign.objects.filter(pk=draft.pk).update(subject="What nobody has read")
    approves(approver, draft)  # from the page with the former subject
    assert not launches(marketer, draft)
    assert draft.approved_at is None


def test_who_approved_cannot_launch_too(draft: Campaign, admin_client: Client) -> None:
    approves(admin_client, draft)
    assert not launches(admin_client, draft)
    other, _ = client_of("Marketer")
    assert launches(other, draft)


@pytest.mark.parametrize(
    "change", [{"subject": "Other"}, {"holdout_share": 0.2}, {"segment": None}]
)
def test_a_change_voids_the_approval(draft: Campaign, change: dict, now: datetime) -> None:
    clerk, other = User.objects.create_user("clerk"), User.objects.create_user("other")
    approval.approve(draft, by=clerk, recipients=30, now=now)
    draft.refresh_from_db()
    assert approval.refusal(draft, by=other, recipients=30) == ""
    if "segment" in change:
        change = {"segment": segment_in_bulk(30)}
    for name, value in change.items():
        setattr(draft, name, value)
    assert "as it is now" in approval.refusal(draft, by=other, recipients=30)


def test_an_audience_that_grew_goes_back_to_a_draft_and_mails_nobody(
    draft: Campaign, now: datetime
) -> None:
    clerk, other = User.objects.create_user("clerk"), User.objects.create_user("other")
    approval.approve(draft, by=clerk, recipients=30, now=now)
    draft.refresh_from_db()
    lifecycle.schedule(draft, at=now, now=now, by=other, recipients=30)
    for _ in range(4):  # 34 are more than a tenth more than 30
        Membership.objects.create(segment=draft.segment, customer=MailableFactory(), joined_at=now)
    assert not audience.freeze(draft, now=now)
    draft.refresh_from_db()
    assert draft.state == CampaignState.DRAFT
    assert "34" in draft.note
    assert not draft.deliveries.exists()


def rule_segment(name: str, condition: dict, *, now: datetime) -> Segment:
    return change_rule(None, name, condition, now=now)


def change_rule(segment: Segment | None, name: str, condition: dict, *, now: datetime) -> Segment:
    rule = parse({"all": [condition]})
    return rule_segments.save(
        segment=segment, name=name, description="", rule=rule, words=words_of(rule), user_id=None,
        now=now,
    )  # fmt: skip


def spend(cents: int) -> dict:
    return {"field": "revenue_cents", "is": "at_least", "value": cents}


@pytest.fixture
def by_rule(draft: Campaign, now: datetime) -> tuple[Campaign, Segment]:
    """The draft, approved and launched, whose segment names another, whose rule it shares."""
    inner = rule_segment("Spenders", spend(100), now=now)
    outer = rule_segment("Best", {"segment": inner.pk, "is": "in"}, now=now)
    Membership.objects.filter(segment=draft.segment).update(segment=outer)
    draft.segment = outer
    draft.save()
    clerk, other = User.objects.create_user("clerk"), User.objects.create_user("other")
    approval.approve(draft, by=clerk, recipients=30, now=now)
    draft.refresh_from_db()
    lifecycle.schedule(draft, at=now, now=now, by=other, recipients=30)
    return draft, inner


def test_a_rule_that_changed_since_the_approval_mails_nobody_and_says_which(
    by_rule: tuple[Campaign, Segment], now: datetime
) -> None:
    campaign, inner = by_rule
    assert set(approval.rules_behind(campaign).values()) == {1}
    change_rule(inner, "Spenders", spend(1), now=now)
    assert not audience.freeze(campaign, now=now)
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.DRAFT
    assert "the rule of “Spenders” has changed since it was approved" in campaign.note
    assert not campaign.deliveries.exists()
    approver, _ = client_of("Approver")
    shown = html.unescape(approver.get(url("preview", campaign)).content.decode())
    assert campaign.note in shown
    before, after = (
        version.words for version in SegmentVersion.objects.filter(segment=inner).order_by("number")
    )
    assert before in shown
    assert after in shown
    approves(approver, campaign)
    marketer, _ = client_of("Marketer")
    assert launches(marketer, campaign)
    assert audience.freeze(campaign, now=now)


def test_rules_that_stayed_begin_and_the_approval_shows_what_they_say(
    by_rule: tuple[Campaign, Segment], now: datetime
) -> None:
    campaign, inner = by_rule
    rule_segment("Others", spend(7), now=now)
    change_rule(inner, "Spenders, renamed", spend(100), now=now)
    lifecycle.unschedule(campaign, now=now)
    marketer, _ = client_of("Marketer")
    shown = html.unescape(marketer.get(url("preview", campaign)).content.decode())
    assert "Rule of “Spenders, renamed”, version 1" in shown
    assert SegmentVersion.objects.get(segment=inner).words in shown
    assert "Others" not in shown.partition("Approval</h2>")[2].partition("</section>")[0]
    assert launches(marketer, campaign)
    assert audience.freeze(campaign, now=now)


def test_a_rule_changed_while_somebody_looked_is_not_approved_with_the_rest(
    by_rule: tuple[Campaign, Segment], now: datetime
) -> None:
    campaign, inner = by_rule
    lifecycle.unschedule(campaign, now=now)
    approver, _ = client_of("Approver")
    looked_at = approval.digest(campaign)
    change_rule(inner, "Spenders", spend(1), now=now)
    approver.post(url("approve", campaign), {"digest": looked_at})
    campaign.refresh_from_db()
    assert not approval.is_approved(campaign, recipients=30)


def test_small_campaigns_and_commands_need_no_approval(draft: Campaign, now: datetime) -> None:
    clerk = User.objects.create_user("clerk")
    assert approval.refusal(draft, by=clerk, recipients=LIMIT) == ""
    lifecycle.launch(draft, now=now)
    assert audience.freeze(draft, now=now)


def test_nothing_needs_approval_where_no_limit_is_set(draft: Campaign, settings) -> None:
    settings.APPROVE_ABOVE = 0
    marketer, _ = client_of("Marketer")
    assert "Approval" not in marketer.get(url("preview", draft)).content.decode()
    assert launches(marketer, draft)


def test_only_a_draft_is_approved(draft: Campaign, now: datetime) -> None:
    lifecycle.launch(draft, now=now)
    with pytest.raises(approval.ApprovalError):
        approval.approve(draft, by=User.objects.create_user("clerk"), recipients=30, now=now)
