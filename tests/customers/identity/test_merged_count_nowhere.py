"""A customer who was merged into another is nobody: each place that counts or lists is looked at."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import StringIO

import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from campaigns import audience, lifecycle
from campaigns.enums import Arm
from campaigns.models import Delivery
from consent import gate, ledger
from consent import queries as consent_queries
from consent.enums import Purpose, Refusal
from customers import queries
from customers.enums import MergeReason
from customers.identity import merge
from customers.models import Customer
from feedback import labels, outcomes, reports
from feedback.models import Outcome
from segmentation import membership, mirror
from segmentation import queries as segment_queries
from segmentation.models import Membership
from tests.factories.campaigns import CampaignFactory
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import EventFactory, OrderFactory, SourceFactory
from tests.factories.feedback import FROZEN_AT, FinishedCampaignFactory, deliver
from tests.factories.segmentation import segment_of


@pytest.fixture
def merged(now: datetime) -> tuple[Customer, Customer]:
    """Survivor and absorbed: both had agreed to everything, one order each."""
    source = SourceFactory()
    both = [MailableFactory(source=source) for _ in range(2)]
    for customer in both:
        agree(customer, Purpose.PROFILING)
        OrderFactory(customer=customer)
    merge(survivor=both[0], absorbed=both[1], reason=MergeReason.STAFF, source=None, now=now)
    for customer in both:
        customer.refresh_from_db()
    return both[0], both[1]


@pytest.mark.django_db(transaction=True)
def test_mirror_holds_the_survivor_with_all_rows_and_no_unwanted_event(
    merged: tuple[Customer, Customer],
) -> None:
    survivor, _ = merged
    EventFactory(customer=survivor, may_profile=False, kind="SEARCH")
    mirror.refresh()
    with mirror.connect() as database:
        assert database.sql("SELECT customer_id FROM customers").fetchall() == [(survivor.pk,)]
        assert database.sql("SELECT customer_id FROM orders").fetchall() == [(survivor.pk,)] * 2
        assert database.sql("FROM events WHERE kind = 'SEARCH'").fetchall() == []


@pytest.mark.django_db
def test_totals_and_counts(merged: tuple[Customer, Customer], now: datetime) -> None:
    survivor, absorbed = merged
    ledger.absorb(now=now)  # until then nobody mails either of them
    out = StringIO()
    call_command("counts", "--json", stdout=out)
    told = json.loads(out.getvalue().splitlines()[-1])
    assert (told["customers"], told["orders"], told["emailable"], told["erased"]) == (1, 2, 1, 0)
    assert queries.totals()["customers"] == 1
    assert queries.totals(source=survivor.source)["customers"] == 1
    assert consent_queries.refusal_counts() == {"": 1}
    assert gate.refusal(absorbed) is Refusal.NO_ADDRESS


@pytest.mark.django_db
def test_home_shows_one_customer(merged: tuple[Customer, Customer], now: datetime) -> None:
    ledger.absorb(now=now)
    reach = reports.home(now=now).reach
    assert (reach.customers, reach.reachable, reach.why_not) == (1, 1, ())


@pytest.mark.django_db
def test_segments_drop_the_merged_at_once_and_never_take_them_in(
    merged: tuple[Customer, Customer], now: datetime
) -> None:
    survivor, absorbed = merged
    segment = segment_of([survivor, absorbed])  # as it was when it was refreshed last
    assert list(segment_queries.members(segment)) == [survivor]
    change = membership.write(segment, np.array([survivor.pk, absorbed.pk]), now=now)
    assert (change.size, change.left) == (1, 1)
    assert membership.write_everyone(segment, now=now).size == 1
    assert Membership.objects.get().customer == survivor


@pytest.mark.django_db
def test_an_audience_does_not_even_list_the_merged(
    merged: tuple[Customer, Customer], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")
    campaign = CampaignFactory(segment=segment_of(merged), holdout_share=0.0)
    assert audience.preview(campaign, now=now).in_segment == 1
    lifecycle.launch(campaign, now=now)
    assert audience.freeze(campaign, now=now)
    assert Delivery.objects.get().customer == merged[0]


@pytest.mark.django_db
def test_lists_show_the_survivor_under_either_number(
    merged: tuple[Customer, Customer], admin_client: Client
) -> None:
    survivor, absorbed = merged
    page = admin_client.get(reverse("admin:customers_customer_changelist"))
    assert list(page.context["cl"].queryset) == [survivor]
    orders = reverse("admin:customers_order_changelist")
    found = admin_client.get(orders, {"q": absorbed.external_id})
    assert found.context["cl"].queryset.count() == 2


@pytest.mark.django_db
def test_outcomes_follow_a_person_and_count_them_once(now: datetime) -> None:
    """Who was merged after the mail went out is looked at as whom they are part of."""
    campaign = FinishedCampaignFactory()
    customers = [MailableFactory() for _ in range(4)]
    for customer in customers:
        OrderFactory(customer=customer, placed_at=FROZEN_AT + timedelta(days=1))
    both, alone = customers[:2], customers[2]
    rows = [deliver(campaign, Arm.TREATED, customer=one) for one in (*both, alone)]
    for survivor, absorbed in (both, (customers[3], alone)):
        merge(survivor=survivor, absorbed=absorbed, reason=MergeReason.STAFF, source=None, now=now)
    outcomes.close_due(now=now)
    found = Outcome.objects.values_list("delivery_id", "orders")
    assert dict(found) == {rows[0].pk: 2, rows[1].pk: 0, rows[2].pk: 2}
    labelled = labels.training_rows(until=now + timedelta(days=1))
    assert labelled.num_rows == 1, "what was known of the absorbed is no longer theirs"
