"""Who had a bad experience lately gets no offers, and the campaign says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from campaigns import audience, lifecycle
from campaigns.enums import Arm, SkipReason
from campaigns.models import Delivery
from customers.enums import ReviewKind
from customers.models import Refund
from segmentation import reviews
from tests.factories.campaigns import CampaignFactory
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW, OrderFactory, ReviewFactory
from tests.factories.segmentation import segment_of


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")


def people():
    """A customer for each case, by name."""
    who = {
        name: MailableFactory()
        for name in (
            "one star", "complaint", "refund", "refund of an order", "five stars, odd words", "praise",
            "long ago", "nothing",
        )
    }  # fmt: skip
    ReviewFactory(customer=who["one star"], rating=1, text="")
    ReviewFactory(
        customer=who["complaint"], rating=None, kind=ReviewKind.SERVICE,
        text="Nobody answers. Awful, rude staff and a terrible delay.",
    )  # fmt: skip
    order = OrderFactory(customer=who["refund of an order"])
    for name, fields in (
        ("refund", {"customer": who["refund"]}),
        ("refund of an order", {"order": order}),
    ):
        Refund.objects.create(
            source=order.source, external_id=name, refunded_at=NOW, arrived_at=NOW, amount_cents=5, **fields
        )  # fmt: skip
    ReviewFactory(
        customer=who["five stars, odd words"],
        rating=5,
        text="Terribly, awfully bad luck to own two.",
    )
    ReviewFactory(customer=who["praise"], rating=None, text="Wonderful.")
    ReviewFactory(customer=who["long ago"], rating=1, written_at=NOW - timedelta(days=15))
    reviews.score_new(now=NOW)
    return who


def frozen(who, **fields):
    campaign = CampaignFactory(segment=segment_of(who.values()), **fields)
    lifecycle.launch(campaign, now=LATER)
    shown = {code: count for code, _, count in audience.preview(campaign, now=LATER).steps}
    assert audience.freeze(campaign, now=LATER)
    rows = {row.customer_id: row for row in Delivery.objects.filter(campaign=campaign)}
    return shown, {name: rows[customer.pk] for name, customer in who.items()}


def test_bad_review_complaint_and_refund_rest_for_two_weeks_by_default() -> None:
    who = people()
    shown, rows = frozen(who)
    rested = {name for name, row in rows.items() if row.reason == SkipReason.BAD_EXPERIENCE}
    assert rested == {"one star", "complaint", "refund", "refund of an order"}
    assert shown[SkipReason.BAD_EXPERIENCE] == 4
    assert {rows[name].arm for name in rested} == {Arm.EXCLUDED}


def test_days_of_the_campaign_decide() -> None:
    who = people()
    assert frozen(who, rest_after_bad_days=30)[1]["long ago"].reason == SkipReason.BAD_EXPERIENCE
    _, rows = frozen(who, rest_after_bad_days=0)
    assert SkipReason.BAD_EXPERIENCE not in {row.reason for row in rows.values()}
