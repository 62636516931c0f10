"""What cannot be computed is shown so and stops nobody else; what should not differ and does is told."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.test import Client
from django.urls import reverse

from consent import wordings
from feedback.reports.attention import attention
from segmentation import dynamic, limits, refreshing
from segmentation.enums import SegmentStatus
from segmentation.models import Membership, MembershipChange, Segment, SegmentFlip
from segmentation.rulebook import Entry
from tests.factories.customers import NOW
from tests.segmentation.builders import rule_segment
from tests.segmentation.live import BUYERS, computed, members, order, profiled


# the mirror reads over a connection of its own, which sees only what is committed
pytestmark = pytest.mark.django_db(transaction=True)

AT = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _wordings(transactional_db: None) -> None:
    wordings.install_defaults(now=NOW)  # an earlier test may have emptied the tables


def told() -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in attention(now=AT) if "segment" in one.text]


def test_failing_segment_keeps_its_members_and_the_others_go_on(admin_client: Client) -> None:
    customer = profiled()
    order(customer)
    refreshing.refresh(now=NOW)
    inner = computed(BUYERS, name="Inner")
    outer = computed({"all": [{"segment": inner.pk, "is": "in"}]}, name="Outer")
    healthy = computed(BUYERS, name="Healthy")
    inner.delete()
    refreshing.refresh(now=AT)
    outer.refresh_from_db()
    healthy.refresh_from_db()
    assert (outer.status, outer.status_since, outer.refreshed_at) == ("FAILED", AT, NOW)
    assert outer.problem == "The rule names a segment that is not there any more."
    assert members(outer) == {customer.pk}
    assert (healthy.status, healthy.refreshed_at) == (SegmentStatus.OK, AT)
    shown = admin_client.get(reverse("admin:segment_page", args=[outer.pk])).content.decode()
    assert outer.problem in shown
    assert "who was in it on 1 Jun 2026, 12:00 UTC" in shown
    assert told() == [("PROBLEM", f"The segment “Outer” could not be computed. {outer.problem}")]
    # it fails since the first time, whatever was tried since
    refreshing.refresh(now=AT + timedelta(days=1))
    outer.refresh_from_db()
    assert outer.status_since == AT


def test_rules_that_cannot_be_read_or_go_in_circles_fail_in_words() -> None:
    refreshing.refresh(now=NOW)
    old, one, two = (rule_segment(BUYERS, name=name) for name in ("Old", "One", "Two"))
    Segment.objects.filter(pk=old.pk).update(definition={"all": [{"field": "shoe_size"}]})
    for segment, other in ((one, two), (two, one)):
        Segment.objects.filter(pk=segment.pk).update(
            definition={"all": [{"segment": other.pk, "is": "in"}]}
        )
    assert sorted(dynamic.compute_due(now=NOW)) == [old.pk, one.pk, two.pk]
    problems = dict(Segment.objects.filter(kind="RULE").values_list("name", "problem"))
    assert problems["Old"].startswith("The rule cannot be read any more: all[0]")
    assert problems["One"] == problems["Two"]
    assert "depends on itself" in problems["One"]


def test_statement_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LIMIT", timedelta(seconds=0.05))
    endless = (
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3"
    )
    with duckdb.connect() as database:
        with pytest.raises(limits.TooSlowError) as told, limits.limited(database):
            database.execute(endless)
        assert limits.in_words(told.value).startswith("It took longer than")
        assert database.execute("SELECT 1").fetchone() == (1,)  # the next one has its turn


def test_computing_left_by_a_dead_process_is_done_again() -> None:
    customer = profiled()
    order(customer)
    refreshing.refresh(now=NOW)
    segment = rule_segment(BUYERS, name="Buyers")
    Segment.objects.filter(pk=segment.pk).update(status=SegmentStatus.REFRESHING)
    assert dynamic.compute_due(now=NOW) == [segment.pk]
    assert members(segment) == {customer.pk}
    assert dynamic.compute_due(now=NOW) == []


def test_changed_rule_changes_what_is_built_on_it_and_says_by_which_version() -> None:
    customer = profiled(country="FR")
    refreshing.refresh(now=NOW)
    inner = computed({"all": [{"field": "country", "is": "is", "value": "DE"}]}, name="Inner")
    outer = computed({"none": [{"segment": inner.pk, "is": "in"}]}, name="Outer")
    assert (members(inner), members(outer)) == (set(), {customer.pk})
    definition = {"all": [{"field": "country", "is": "is", "value": "FR"}]}
    Segment.objects.filter(pk=inner.pk).update(
        definition=definition, rule_version=2, status=SegmentStatus.STALE
    )
    assert dynamic.compute_due(now=AT) == [inner.pk, outer.pk]
    assert (members(inner), members(outer)) == ({customer.pk}, set())
    assert MembershipChange.objects.get(segment=inner).rule_version == 2


def test_rebuild_that_finds_a_difference_repairs_and_tells(
    admin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    inside, outside = profiled(), profiled()
    order(inside)
    refreshing.refresh(now=NOW)
    segment = computed(BUYERS, name="Buyers")
    Membership.objects.filter(segment=segment).delete()
    Membership.objects.create(segment=segment, customer=outside, joined_at=NOW)
    refreshing.refresh(now=AT)
    segment.refresh_from_db()
    assert members(segment) == {inside.pk}
    assert segment.status == SegmentStatus.OK
    assert "found 1 customers missing and 1 too many" in segment.problem
    assert [one.levelname for one in caplog.records if "before the rebuild" in one.message] == [
        "ERROR"
    ]
    assert told() == [("PROBLEM", f"The segment “Buyers” was wrong. {segment.problem}")]
    shown = admin_client.get(reverse("admin:segment_page", args=[segment.pk])).content.decode()
    assert segment.problem in shown
    refreshing.refresh(now=AT)
    assert told() == []


def test_what_was_due_anyway_is_no_difference() -> None:
    early, late = profiled(), profiled()
    order(early)
    refreshing.refresh(now=NOW + timedelta(days=29))
    segment = computed(BUYERS, name="Buyers", now=NOW + timedelta(days=29))
    order(late, NOW + timedelta(days=29))  # marked, and not computed yet
    refreshing.refresh(now=NOW + timedelta(days=30))  # the first has flipped, and nobody looked
    segment.refresh_from_db()
    assert (members(segment), segment.problem) == ({late.pk}, "")
    assert not SegmentFlip.objects.exists()


def test_time_that_is_up_fails_no_segment_and_begins_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    customer = profiled()
    refreshing.refresh(now=NOW)
    followed = computed(BUYERS, name="Followed")
    order(customer)
    waiting = [rule_segment(BUYERS, name=name) for name in ("One", "Two")]
    begun: list[int] = []

    def members_of(entry: Entry, *_: object, **__: object) -> object:
        begun.append(entry.segment_id)
        raise SoftTimeLimitExceeded

    with monkeypatch.context() as patch:
        patch.setattr(Entry, "members", members_of)
        with pytest.raises(SoftTimeLimitExceeded):
            dynamic.compute_due(now=NOW)
        with pytest.raises(SoftTimeLimitExceeded):
            refreshing.refresh_dirty(now=AT)
    assert begun == [waiting[0].pk, followed.pk]
    assert not Segment.objects.filter(status=SegmentStatus.FAILED).exists()
    # the next turn does what was left
    assert refreshing.refresh_dirty(now=AT) is not None
    assert dynamic.compute_due(now=AT) == [one.pk for one in waiting]
    assert [members(one) for one in (followed, *waiting)] == [{customer.pk}] * 3
