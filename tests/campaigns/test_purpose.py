"""A campaign that is a newsletter goes to who agreed to that one, and its button ends that one."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from campaigns import audience, lifecycle, queries, rendering, starter, tasks
from campaigns.enums import SkipReason
from campaigns.forms import CampaignForm
from campaigns.models import Campaign, Delivery
from consent import gate, ledger, tokens, topics, wordings
from consent.enums import Purpose, Refusal
from consent.models import ConsentEvent, Topic
from consent.public import choosing
from core import clock
from customers.enums import EventKind
from customers.models import Customer, Event
from tests.campaigns.test_races import InThread, claimed
from tests.factories.campaigns import CampaignFactory
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW, CustomerFactory
from tests.factories.segmentation import segment_of
from tests.gateway.clients import Api


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def at_later(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set_now(LATER)
    monkeypatch.setattr(settings, "SMTP_URL", settings.SMTP_URL or "smtp://127.0.0.1:1")


@pytest.fixture
def garden() -> Topic:
    wordings.install_defaults(now=NOW)
    return topics.add(slug="garden", title="Garden", titles={"de": "Garten"}, now=NOW)


def subscribe(customer: Customer, topic: Topic, *, at=NOW) -> Customer:
    wording = wordings.shown(topic.purpose, language="en")
    assert wording is not None
    ledger.grant(customer=customer, wording=wording, method="form", now=at)
    return customer


def launched(topic: Topic, *customers: Customer, **fields: Any) -> Campaign:
    campaign: Campaign = CampaignFactory(
        segment=segment_of(customers), purpose=topic.purpose, holdout_share=0.0, **fields
    )
    lifecycle.launch(campaign, now=NOW)
    assert audience.freeze(campaign, now=NOW)
    return campaign


def states() -> dict[str, str]:
    rows = Delivery.objects.values_list("customer__email", "state", "reason")
    return {address.split("@")[0]: reason or state for address, state, reason in rows}


# ---------------------------------------------------------------- who gets it
def test_only_who_agreed_to_that_newsletter_is_reachable_and_mailed(
    sink: Any, garden: Topic
) -> None:
    kitchen = topics.add(slug="kitchen", title="Kitchen", now=NOW)
    people = [
        MailableFactory(email="promotions@example.com"),
        subscribe(MailableFactory(email="both@example.com"), garden),
        subscribe(CustomerFactory(email="garden@example.com"), garden),
        subscribe(CustomerFactory(email="kitchen@example.com"), kitchen),
    ]
    draft = CampaignFactory(segment=segment_of(people), purpose=garden.purpose, holdout_share=0.0)
    plan = audience.preview(draft, now=NOW)
    assert (plan.in_segment, plan.eligible, plan.will_receive) == (4, 2, 2)
    assert [(code, number) for code, _, number in plan.steps] == [(SkipReason.NO_CONSENT, 2)]
    lifecycle.launch(draft, now=NOW)
    tasks.dispatch_due(seconds=10)
    assert sorted(sink.recipients) == ["both@example.com", "garden@example.com"]
    assert queries.skips_by_reason(draft) == {SkipReason.NO_CONSENT: 2}


def test_who_withdraws_the_newsletter_after_the_freeze_is_not_mailed(garden: Topic) -> None:
    first, second = (
        subscribe(MailableFactory(email=f"{name}@example.com"), garden) for name in "ab"
    )
    campaign = launched(garden, first, second)
    ledger.withdraw(customer=first, purpose=garden.purpose, method="form", now=LATER)
    # promotions are another matter: their end leaves the newsletter
    ledger.withdraw(customer=second, purpose=Purpose.MARKETING, method="form", now=LATER)
    assert [row.recipient.email for row in claimed(campaign)()] == ["b@example.com"]
    assert states() == {"a": "NO_CONSENT", "b": "SENDING"}


def test_a_campaign_whose_newsletter_is_gone_mails_nobody(garden: Topic) -> None:
    customer = subscribe(MailableFactory(), garden)
    campaign = CampaignFactory(segment=segment_of([customer]), purpose="NEWSLETTER:none")
    assert audience.preview(campaign, now=NOW).eligible == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ended", ["the newsletter", "everything", "a pause"])
def test_intent_waits_for_the_end_of_a_newsletter_that_has_not_committed(
    garden: Topic, *, ended: str
) -> None:
    first, second = (
        subscribe(MailableFactory(email=f"{name}@example.com"), garden) for name in "ab"
    )
    campaign = launched(garden, first, second)
    intend = claimed(campaign)
    from django.db import transaction

    with transaction.atomic():
        if ended == "a pause":
            choosing.wish(
                first, at_most_a_month=None, paused_until=LATER + timedelta(days=3), now=LATER
            )
        else:
            purpose = garden.purpose if ended == "the newsletter" else Purpose.MARKETING
            ledger.unsubscribe(customer_id=first.pk, method="test", now=LATER, purpose=purpose)
        sender = InThread(intend)
        assert sender.is_waiting()
    assert [row.recipient.email for row in sender.end()] == ["b@example.com"]


# ---------------------------------------------------------------- its button
def test_one_click_in_a_newsletter_ends_that_newsletter_and_offers_to_end_everything(
    sink: Any, garden: Topic
) -> None:
    customer = subscribe(MailableFactory(email="ada@example.com"), garden)
    campaign = launched(garden, customer)
    tasks.dispatch_due(seconds=10)
    (file,) = (sink.sink.folder / "messages").iterdir()
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert message["List-Id"] == f"<newsletter-garden.{settings.MESSAGE_ID_DOMAIN}>"
    path = message["List-Unsubscribe"].strip("<>").removeprefix(settings.PUBLIC_URL)
    client = Client(enforce_csrf_checks=True)
    page = client.get(path).content.decode()
    assert "End this newsletter" in page
    assert "Garden" in page
    assert gate.refusal(customer, purpose=garden.purpose) is None  # a look changes nothing
    for _ in range(2):
        said = client.post(path, {"List-Unsubscribe": "One-Click"})
        assert (said.status_code, dict(said.cookies)) == (200, {})
        assert "End all offers" in said.content.decode()
    assert gate.refusal(customer, purpose=garden.purpose) == Refusal.NO_CONSENT
    assert gate.refusal(customer) is None
    event = Event.objects.get(kind=EventKind.UNSUBSCRIBED)  # told once, and of the campaign
    assert (event.campaign_id, event.properties["purpose"]) == (campaign.pk, garden.purpose)
    ledger.absorb(now=LATER)
    assert gate.refusal(customer) is None
    client.post(path, {"confirm": "all"})
    assert gate.refusal(customer) == Refusal.SUPPRESSED


def test_who_unsubscribes_from_promotions_gets_no_newsletter_either(garden: Topic) -> None:
    customer = subscribe(MailableFactory(), garden)
    token = tokens.make(customer.pk, 5, 6, purpose=tokens.UNSUBSCRIBE)
    Client().post(f"/c/u/{token}", {"confirm": "yes"})
    assert gate.refusal(customer, purpose=garden.purpose) == Refusal.SUPPRESSED
    ended = ConsentEvent.objects.filter(act="WITHDRAWN").values_list("purpose", flat=True)
    assert set(ended) == {Purpose.MARKETING, garden.purpose}


def test_a_newsletter_signed_up_for_after_everything_was_ended_comes_alone(garden: Topic) -> None:
    kitchen = topics.add(slug="kitchen", title="Kitchen", now=NOW)
    customer = subscribe(subscribe(MailableFactory(email="ada@example.com"), garden), kitchen)
    ledger.unsubscribe(customer_id=customer.pk, method="test", now=LATER)
    subscribe(customer, garden, at=LATER + timedelta(hours=1))
    assert gate.refusal(customer, purpose=garden.purpose) is None
    for ended in (Purpose.MARKETING, kitchen.purpose):
        assert gate.refusal(customer, purpose=ended) == Refusal.NO_CONSENT


def test_a_newsletter_of_one_brings_nothing_back_to_another_of_the_same_address(
    garden: Topic,
) -> None:
    """Under the other number promotions are still agreed to, from before the address said no."""
    first, second = (MailableFactory(email="ada@example.com") for _ in range(2))
    ledger.unsubscribe(customer_id=first.pk, method="test", now=LATER)
    subscribe(first, garden, at=LATER + timedelta(hours=1))
    assert gate.refusal(second) == Refusal.SUPPRESSED


# ---------------------------------------------------------------- on the screens and in the API
def test_the_form_offers_newsletters_and_a_duplicate_keeps_the_one_that_was_chosen(
    admin_client: Client, garden: Topic
) -> None:
    segment = segment_of([subscribe(MailableFactory(), garden)])
    form = admin_client.get(reverse("campaign_pages:new")).content.decode()
    assert "Newsletter: Garden" in form
    assert "did not refuse" not in form  # soft opt-in is off
    typed = {
        "name": "Spring", "segment": segment.pk, "purpose": garden.purpose, "targeting": "EVERYONE",
        "holdout_percent": "10", "explore_percent": "0", "min_days_between": "3",
        "rest_after_bad_days": "14", "from_name": "Shop", "from_email": "news@shop.example",
        "subject": starter.SUBJECT, "body_html": starter.BODY, "discount_percent": "10",
        "contact_cost": "0.02", "unsubscribe_cost": "1", "outcome_days": "14",
    }  # fmt: skip
    admin_client.post(reverse("campaign_pages:new"), typed)
    campaign = Campaign.objects.get()
    assert campaign.purpose == garden.purpose
    page = admin_client.get(reverse("campaign_pages:preview", args=[campaign.pk])).content.decode()
    assert "newsletter “Garden”" in page
    admin_client.post(reverse("campaign_pages:duplicate", args=[campaign.pk]))
    assert set(Campaign.objects.values_list("purpose", flat=True)) == {garden.purpose}
    (shown, _) = Api().get("campaigns").json()["results"]
    assert shown["purpose"] == garden.purpose


def test_a_newsletter_is_never_for_buyers_who_did_not_refuse(
    garden: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SOFT_OPT_IN", True)
    form = CampaignForm({"purpose": garden.purpose, "with_soft_opt_ins": "on"})
    assert "with_soft_opt_ins" in form.errors
    form = CampaignForm({"purpose": "NEWSLETTER:none"})
    assert "purpose" in form.errors


# ---------------------------------------------------------------- the link to one's choices
def test_a_message_may_lead_to_the_persons_own_choices_by_a_link_of_its_own() -> None:
    customer = MailableFactory()
    campaign = CampaignFactory(body_html=starter.BODY, segment=segment_of([customer]))
    assert rendering.problems(campaign) == []
    recipient = rendering.Recipient(
        delivery_id=3, customer_id=customer.pk, email=customer.email, first_name="", last_name="",
        tracks_clicks=True,
    )  # fmt: skip
    message = rendering.CampaignTemplate(campaign).render(recipient, now=NOW)
    (token,) = re.findall(rf"{re.escape(settings.PUBLIC_URL)}/c/p/([\w-]+)", message.html)
    assert tokens.read(token, count=1, purpose=tokens.PREFERENCES) == (customer.pk,)
    (other,) = re.findall(r"/c/u/([\w-]+)", message.html)
    for wrong, purpose in ((token, tokens.UNSUBSCRIBE), (other, tokens.PREFERENCES)):
        for count in (1, 3):
            with pytest.raises(tokens.BadTokenError):
                tokens.read(wrong, count=count, purpose=purpose)
    assert f"/c/p/{token}" in message.text
    assert Client().get(f"/c/p/{token}").status_code == 200


def test_a_message_that_does_not_ask_for_it_carries_no_such_link() -> None:
    message = rendering.preview(CampaignFactory(), MailableFactory())
    assert "/c/p/" not in message.html
