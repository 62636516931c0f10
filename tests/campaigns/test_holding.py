"""Not too fast, not at night, not too often: asked at the intent, on real rows and a real mail server."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from campaigns import audience, handover, holding, lifecycle, limits, queries, recommended, tasks
from campaigns.enums import CampaignState, DeliveryState, SkipReason
from campaigns.models import Campaign, Delivery, SendGrant, SendLimit
from consent.public import choosing
from core import clock
from customers.models import Customer
from tests.factories.campaigns import CampaignFactory, running_campaign
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW
from tests.factories.segmentation import segment_of


LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def at_later(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set_now(LATER)
    monkeypatch.setattr(settings, "SMTP_URL", settings.SMTP_URL or "smtp://127.0.0.1:1")


def most_in_a_window(moments: Sequence[float], seconds: float) -> int:
    ordered = sorted(moments)
    return max(
        sum(start <= moment < start + seconds for moment in ordered[number:])
        for number, start in enumerate(ordered)
    )


def intend(campaign: Campaign, *, now: datetime = LATER, owner: str = "me") -> list[str]:
    group = handover.claim(campaign_id=campaign.pk, owner=owner, limit=100)
    intended = handover.intend(campaign_id=campaign.pk, owner=owner, group=group, now=now)
    return [row.recipient.email for row in intended]


# ---------------------------------------------------------------- the setting
def test_limits_are_read() -> None:
    assert limits.read("") == {}
    assert limits.read("* 50/s 1000/h, Gmail.com 10/m") == {
        "*": {1.0: 50, 3600.0: 1000}, "gmail.com": {60.0: 10},
    }  # fmt: skip


@pytest.mark.parametrize("text", ["gmail 1/s", "gmail.com", "gmail.com 0/s", "* 1/d", "* 1/s; x"])
def test_limits_that_cannot_be_read_say_so(text: str) -> None:
    with pytest.raises(limits.LimitsError, match="COTERIE_SEND_LIMITS"):
        limits.read(text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [("SEND_LIMITS", "fast"), ("QUIET_HOURS", "9pm"), ("FREQUENCY_CAP", "few"), ("SHOP_TIME_ZONE", "?")],
)  # fmt: skip
def test_a_setting_that_cannot_be_read_sends_nothing(
    sink: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    campaign = running_campaign("a", now=NOW)
    monkeypatch.setattr(settings, name, value)
    assert tasks.dispatch_due() == 0
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert "COTERIE_" in campaign.note
    assert sink.received == []
    with pytest.raises(holding.HoldingError):
        intend(campaign)


# ---------------------------------------------------------------- limits
@pytest.mark.django_db
def test_a_limited_domain_waits_for_its_slots_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "SEND_LIMITS", "slow.example 3/m")
    campaign = running_campaign("b0", "b1", now=NOW)
    slow = Delivery.objects.earliest("pk").customer.source
    for number in range(10):
        customer = MailableFactory(email=f"s{number}@slow.example", source=slow)
        Delivery.objects.create(
            campaign=campaign, customer=customer, arm="TREATED", state="PLANNED",
            assignment_probability=1.0,
        )  # fmt: skip
    went = intend(campaign)
    assert Counter(address.split("@")[1] for address in went) == {
        "slow.example": 3,
        "example.com": 2,
    }
    waiting = Delivery.objects.filter(state=DeliveryState.PLANNED).order_by("pk")
    slots = list(waiting.values_list("next_attempt_at", flat=True))
    assert len(slots) == 7
    assert all(first < second for first, second in pairwise(slots))
    assert slots[0]
    assert slots[0] >= SendGrant.objects.get().granted_at + timedelta(seconds=60)
    assert intend(campaign) == []  # nobody's slot has come
    waiting.update(next_attempt_at=None)
    assert intend(campaign) == []  # and asking early gives nothing
    SendGrant.objects.update(granted_at=SendGrant.objects.get().granted_at - timedelta(seconds=61))
    waiting.update(next_attempt_at=None)
    assert len(intend(campaign)) == 3


@pytest.mark.django_db
def test_who_waited_for_a_cancelled_campaign_does_not_hold_up_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "SEND_LIMITS", "example.com 1/m")
    cancelled = running_campaign(*(f"c{n}" for n in range(40)), now=NOW)
    assert len(intend(cancelled)) == 1
    Campaign.objects.filter(pk=cancelled.pk).update(state=CampaignState.CANCELLED)
    SendLimit.objects.update(tail=F("tail") + timedelta(hours=2))  # of a version without an end
    other = running_campaign("d0", "d1", now=NOW)
    assert intend(other) == []
    asked = SendGrant.objects.get().granted_at
    slots = Delivery.objects.filter(state=DeliveryState.PLANNED).values_list(
        "next_attempt_at", flat=True
    )
    ordered = list(slots.order_by("pk"))
    assert all(first <= second for first, second in pairwise(ordered) if first and second)
    assert all(slot <= asked + timedelta(minutes=15, seconds=30) for slot in ordered if slot)
    _age(61)
    assert len(intend(other)) == 1


@pytest.mark.django_db
def test_all_windows_of_all_keys_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SEND_LIMITS", "* 100/s 7/h, example.com 5/m")
    campaign = running_campaign(*(f"c{n}" for n in range(10)), now=NOW)
    assert len(intend(campaign)) == 5
    _age(61)
    assert len(intend(campaign)) == 2
    _age(3600)
    assert len(intend(campaign)) == 3


def _age(seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_sendgrant SET granted_at = granted_at - make_interval(secs => %s)",
            [seconds],
        )
    Delivery.objects.update(next_attempt_at=None)


@pytest.mark.django_db
def test_old_grants_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SEND_LIMITS", "* 5/s")
    intend(running_campaign("a", now=NOW))
    assert limits.forget() == 0
    _age(3700)
    assert limits.forget() == 1


@pytest.mark.django_db(transaction=True)
def test_the_mail_server_never_gets_more_in_any_second_from_two_senders_that_restart(
    sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SEND_LIMITS", "example.com 20/s")
    running_campaign(*(f"c{n}" for n in range(60)), now=NOW)
    ends = time.monotonic() + 120  # it takes three, where nobody else is at work

    def send() -> None:
        try:
            while time.monotonic() < ends and Delivery.objects.exclude(state="SENT").exists():
                tasks.dispatch_due(seconds=0.3)  # a new sender, with a new connection and journal
                time.sleep(0.02)
        finally:
            connection.close()

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    moments = [entry["received_at"] for entry in sink.received]
    assert len(moments) == len(set(sink.recipients))
    assert len(moments) > 40
    assert most_in_a_window(moments, 1.0) <= 20


@pytest.mark.django_db
def test_a_slow_mail_server_burns_no_grants(
    start_sink: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SEND_LIMITS", "* 50/s 100/h")
    running_campaign(*(f"c{n}" for n in range(20)), now=NOW)
    with start_sink(delay=0.15) as slow:
        monkeypatch.setattr(settings, "SMTP_URL", slow.url)
        tasks.dispatch_due(seconds=1)
        sent = len(slow.received)
    assert 1 <= sent < 20
    assert sum(SendGrant.objects.values_list("messages", flat=True)) == sent
    assert not Delivery.objects.filter(attempt__gt=1).exists()


@pytest.mark.django_db
def test_products_that_take_longer_than_a_grant_stop_nothing(
    sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SEND_LIMITS", "example.com 3/h")
    running_campaign(*(f"c{n}" for n in range(5)), now=NOW)
    look_up = recommended.with_products

    def slowly(*args: Any) -> Any:
        time.sleep(limits.SLACK + 0.05)
        return look_up(*args)

    monkeypatch.setattr(recommended, "with_products", slowly)
    tasks.dispatch_due(seconds=5)
    assert len(sink.received) == 3
    assert sum(SendGrant.objects.values_list("messages", flat=True)) == 3


@pytest.mark.django_db
def test_a_grant_that_is_over_is_renewed_only_where_there_is_room() -> None:
    bounds = limits.read("slow.example 2/m")
    with transaction.atomic():
        first = limits.take(bounds, {1: "slow.example", 2: "slow.example"}).timed
    _age(61)
    with transaction.atomic():
        assert limits.take(bounds, {3: "slow.example"}).ids == {3}
    old = {
        row: replace(grant, at=SendGrant.objects.earliest("granted_at").granted_at)
        for row, grant in first.items()
    }
    again = limits.renew(bounds, old)
    assert [bool(grant.keys) for grant in again.values()] == [True, False]
    assert sum(SendGrant.objects.values_list("messages", flat=True)) == 2


# ---------------------------------------------------------------- quiet hours
@pytest.mark.django_db
def test_who_sleeps_waits_and_who_does_not_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "QUIET_HOURS", "21:00-08:00")
    monkeypatch.setattr(settings, "SHOP_TIME_ZONE", "Europe/Berlin")
    campaign = running_campaign("berlin", "tokyo", "new-york", now=NOW)
    Customer.objects.filter(email__startswith="tokyo").update(country="JP")
    Customer.objects.filter(email__startswith="new").update(traits={"timezone": "America/New_York"})
    evening = datetime(2026, 6, 1, 20, 0, tzinfo=UTC)
    assert intend(campaign, now=evening) == ["new-york@example.com"]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT customer.email, round(extract(epoch FROM next_attempt_at - clock_timestamp()) / 3600)
               FROM campaigns_delivery delivery JOIN customers_customer customer
                 ON customer.id = delivery.customer_id WHERE state = 'PLANNED'"""
        )
        assert dict(cursor.fetchall()) == {"berlin@example.com": 10, "tokyo@example.com": 3}
    Delivery.objects.filter(state="PLANNED").update(next_attempt_at=None)
    assert len(intend(campaign, now=evening + timedelta(hours=10))) == 2


