from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.conf import settings

from campaigns import audience, lifecycle, queries
from campaigns.enums import Arm, CampaignState, DeliveryState, SkipReason, Targeting
from campaigns.models import Campaign, Delivery, Link
from consent import ledger
from consent.enums import Purpose, SuppressionReason
from core.states import IllegalMoveError, LostRaceError
from customers.models import Customer
from segmentation import targeting
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion
from tests.factories.campaigns import CampaignFactory, segment_in_bulk
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW, CustomerFactory
from tests.factories.segmentation import SegmentFactory, segment_of


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")


def scheduled(**fields: Any) -> Campaign:
    campaign: Campaign = CampaignFactory(**fields)
    lifecycle.launch(campaign, now=LATER)
    return campaign


def earlier_delivery(customer: Customer, **fields: Any) -> None:
    Delivery.objects.create(
        campaign=CampaignFactory(), customer=customer, arm=Arm.TREATED, assignment_probability=0.9,
        **{"state": DeliveryState.SENT, "accepted_at": NOW, **fields},
    )  # fmt: skip


def one_of_each() -> tuple[dict[str, Customer], list[Customer]]:
    """A customer for each reason why not, named by it, and 60 who may be mailed."""
    who = {
        "ERASED": MailableFactory(email="", email_hmac="", erased_at=NOW),
        "NO_ADDRESS": MailableFactory(email="", email_hmac=""),
        "SUPPRESSED": MailableFactory(),
        "NO_CONSENT": CustomerFactory(),
    }
    ledger.suppress(
        address_hmac=who["SUPPRESSED"].email_hmac, reason=SuppressionReason.HARD_BOUNCE, now=NOW
    )
    ledger.withdraw(customer=who["SUPPRESSED"], purpose=Purpose.MARKETING, method="form", now=LATER)
    mailable = MailableFactory.create_batch(60)
    who["DUPLICATE_ADDRESS"] = MailableFactory(email=mailable[0].email.upper())
    who["FREQUENCY"] = MailableFactory()
    earlier_delivery(who["FREQUENCY"])
    return who, mailable


def test_everybody_has_one_reason_or_an_arm_and_the_preview_says_so_before() -> None:
    who, mailable = one_of_each()
    # half of 60: of a tenth there would be nobody once in 600 times, for the draw is of ids and salt
    campaign = scheduled(
        segment=segment_of([*who.values(), *mailable]), min_days_between=7, holdout_share=0.5
    )
    shown = audience.preview(campaign, now=LATER)
    assert audience.freeze(campaign, now=LATER)
    rows = {row.customer_id: row for row in Delivery.objects.filter(campaign=campaign)}
    assert {name: rows[customer.pk].reason for name, customer in who.items()} == {
        name: name for name in who
    }
    assert all(rows[c.pk].arm == Arm.EXCLUDED for c in who.values())
    assert all(rows[c.pk].assignment_probability is None for c in who.values())
    arms = Counter(rows[customer.pk].arm for customer in mailable)
    # the preview equals the freeze
    assert shown.steps == [(name, SkipReason(name).label, 1) for name in who]
    assert (shown.in_segment, shown.eligible) == (66, 60)
    assert (shown.will_receive, shown.holdout, shown.not_targeted) == (
        arms[Arm.TREATED], arms[Arm.HOLDOUT], 0,
    )  # fmt: skip
    assert arms[Arm.HOLDOUT] > 0
    assert {rows[c.pk].assignment_probability for c in mailable} == {0.5}
    assert queries.counts_by_state(campaign) == {
        **dict.fromkeys(DeliveryState.values, 0), "PLANNED": arms[Arm.TREATED],
        "SKIPPED": 66 - arms[Arm.TREATED],
    }  # fmt: skip
    skips = queries.skips_by_reason(campaign)
    assert list(skips) == [reason for reason in SkipReason.values if reason in skips]
    assert sum(skips.values()) + arms[Arm.TREATED] == campaign.audience == 66
    assert (campaign.state, campaign.frozen_at) == (CampaignState.RUNNING, LATER)


def test_assignment_is_stable_and_differs_between_campaigns() -> None:
    segment = segment_of(MailableFactory.create_batch(80))
    holdouts = []
    for salt in ("one", "one", "two"):
        campaign = scheduled(segment=segment, salt=salt, holdout_share=0.5)
        audience.freeze(campaign, now=LATER)
        held = Delivery.objects.filter(campaign=campaign, arm=Arm.HOLDOUT)
        holdouts.append(frozenset(held.values_list("customer_id", flat=True)))
    assert holdouts[0] == holdouts[1] != holdouts[2]
    assert 20 < len(holdouts[0]) < 60


def test_frequency_counts_what_may_have_arrived() -> None:
    sent, unknown, failed, long_ago = MailableFactory.create_batch(4)
    earlier_delivery(sent)
    earlier_delivery(unknown, state=DeliveryState.UNKNOWN, accepted_at=None, intent_at=NOW)
    earlier_delivery(failed, state=DeliveryState.FAILED, accepted_at=None, intent_at=NOW)
    earlier_delivery(long_ago, accepted_at=NOW - timedelta(days=30))
    segment = segment_of([sent, unknown, failed, long_ago])
    for days, expected in ((7, 2), (90, 3), (0, 0)):
        shown = audience.preview(CampaignFactory(segment=segment, min_days_between=days), now=LATER)
        assert sum(count for code, _, count in shown.steps if code == "FREQUENCY") == expected


