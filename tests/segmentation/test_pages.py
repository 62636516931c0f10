"""The pages of segments: their own, the builder without a script, overlaps, freezing, export."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from core import clock
from customers.models import Refund
from segmentation.enums import SegmentKind, SegmentStatus
from segmentation.models import MembershipChange, Segment
from segmentation.segment_pages import overlapping, reach, untapped
from tests.factories.consent import MailableFactory
from tests.factories.customers import CustomerFactory, OrderFactory
from tests.factories.segmentation import SegmentFactory, segment_of
from tests.segmentation.builders import COUNTRY, NEW, client_who_may, rule_segment, selected


pytestmark = pytest.mark.django_db


# ------------------------------------------------------------------ a segment's own page
def test_segment_page_shows_size_reach_and_worth(admin_client: Client) -> None:
    inside, outside = MailableFactory(), CustomerFactory()
    segment = segment_of([inside, CustomerFactory()])
    Segment.objects.filter(pk=segment.pk).update(size=2)
    recent = clock.now() - timedelta(days=10)
    OrderFactory(customer=inside, placed_at=recent, total_cents=3000)
    OrderFactory(customer=outside, placed_at=recent, total_cents=1000)
    MembershipChange.objects.create(
        segment=segment, customer=inside, joined=True, changed_at=recent + timedelta(days=5)
    )
    response = admin_client.get(reverse("admin:segment_page", args=[segment.pk]))
    worth = response.context["worth"]
    assert (worth["net_cents"], worth["share_of_revenue"]) == (3000, 0.75)
    assert worth["net_each_cents"] == 1500
    shown = response.context["segment"]
    assert (shown.reachable, shown.come, shown.gone) == (1, 1, 0)
    assert {one.pk for one in response.context["sample"]} == set(
        segment.memberships.values_list("customer_id", flat=True)
    )


def test_untapped_worth_is_net_of_refunds_and_of_orders_that_stand() -> None:
    people = CustomerFactory.create_batch(untapped.LEAST_PEOPLE)
    others = CustomerFactory.create_batch(untapped.LEAST_PEOPLE)
    everyone = segment_of([*people, *others])
    Segment.objects.filter(pk=everyone.pk).update(kind=SegmentKind.EVERYONE, size=len(people) * 2)
    segment = segment_of(people)
    segment.kind, segment.size, segment.reachable = SegmentKind.STATIC, len(people), 0
    now = clock.now()
    recent = now - timedelta(days=10)
    for customer in people:
        order = OrderFactory(customer=customer, placed_at=recent, total_cents=3000)
        Refund.objects.create(
            source=order.source, external_id=f"r{order.pk}", order=order, customer=customer,
            refunded_at=recent, arrived_at=recent, amount_cents=1000,
        )  # fmt: skip
    for customer in others:
        OrderFactory(customer=customer, placed_at=recent, total_cents=200)
    (found,) = untapped.find([segment], now=now)
    assert found.each_cents == 2000
    assert found.times == pytest.approx(2000 / 1100)


def test_empty_segment_says_so(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:segment_page", args=[SegmentFactory().pk]))
    assert "Nobody is in this segment now" in page.content.decode()


def test_a_failed_segment_says_since_when_and_of_when_its_members_are(admin_client: Client) -> None:
    segment = segment_of([CustomerFactory()])
    now = clock.now()
    Segment.objects.filter(pk=segment.pk).update(
        status=SegmentStatus.FAILED, status_since=now, problem="The disk is full.",
        refreshed_at=now - timedelta(days=2),
    )  # fmt: skip
    page = admin_client.get(reverse("admin:segment_page", args=[segment.pk])).content.decode()
    assert f"Failed since {now:%-d %b %Y, %H:%M}" in page
    assert (
        f"The disk is full. What you see is who was in it on {now - timedelta(days=2):%-d %b %Y}"
        in page
    )


def test_reach_of_each_segment_is_its_own() -> None:
    empty = SegmentFactory()
    full = segment_of([MailableFactory(), MailableFactory(), CustomerFactory()])
    counts = dict(reach.with_reach_of_segment(Segment.objects.all()).values_list("pk", "reachable"))
    assert counts == {empty.pk: 0, full.pk: 2}


# ------------------------------------------------------------------ who may do what
def test_pages_ask_for_their_permissions() -> None:
    segment = rule_segment({"all": [{"field": "country", "is": "is", "value": "DE"}]})
    onlooker = client_who_may("view_segment")
    for route, arguments in (
        (NEW, []), ("admin:segment_edit", [segment.pk]), ("admin:segment_export", [segment.pk]),
        ("admin:segment_page", [segment.pk]),  # it shows people
    ):  # fmt: skip
        assert onlooker.get(reverse(route, args=arguments)).status_code == 403
    freeze = reverse("admin:segment_freeze", args=[segment.pk])
    assert onlooker.post(freeze).status_code == 403
    assert onlooker.get(reverse("admin:segment_overlaps")).status_code == 200
    assert onlooker.get(reverse("admin:segment_features")).status_code == 200
    assert client_who_may("view_segment", "add_segment").get(reverse(NEW)).status_code == 200
    assert Client().get(reverse(NEW)).status_code == 302


# ------------------------------------------------------------------ the builder, without a script
def test_buttons_change_the_tree_and_keep_what_was_typed(admin_client: Client) -> None:
    url = reverse(NEW)
    empty = admin_client.get(url).content.decode()
    assert selected(empty, "t-0.about") == ""
    said = {**COUNTRY, "name": "Mine"}
    page = admin_client.post(url, {**said, "do": "add-group:t"}).content.decode()
    assert selected(page, "t-1.quantifier") == "any"
    assert selected(page, "t-0.about") == "field:country"
    assert 'value="Mine"' in page
    said |= {"t-1.quantifier": "any", "t-1-0.about": "did:ORDER"}
    page = admin_client.post(url, {**said, "do": "redraw"}).content.decode()
    assert selected(page, "t-1-0.window") == "ever"
    page = admin_client.post(url, {**said, "do": "add-filter:t-1-0"}).content.decode()
    assert selected(page, "t-1-0.where-0.property") == "category"
    page = admin_client.post(url, {**said, "do": "up:t-1"}).content.decode()
    assert selected(page, "t-0.quantifier") == "any"
    assert selected(page, "t-1.about") == "field:country"
    page = admin_client.post(url, {**said, "do": "remove:t-1"}).content.decode()
    assert "t-1.quantifier" not in page
    assert not Segment.objects.exists()


@pytest.mark.parametrize("act", ["remove:t-9", "remove:t", "up:t-0", "nonsense", "add-filter:t", "remove-filter:t-0:7", "down:x-1"])  # fmt: skip
def test_a_button_that_means_nothing_changes_nothing(admin_client: Client, act: str) -> None:
    page = admin_client.post(reverse(NEW), {**COUNTRY, "do": act}).content.decode()
    assert selected(page, "t-0.about") == "field:country"


def test_money_and_shares_are_typed_as_people_say_them(admin_client: Client) -> None:
    said = {
        "t.quantifier": "all", "name": "Spenders", "do": "save",
        "t-0.about": "field:net_revenue_cents", "t-0.is": "at_least", "t-0.value": "50,50",
        "t-1.about": "score:CHURN", "t-1.is": "between", "t-1.value": "60", "t-1.value2": "100",
        "t-2.about": "field:country", "t-2.is": "in", "t-2.value": "DE\nFR\n",
    }  # fmt: skip
    assert admin_client.post(reverse(NEW), said).status_code == 302
    segment = Segment.objects.get()
    assert segment.definition == {
        "all": [
            {"field": "net_revenue_cents", "is": "at_least", "value": 5050},
            {"score": "CHURN", "is": "between", "value": [0.6, 1]},
            {"field": "country", "is": "in", "value": ["DE", "FR"]},
        ]
    }
    page = admin_client.get(reverse("admin:segment_edit", args=[segment.pk])).content.decode()
    assert 'name="t-0.value" value="50.5"' in page
    assert 'name="t-1.value" value="60"' in page


def test_problems_stand_at_their_conditions(admin_client: Client) -> None:
    said = {
        **COUNTRY, "name": "", "do": "save", "t-0.value": "",
        "t-1.about": "did:ORDER", "t-1.count": "x", "t-1.where-0.property": "value_cents",
        "t-1.where-0.is": "at_least", "t-1.where-0.value": "",
    }  # fmt: skip
    answer = admin_client.post(reverse(NEW), said)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Give the segment a name." in page
    assert {prefix for prefix, _, _ in answer.context["listed"]} == {"t-0", "t-1"}
    row = page[page.index('id="t-1"') :]
    assert "Give a whole number" in row
    assert not Segment.objects.exists()


def test_a_segment_cannot_depend_on_itself(admin_client: Client) -> None:
    first = rule_segment({"all": [{"field": "country", "is": "is", "value": "DE"}]})
    second = rule_segment({"all": [{"segment": first.pk, "is": "in"}]}, name="Second")
    said = {
        "t.quantifier": "all", "t-0.about": "segment", "t-0.is": "in", "t-0.segment": str(second.pk),
        "name": first.name, "do": "save",
    }  # fmt: skip
    answer = admin_client.post(reverse("admin:segment_edit", args=[first.pk]), said)
    assert answer.status_code == 422
    assert "depends on the segment that you are changing" in answer.content.decode()
    gone = admin_client.post(reverse(NEW), {**said, "t-0.segment": "999", "name": "Third"})
    assert "Choose a segment that exists" in gone.content.decode()


def test_a_ready_made_segment_and_a_copy_are_starting_points(admin_client: Client) -> None:
    page = admin_client.get(reverse(NEW), {"from": "lapsed"}).content.decode()
    assert selected(page, "t-0.about") == "did:ORDER"
    known = rule_segment({"all": [{"field": "country", "is": "is", "value": "DE"}]})
    page = admin_client.get(reverse(NEW), {"copy": known.pk}).content.decode()
    assert 'value="Germans (2)"' in page
    assert 'name="t-0.value" value="DE"' in page


# ------------------------------------------------------------------ frozen, exported, compared
def test_a_frozen_list_stays_as_it_is(admin_client: Client) -> None:
    members = CustomerFactory.create_batch(2)
    segment = segment_of(members)
    admin_client.post(reverse("admin:segment_freeze", args=[segment.pk]))
    frozen = Segment.objects.get(kind=SegmentKind.STATIC)
    segment.memberships.all().delete()
    assert set(frozen.memberships.values_list("customer_id", flat=True)) == {m.pk for m in members}
    assert (frozen.size, frozen.changes.count()) == (2, 2)


def test_addresses_are_exported_only_by_who_may() -> None:
    member = CustomerFactory(external_id=" =1+1", email="ada@example.com")
    numbered = CustomerFactory(external_id="eve@example.com", email="eve@example.com")
    segment = segment_of([member, numbered])
    url = reverse("admin:segment_export", args=[segment.pk])

    def exported(*codes: str) -> str:
        answer = client_who_may("view_segment", *codes).get(url, {"addresses": ""})
        return b"".join(answer.streaming_content).decode()

    plain = exported("export_segment")
    assert "@" not in plain
    assert f"{member.pk},{member.source.name},' =1+1" in plain
    assert "ada@example.com" in exported("export_segment", "export_addresses")


def test_overlaps_tell_shares_and_hide_few(admin_client: Client) -> None:
    people = CustomerFactory.create_batch(24)
    half, all_of_them, few = segment_of(people[:12]), segment_of(people), segment_of(people[9:21])
    Segment.objects.update(kind=SegmentKind.STATIC)
    for segment in (half, all_of_them, few):
        Segment.objects.filter(pk=segment.pk).update(size=segment.memberships.count())
    rows = {row.segment.pk: row for row in overlapping.matrix([half, all_of_them, few])}
    assert [cell.text for cell in rows[half.pk].cells] == ["12", "100\u00a0%", "< 10"]
    assert [cell.text for cell in rows[all_of_them.pk].cells] == ["50\u00a0%", "24", "50\u00a0%"]
    page = admin_client.get(reverse("admin:segment_overlaps")).content.decode()
    assert "&lt; 10" in page