# ---------------------------------------------------------------- not too often
def _sent(campaign: Campaign) -> None:
    for email in intend(campaign):
        Delivery.objects.filter(campaign=campaign, customer__email=email).update(state="SENT")


@pytest.mark.django_db
def test_a_person_gets_no_more_than_the_cap_over_all_campaigns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "FREQUENCY_CAP", "2/7d")
    first = running_campaign("a", now=NOW)
    campaigns = [first, *(_another(first) for _ in range(2))]
    for campaign in campaigns:
        _sent(campaign)
    assert queries.skips_by_reason(campaigns[2]) == {SkipReason.FREQUENCY: 1}
    assert Delivery.objects.filter(state="SENT").count() == 2
    later = _another(first, now=LATER + timedelta(days=8))
    assert intend(later, now=LATER + timedelta(days=8)) == ["a@example.com"]


def _another(campaign: Campaign, *, now: datetime = NOW, **fields: Any) -> Campaign:
    fields = {"segment": campaign.segment, "holdout_share": 0.0, **fields}
    made: Campaign = CampaignFactory(**fields)
    lifecycle.launch(made, now=now)
    assert audience.freeze(made, now=now)
    return made


@pytest.mark.django_db
def test_an_address_gets_no_more_whoever_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "FREQUENCY_CAP", "1/30d")
    first = running_campaign("shared", now=NOW)
    _sent(first)
    twin = MailableFactory(email="shared@example.com")
    second = _another(first, segment=segment_of([twin]))
    assert intend(second) == []
    assert queries.skips_by_reason(second) == {SkipReason.FREQUENCY: 1}