def test_frequency_counts_what_another_campaign_is_about_to_send() -> None:
    segment = segment_of(MailableFactory.create_batch(20))
    first, second = (
        scheduled(segment=segment, min_days_between=days, holdout_share=0.1) for days in (0, 7)
    )
    assert audience.freeze(first, now=LATER)
    waiting = Delivery.objects.filter(campaign=first, state=DeliveryState.PLANNED).count()
    assert waiting > 0
    steps = {code: count for code, _, count in audience.preview(second, now=LATER).steps}
    assert steps == {SkipReason.FREQUENCY: waiting}
    lifecycle.cancel(first, now=LATER)
    assert audience.preview(second, now=LATER).steps == []


def test_what_targeting_plans_is_written_and_previewed(monkeypatch: pytest.MonkeyPatch) -> None:
    customers = MailableFactory.create_batch(30)
    version = ModelVersion.objects.create(
        task=Task.UPLIFT, number=1, status=ModelStatus.CHAMPION, trained_at=NOW, as_of=NOW
    )
    asked: dict[str, Any] = {}

    class Opinion:  # of a model, in place of a trained one
        model_version_id = version.pk
        note = "as the model says"

        def __init__(self, **request: Any) -> None:
            asked.update(request)
            self.customer_ids = request["customer_ids"]

        def parts(self) -> Iterator[targeting.Assigned]:
            numbers = np.arange(len(self.customer_ids))
            for part in np.split(numbers, [7, 20]):
                yield targeting.Assigned(
                    customer_ids=self.customer_ids[part],
                    arm=np.array(["HOLDOUT", "TREATED", "NOT_TARGETED"])[part % 3],
                    probability=np.array([0.45, 0.85, 0.05])[part % 3],
                    predicted_profit_cents=np.where(part % 2, 40.0, np.nan),
                )

    monkeypatch.setattr(targeting, "plan", Opinion)
    campaign = scheduled(
        segment=segment_of([*customers, CustomerFactory()]), targeting=Targeting.PROFIT,
        explore_share=0.2, contact_cost_cents=3, unsubscribe_cost_cents=90, outcome_days=21,
    )  # fmt: skip
    shown = audience.preview(campaign, now=LATER)
    audience.freeze(campaign, now=LATER)
    assert asked["customer_ids"].tolist() == [customer.pk for customer in customers]
    assert (asked["everyone"], asked["explore_share"], asked["salt"]) == (False, 0.2, campaign.salt)
    assert asked["economics"] == targeting.Economics(
        contact_cost_cents=3, unsubscribe_cost_cents=90, discount_percent=15, outcome_days=21
    )
    assert (campaign.model_version, campaign.note) == (version, "as the model says")
    rows = list(
        Delivery.objects.filter(arm__in=["HOLDOUT", "TREATED", "NOT_TARGETED"]).order_by(
            "customer_id"
        )
    )
    assert [
        (r.arm, r.assignment_probability, r.predicted_profit_cents, r.state) for r in rows[:3]
    ] == [
        ("HOLDOUT", 0.45, None, "SKIPPED"),
        ("TREATED", 0.85, 40.0, "PLANNED"),
        ("NOT_TARGETED", 0.05, None, "SKIPPED"),
    ]
    assert (shown.will_receive, shown.holdout, shown.not_targeted, shown.eligible) == (
        10,
        10,
        10,
        30,
    )
    treated = [row.predicted_profit_cents for row in rows if row.arm == "TREATED"]
    assert shown.expected_profit_cents == sum(profit for profit in treated if profit) == 200.0
    assert queries.skips_by_reason(campaign) == {"NO_CONSENT": 1, "HOLDOUT": 10, "NOT_TARGETED": 10}


def test_freezing_happens_once_and_an_unfinished_one_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = scheduled(segment=segment_of(MailableFactory.create_batch(5)))
    with monkeypatch.context() as patch:
        # the last step of the transaction fails, as if the process had been killed there
        patch.setattr(lifecycle.MACHINE, "transitions", {})
        with pytest.raises(IllegalMoveError):
            audience.freeze(campaign, now=LATER)
    assert (Delivery.objects.count(), Link.objects.count()) == (0, 0)
    assert [audience.freeze(campaign, now=LATER), audience.freeze(campaign, now=LATER)] == [
        True,
        False,
    ]
    assert Delivery.objects.count() == 5
    assert list(Link.objects.order_by("position").values_list("position", "url")) == [
        (1, "https://shop.example/tea?a=1&b=2"),
        (2, "https://shop.example/cups"),
    ]


def test_an_empty_segment_freezes_to_nobody() -> None:
    campaign = scheduled(segment=SegmentFactory())
    assert audience.preview(campaign, now=LATER).in_segment == 0
    assert audience.freeze(campaign, now=LATER)
    assert campaign.audience == 0


def test_a_campaign_with_problems_cannot_be_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = CampaignFactory(body_html="<p>Hello</p>")
    monkeypatch.setattr(settings, "SMTP_URL", "")
    with pytest.raises(lifecycle.NotReadyError) as raised:
        lifecycle.launch(campaign, now=NOW)
    assert len(raised.value.problems) == 3
    assert campaign.state == CampaignState.DRAFT


def test_moves_that_do_not_exist_or_come_too_late_are_told() -> None:
    campaign = scheduled()
    stale = Campaign.objects.get(pk=campaign.pk)
    with pytest.raises(IllegalMoveError):
        lifecycle.resume(campaign, now=NOW)
    lifecycle.cancel(campaign, now=NOW)
    with pytest.raises(LostRaceError):
        lifecycle.unschedule(stale, now=NOW)


def test_a_hundred_thousand_are_frozen_at_once() -> None:
    segment = segment_in_bulk(100_000)
    campaign = scheduled(segment=segment)
    audience.freeze(campaign, now=LATER)
    assert campaign.audience == 100_000
    assert np.isclose(Delivery.objects.filter(arm=Arm.HOLDOUT).count(), 10_000, rtol=0.05)
