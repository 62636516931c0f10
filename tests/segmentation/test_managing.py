"""Segments that staff made, managed: on the page and over REST."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from campaigns.enums import CampaignState
from campaigns.forms import CampaignForm
from campaigns.models import Campaign
from core import clock
from segmentation import dynamic, fixed_lists, managing, membership, mirror, rule_segments, rulebook
from segmentation.enums import SegmentKind, SegmentStatus
from segmentation.models import Membership, MembershipChange, Segment
from segmentation.rules import parse
from tests.factories.campaigns import CampaignFactory
from tests.factories.customers import CustomerFactory
from tests.factories.segmentation import SegmentFactory, segment_of
from tests.gateway.clients import Api, fields
from tests.segmentation.builders import client_who_may, rule_segment


pytestmark = pytest.mark.django_db

GERMANS: dict[str, Any] = {"all": [{"field": "country", "is": "is", "value": "DE"}]}
CHANGES = ("view_segment", "view_customer", "change_segment", "add_segment", "delete_segment")


def in_segment(segment: Segment) -> dict[str, Any]:
    return {"all": [{"segment": segment.pk, "is": "in"}]}


def fixed_list(size: int = 3) -> Segment:
    return rule_segments.freeze(segment_of(CustomerFactory.create_batch(size)), now=clock.now())


def members(segment: Segment) -> set[int]:
    return set(Membership.objects.filter(segment=segment).values_list("customer_id", flat=True))


def manage(client: Client, segment: Segment, do: str, **said: str) -> Any:
    return client.post(
        reverse("admin:segment_manage", args=[segment.pk]), {"do": do, **said}, follow=True
    )


# ------------------------------------------------------------------ the archive
def test_archived_segment_is_empty_and_cannot_be_chosen() -> None:
    segment = fixed_list()
    who = members(segment)
    managing.archive(segment, now=clock.now())
    segment.refresh_from_db()
    assert (segment.size, members(segment)) == (0, set())
    left = MembershipChange.objects.filter(segment=segment, joined=False)
    assert {one.customer_id for one in left} == who
    assert segment not in CampaignForm().fields["segment"].queryset  # type: ignore[attr-defined]
    problems = rule_segments.problems_of(parse(in_segment(segment)), segment_id=None)
    assert [one.path for one in problems] == ["all[0].segment"]


def test_fixed_list_comes_back_as_it_was_but_for_merged_and_erased() -> None:
    segment = fixed_list()
    stays, merged, erased = (
        one.customer for one in Membership.objects.filter(segment=segment).order_by("pk")
    )
    managing.archive(segment, now=clock.now())
    survivor = CustomerFactory()
    merged.merged_into, erased.erased_at = survivor, clock.now()
    merged.save()
    erased.save()
    back = managing.restore(segment, now=clock.now())
    assert (members(back), back.size) == ({stays.pk, survivor.pk}, 2)
    assert not fixed_lists.follow(None, now=clock.now())


@pytest.mark.django_db(transaction=True)  # the mirror reads over a connection of its own
def test_rule_comes_back_to_be_computed_and_is_left_alone_until_then() -> None:
    CustomerFactory(country="DE")
    segment = rule_segment(GERMANS)
    mirror.refresh()
    dynamic.compute_due(now=clock.now())
    segment.refresh_from_db()
    assert segment.size == 1
    managing.archive(segment, now=clock.now())
    assert dynamic.compute_due(now=clock.now()) == []
    assert segment.pk not in rulebook.read().versions
    managing.restore(segment, now=clock.now())
    assert dynamic.compute_due(now=clock.now()) == [segment.pk]
    segment.refresh_from_db()
    assert (segment.size, segment.status) == (1, SegmentStatus.OK)


def test_nobody_joins_what_was_archived_while_it_was_computed() -> None:
    customer = CustomerFactory(country="DE")
    segment = rule_segment(GERMANS)
    managing.archive(segment, now=clock.now())
    membership.write_some(
        {segment.pk: np.array([customer.pk])},
        touched=np.array([customer.pk]), now=clock.now(),
        rule_versions={segment.pk: segment.rule_version},
    )  # fmt: skip
    assert members(segment) == set()


def test_rule_does_not_come_back_without_what_it_names() -> None:
    inner = fixed_list()
    outer = rule_segment(in_segment(inner), name="Outer")
    managing.archive(outer, now=clock.now())
    managing.archive(inner, now=clock.now())
    with pytest.raises(managing.StandsInTheWayError, match="archived or deleted"):
        managing.restore(outer, now=clock.now())
    outer.refresh_from_db()
    assert outer.archived_at is not None


# ------------------------------------------------------------------ what stands in the way
@pytest.mark.parametrize("act", ["archive", "delete"])
def test_what_is_used_stays_and_the_page_says_by_what(act: str) -> None:
    segment = fixed_list()
    rule_segment(in_segment(segment), name="Built on it")
    CampaignFactory(segment=segment, name="Tea week", state=CampaignState.DRAFT)
    client = client_who_may(*CHANGES)
    answer = manage(client, segment, act, checked="on")
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "The rule of the segment “Built on it” names it." in text
    assert "The campaign “Tea week” (draft) is to reach it." in text
    segment.refresh_from_db()
    assert (segment.archived_at, segment.size) == (None, 3)


def test_campaign_that_is_over_stands_in_no_way_and_keeps_the_name() -> None:
    segment = fixed_list()
    campaign = CampaignFactory(segment=segment, state=CampaignState.FINISHED)
    managing.delete(segment, now=clock.now())
    campaign = Campaign.objects.get(pk=campaign.pk)
    assert campaign.segment.name.startswith("Segment ")
    assert "(deleted " in campaign.segment.name
    page = client_who_may(*CHANGES).get(reverse("admin:segment_page", args=[segment.pk]))
    assert "Deleted since" in page.content.decode()


def test_machine_made_segments_are_not_managed() -> None:
    segment = SegmentFactory(kind=SegmentKind.RFM)
    client = client_who_may(*CHANGES)
    for act in ("rename", "copy", "archive", "delete"):
        answer = manage(client, segment, act, name="Mine", checked="on")
        assert answer.status_code == 422
        assert "Coterie makes this segment itself" in answer.content.decode()
    segment.refresh_from_db()
    assert (segment.archived_at, segment.kind) == (None, SegmentKind.RFM)
    assert segment.name != "Mine"


# ------------------------------------------------------------------ names, copies, the end
def test_page_renames_and_refuses_a_name_that_is_taken() -> None:
    segment, other = fixed_list(), SegmentFactory(name="Taken")
    client = client_who_may(*CHANGES)
    answer = manage(client, segment, "rename", name=other.name, description="")
    assert answer.status_code == 422
    assert "There is a segment of this name already" in answer.content.decode()
    manage(client, segment, "rename", name="Mine", description="My words.")
    segment.refresh_from_db()
    assert (segment.name, segment.description) == ("Mine", "My words.")


def test_copies_of_a_rule_and_of_a_list_go_their_own_ways() -> None:
    fixed, rule = fixed_list(), rule_segment(GERMANS)
    client = client_who_may(*CHANGES)
    manage(client, fixed, "copy")
    manage(client, rule, "copy")
    copied = Segment.objects.get(name=f"{fixed.name} (2)")
    assert (copied.kind, members(copied), copied.size) == (SegmentKind.STATIC, members(fixed), 3)
    second = Segment.objects.get(name=f"{rule.name} (2)")
    assert (second.definition, second.rule_version) == (rule.definition, 1)
    managing.delete(fixed, now=clock.now())
    assert len(members(copied)) == 3


def test_deleting_asks_first_frees_the_name_and_keeps_the_history() -> None:
    segment = rule_segment(GERMANS, name="N" * 100)
    customer = CustomerFactory()
    membership.write(segment, np.array([customer.pk]), now=clock.now(), rule_version=1)
    client = client_who_may(*CHANGES)
    assert "cannot be brought back" in manage(client, segment, "delete").content.decode()
    manage(client, segment, "delete", checked="on")
    assert not Segment.objects.filter(pk=segment.pk).exists()
    assert rule_segments.free_name("N" * 100) == "N" * 100
    history = MembershipChange.objects.filter(segment_id=segment.pk).order_by("pk")
    assert [one.joined for one in history] == [True, False]
    kept = Segment.everything.get(pk=segment.pk)
    assert (kept.definition, kept.versions.count()) == ({}, 1)
    assert client.get(reverse("admin:segment_manage", args=[segment.pk])).status_code == 404
    assert client.get(reverse("admin:segment_edit", args=[segment.pk])).status_code == 404


def test_each_act_asks_for_its_permission() -> None:
    segment = fixed_list()
    onlooker = client_who_may("view_segment")
    assert onlooker.get(reverse("admin:segment_manage", args=[segment.pk])).status_code == 200
    for act in ("rename", "copy", "archive", "restore", "delete", "nonsense"):
        assert manage(onlooker, segment, act, name="x", checked="on").status_code == 403


def test_list_shows_the_archived_when_asked() -> None:
    segment = fixed_list()
    managing.archive(segment, now=clock.now())
    client = client_who_may("view_segment")
    url = reverse("admin:segmentation_segment_changelist")
    assert segment.name not in client.get(url).content.decode()
    assert segment.name in client.get(url, {"archived": "yes"}).content.decode()


# ------------------------------------------------------------------ over REST
def test_api_makes_changes_copies_archives_and_deletes() -> None:
    api = Api()
    made = api.post("segments", {"name": "Germans", "rule": GERMANS})
    assert made.status_code == 201, made.content
    number = made.json()["id"]
    assert (made.json()["kind"], made.json()["rule"]) == ("RULE", GERMANS)
    assert api.patch(f"segments/{number}", {"name": "DE"}).json()["name"] == "DE"
    changed = api.patch(f"segments/{number}", {"rule": {"none": GERMANS["all"]}}).json()
    assert changed["rule"] == {"none": GERMANS["all"]}
    assert Segment.objects.get(pk=number).rule_version == 2
    copied = api.post(f"segments/{number}/copy", {}).json()
    assert copied["name"] == "DE (2)"
    assert api.post(f"segments/{number}/archive", {}).json()["archived_at"]
    listed = {one["id"] for one in api.get("segments").json()["results"]}
    assert listed == {copied["id"]}
    assert [one["id"] for one in api.get("segments", archived="true").json()["results"]] == [number]
    assert api.post(f"segments/{number}/restore", {}).json()["archived_at"] is None
    assert api.post(f"segments/{number}/delete", {}).status_code == 200
    assert api.get(f"segments/{number}").status_code == 404


def test_api_tells_what_stands_in_the_way() -> None:
    segment = fixed_list()
    outer = rule_segment(in_segment(segment), name="Outer")
    api = Api()
    answer = api.post(f"segments/{segment.pk}/archive", {})
    assert answer.status_code == 422
    assert "“Outer” names it" in answer.json()["message"]
    assert fields(api.post("segments", {"name": "Outer", "rule": GERMANS})) == {"name": "taken"}
    cycle = api.patch(f"segments/{outer.pk}", {"rule": in_segment(outer)})
    assert fields(cycle) == {"rule.all[0].segment": "bad_rule"}
    assert fields(api.patch(f"segments/{segment.pk}", {"rule": GERMANS})) == {"rule": "no_rule"}
    restricted = Api(source_ids=[CustomerFactory().source_id])
    assert restricted.post("segments", {"name": "x", "rule": GERMANS}).status_code == 403


def test_what_somebody_else_deleted_meanwhile_is_told() -> None:
    segment = rule_segment(GERMANS, name="Germans")
    seen = Segment.objects.get(pk=segment.pk)
    managing.delete(segment, now=clock.now())
    for act in (managing.delete, managing.archive, managing.restore):
        with pytest.raises(managing.StandsInTheWayError, match="is deleted"):
            act(seen, now=clock.now())