@pytest.mark.django_db
def test_the_days_between_of_a_campaign_are_asked_again_at_the_intent() -> None:
    first = running_campaign("a", now=NOW)
    Campaign.objects.filter(pk=first.pk).update(state=CampaignState.SCHEDULED)
    second = _another(first, min_days_between=3)  # the first does not run when it is frozen
    Campaign.objects.filter(pk=first.pk).update(state=CampaignState.RUNNING)
    _sent(first)
    assert intend(second) == []
    assert queries.skips_by_reason(second) == {SkipReason.FREQUENCY: 1}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("asked_by", ["shop", "customer"])
def test_two_campaigns_at_the_same_moment_do_not_both_mail_one_address(
    monkeypatch: pytest.MonkeyPatch, asked_by: str
) -> None:
    first = running_campaign("a", now=NOW, min_days_between=0)
    if asked_by == "shop":
        monkeypatch.setattr(settings, "FREQUENCY_CAP", "1/7d")
    else:
        choosing.wish(Customer.objects.get(), at_most_a_month=1, paused_until=None, now=NOW)
    second = _another(first)
    results: list[list[str]] = []

    def other() -> None:
        try:
            results.append(intend(second, owner="other"))
        finally:
            connection.close()

    with transaction.atomic():
        results.append(intend(first))
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # it waits to see what we did
    thread.join(10)
    assert results == [["a@example.com"], []]
