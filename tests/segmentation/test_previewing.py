"""What a rule selects, on the page that builds it: counts that add up, reasons, warnings, suggestions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.enums import CampaignState
from consent import ledger, wordings
from consent.enums import Purpose
from core import clock
from customers.models import Customer
from segmentation import dynamic, mirror
from segmentation.enums import SegmentStatus
from segmentation.models import MembershipChange, Segment
from tests.factories.campaigns import CampaignFactory
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import NOW, CustomerFactory, OrderFactory
from tests.segmentation.builders import COUNTRY, NEW, client_who_may, rule_segment, selected


# the mirror reads on a connection of its own
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _wordings(db: None) -> None:
    wordings.install_defaults(now=NOW)  # an earlier test may have emptied the tables


def test_who_may_not_see_customers_sees_numbers_and_nobody() -> None:
    marketer = client_who_may("view_segment", "add_segment")
    someone = MailableFactory(last_name="Secretive")
    mirror.refresh()
    answer = marketer.post(reverse(NEW), {**COUNTRY, "do": "people"})
    assert answer.context["preview"].matching == 1
    assert "Secretive" not in answer.content.decode()
    assert marketer.post(reverse(NEW), {**COUNTRY, "do": f"why:{someone.pk}"}).status_code == 404


def test_a_rule_is_saved_with_its_version_and_computed(admin_client: Client) -> None:
    german, french = CustomerFactory(country="DE"), CustomerFactory(country="FR")
    answer = admin_client.post(reverse(NEW), {**COUNTRY, "name": "Germans", "do": "save"})
    segment = Segment.objects.get(name="Germans")
    assert answer["Location"] == reverse("admin:segment_page", args=[segment.pk])
    assert (segment.status, segment.rule_version) == (SegmentStatus.STALE, 1)
    assert dynamic.compute_due(now=clock.now()) == [segment.pk]
    segment.refresh_from_db()
    assert (segment.status, segment.size) == (SegmentStatus.OK, 1)
    change = MembershipChange.objects.get()
    assert (change.customer_id, change.rule_version) == (german.pk, 1)
    # another rule is another version, and its words are kept
    edit = reverse("admin:segment_edit", args=[segment.pk])
    assert selected(admin_client.get(edit).content.decode(), "t-0.about") == "field:country"
    admin_client.post(edit, {**COUNTRY, "t-0.value": "FR", "name": "Germans", "do": "save"})
    assert [one.number for one in segment.versions.order_by("number")] == [1, 2]
    assert "FR" in segment.versions.get(number=2).words
    dynamic.compute_due(now=clock.now())
    assert list(segment.memberships.values_list("customer_id", flat=True)) == [french.pk]


def test_counts_add_up_and_everybody_has_one_reason(admin_client: Client) -> None:
    for customer in MailableFactory.create_batch(3, country="DE"):
        agree(customer, Purpose.PROFILING)
    silent = CustomerFactory(country="DE")
    agree(silent, Purpose.PROFILING)
    nowhere = CustomerFactory(country="DE", email="")
    agree(nowhere, Purpose.PROFILING)
    CustomerFactory.create_batch(2, country="DE")  # did not agree to profiling
    for customer in Customer.objects.all():
        OrderFactory(customer=customer)
    said = {"t.quantifier": "all", "t-0.about": "did:ORDER", "do": "people"}
    mirror.refresh()
    preview = admin_client.post(reverse(NEW), said).context["preview"]
    assert (preview.everyone, preview.not_profiled, preview.matching) == (7, 2, 5)
    assert preview.everyone == preview.not_profiled + preview.not_matching + preview.matching
    assert {one.code: one.count for one in preview.excluded} == {"NO_ADDRESS": 1, "NO_CONSENT": 1}
    assert preview.matching == preview.reachable + sum(one.count for one in preview.excluded)


def test_who_withdrew_since_the_tables_were_read_is_not_reachable(admin_client: Client) -> None:
    stays, leaves, objects = MailableFactory.create_batch(3, country="DE")
    for customer in (stays, leaves, objects):
        agree(customer, Purpose.PROFILING)
        OrderFactory(customer=customer)
    mirror.refresh()
    ledger.withdraw(customer=leaves, purpose=Purpose.MARKETING, method="form", now=clock.now())
    ledger.withdraw(customer=objects, purpose=Purpose.PROFILING, method="form", now=clock.now())
    said = {"t.quantifier": "all", "t-0.about": "did:ORDER", "do": "people"}
    preview = admin_client.post(reverse(NEW), said).context["preview"]
    assert (preview.matching, preview.reachable, preview.not_profiled) == (2, 1, 1)
    assert {one.code for one in preview.excluded} == {"NO_CONSENT"}


def test_why_somebody_is_in_is_told(admin_client: Client) -> None:
    customer = CustomerFactory(country="DE")
    mirror.refresh()
    page = admin_client.post(reverse(NEW), {**COUNTRY, "do": f"why:{customer.pk}"})
    (reason,) = page.context["reasons"]
    assert (reason.holds, reason.actual) == (True, "DE")
    part = admin_client.post(
        reverse(NEW), {**COUNTRY, "do": f"why:{customer.pk}"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "<main" not in part
    assert "DE" in part


def test_nobody_and_unknown_names_are_warned_of(admin_client: Client) -> None:
    said = {
        "t.quantifier": "all", "do": "people", "t-0.about": "event", "t-0.event": "Booked a tour",
        "t-1.about": "trait", "t-1.key": "religion", "t-1.is": "is_known",
    }  # fmt: skip
    mirror.refresh()
    warnings = "\n".join(admin_client.post(reverse(NEW), said).context["warnings"])
    assert "Nobody matches" in warnings
    assert "No event “Booked a tour”" in warnings
    assert "No customer has an attribute “religion”" in warnings
    assert "Condition 2: this may reveal" in warnings


def test_a_waiting_campaign_shows_both_counts(admin_client: Client) -> None:
    CustomerFactory.create_batch(3, country="DE")
    segment = rule_segment({"all": [{"field": "country", "is": "is", "value": "FR"}]})
    CampaignFactory(segment=segment, state=CampaignState.SCHEDULED, name="Tea week")
    mirror.refresh()
    answer = admin_client.post(
        reverse("admin:segment_edit", args=[segment.pk]), {**COUNTRY, "do": "people"}
    )
    text = " ".join(answer.content.decode().split())
    assert "A campaign is waiting for this segment:" in text
    assert "Now 0 customers are in it; with this rule it would be 3" in text


def test_suggestions_come_from_the_data(admin_client: Client) -> None:
    CustomerFactory.create_batch(2, country="DE")
    CustomerFactory(country="DK")
    mirror.refresh()
    options = admin_client.get(
        reverse("admin:segment_values", args=["country"]), {"t-0.value": "d"}
    )
    assert re.findall('value="(..)"', options.content.decode()) == ["DE", "DK"]
    assert admin_client.get(reverse("admin:segment_values", args=["secrets"])).status_code == 404


def test_without_tables_the_page_says_so_and_makes_none(
    admin_client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.HOME = tmp_path
    customer = CustomerFactory(country="DE")
    for act in ("live", "people", f"why:{customer.pk}"):
        answer = admin_client.post(
            reverse(NEW), {**COUNTRY, "do": act}, headers={"HX-Request": "true"}
        )
        assert "The tables are not read yet" in answer.content.decode()
    assert not mirror.exists()
    assert not list(tmp_path.glob("mirror/*"))


def test_who_has_gone_or_withdrawn_since_is_neither_shown_nor_explained(
    admin_client: Client,
) -> None:
    stays, erased, withdrew = MailableFactory.create_batch(3, country="DE")
    for customer in (stays, erased, withdrew):
        agree(customer, Purpose.PROFILING)
        OrderFactory(customer=customer)
    mirror.refresh()
    ledger.withdraw(customer=withdrew, purpose=Purpose.PROFILING, method="form", now=clock.now())
    Customer.objects.filter(pk=erased.pk).update(erased_at=clock.now())
    said = {"t.quantifier": "all", "t-0.about": "did:ORDER", "do": "people"}
    assert list(admin_client.post(reverse(NEW), said).context["people"]) == [stays]
    for customer, is_told in ((stays, True), (erased, False), (withdrew, False)):
        page = admin_client.post(reverse(NEW), {**said, "do": f"why:{customer.pk}"})
        assert bool(page.context["reasons"]) is is_told
    # a rule that asks nothing of the kind still shows who withdrew
    people = admin_client.post(reverse(NEW), {**COUNTRY, "do": "people"}).context["people"]
    assert set(people) == {stays, withdrew}
