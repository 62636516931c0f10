"""Who would receive a campaign: examples are such people, and to nobody nothing is launched."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from campaigns import lifecycle
from campaigns.enums import CampaignState, Targeting
from campaigns.models import Campaign
from consent.desk import restricting
from tests.factories.campaigns import CampaignFactory, running_campaign, segment_in_bulk
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW, CustomerFactory
from tests.factories.segmentation import segment_of


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mail_server(settings) -> None:
    settings.SMTP_URL = "smtp://127.0.0.1:1"


def url(name: str, campaign: Campaign) -> str:
    return reverse(f"campaign_pages:{name}", args=[campaign.pk])


def campaign_to(*customers: object, **fields: object) -> Campaign:
    made: Campaign = CampaignFactory(
        **{"segment": segment_of(customers), "holdout_share": 0.0, **fields}
    )
    return made


@pytest.mark.parametrize("when", [{"when": "now"}, {"when": "at", "at": "2031-05-01T08:00"}])
def test_a_campaign_to_nobody_is_not_launched_and_says_why(
    admin_client: Client, when: dict[str, str]
) -> None:
    draft = campaign_to(CustomerFactory())  # never agreed
    assert "nobody would receive it now" in admin_client.get(url("preview", draft)).content.decode()
    page = admin_client.post(url("launch", draft), when).content.decode()
    assert "nobody would receive it now" in page
    draft.refresh_from_db()
    assert draft.state == CampaignState.DRAFT


def test_staff_cannot_schedule_to_nobody_by_another_way(now: datetime) -> None:
    draft = campaign_to(CustomerFactory())
    clerk = User.objects.create_user("clerk")
    with pytest.raises(lifecycle.NotReadyError, match="nobody would receive it now"):
        lifecycle.schedule(draft, at=now, now=now, by=clerk, recipients=0)


def test_examples_are_who_would_receive_it(admin_client: Client) -> None:
    gone = MailableFactory(first_name="", email="", email_hmac="", erased_at=NOW)
    asked_for_a_rest = MailableFactory(first_name="")
    restricting.restrict(customer_ids=[asked_for_a_rest.pk], ground="ACCURACY", now=NOW)
    never_agreed = CustomerFactory(first_name="Maximiliane-Theodora")
    ada, long = MailableFactory(first_name="Ada"), MailableFactory(first_name="Wilhelmina")
    draft = campaign_to(gone, asked_for_a_rest, never_agreed, ada, long)
    page = admin_client.get(url("preview", draft))
    assert page.context["suggested"] == [("", ada), ("a long name", long)]
    assert page.context["chosen"] == ada


def test_examples_of_a_launched_campaign_are_its_recipients(
    admin_client: Client, now: datetime
) -> None:
    campaign = running_campaign("ada", now=now)
    ada = campaign.deliveries.get().customer
    assert admin_client.get(url("preview", campaign)).context["chosen"] == ada


def test_where_nobody_would_receive_it_nobody_is_an_example(admin_client: Client) -> None:
    page = admin_client.get(url("preview", campaign_to(CustomerFactory())))
    assert page.context["suggested"] == []
    assert "nobody would receive it" in page.content.decode()


@pytest.mark.parametrize(
    ("targeting", "said", "not_said"),
    [
        (Targeting.EVERYONE, "Not computed: everybody who may be mailed", "no model serves yet"),
        (Targeting.PROFIT, "Not known: no model serves yet", "Not computed"),
    ],
)
def test_an_expected_profit_that_is_not_there_has_its_reason(
    admin_client: Client, targeting: Targeting, said: str, not_said: str
) -> None:
    draft = CampaignFactory(segment=segment_in_bulk(30), targeting=targeting)
    for name in ("preview", "launch"):
        page = admin_client.get(url(name, draft)).content.decode()
        assert said in page
        assert not_said not in page


def test_why_the_button_is_off_stands_beside_it(admin_client: Client, settings) -> None:
    settings.APPROVE_ABOVE = 20
    draft = CampaignFactory(segment=segment_in_bulk(30), holdout_share=0.0)
    page = admin_client.get(url("launch", draft)).content.decode()
    button, _, after = page.partition('aria-describedby="why-not"')
    assert "<button" in button[-200:]
    assert "need the approval of somebody else" in after[:900]
