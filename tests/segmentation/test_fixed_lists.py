"""Fixed lists follow merges and erasures."""

from __future__ import annotations

import pytest

from segmentation import fixed_lists, rule_segments
from segmentation.enums import SegmentKind
from segmentation.models import Membership, MembershipChange, Segment
from tests.factories.customers import NOW, CustomerFactory


pytestmark = pytest.mark.django_db


def members(segment: Segment) -> set[int]:
    return set(Membership.objects.filter(segment=segment).values_list("customer_id", flat=True))


def test_the_survivor_takes_the_place_of_who_was_merged() -> None:
    survivor, merged, both, twin, stays = CustomerFactory.create_batch(5)
    start = Segment.objects.create(name="Start", kind=SegmentKind.RULE, created_at=NOW)
    for customer in (merged, both, twin, stays):
        Membership.objects.create(segment=start, customer=customer, joined_at=NOW)
    frozen = rule_segments.freeze(start, now=NOW)
    assert frozen.size == 4
    for gone, heir in ((merged, survivor), (twin, both)):
        gone.merged_into = heir
        gone.save()
    asked = [merged.pk, twin.pk, survivor.pk]
    fixed_lists.follow(asked, now=NOW)
    frozen.refresh_from_db()
    assert members(frozen) == {survivor.pk, both.pk, stays.pk}
    assert frozen.size == 3
    changes = MembershipChange.objects.filter(segment=frozen).order_by("pk")[4:]
    assert {(one.customer_id, one.joined) for one in changes} == {
        (merged.pk, False), (twin.pk, False), (survivor.pk, True),
    }  # fmt: skip
    # other kinds are computed anew by others, and doing it again changes nothing
    assert merged.pk in members(start)
    fixed_lists.follow(asked, now=NOW)
    assert MembershipChange.objects.filter(segment=frozen).count() == 7


def test_who_was_merged_twice_is_followed_to_the_end() -> None:
    first, second, last = CustomerFactory.create_batch(3)
    fixed = Segment.objects.create(name="Fixed", kind=SegmentKind.STATIC, created_at=NOW, size=1)
    Membership.objects.create(segment=fixed, customer=first, joined_at=NOW)
    for gone, heir in ((first, second), (second, last)):
        gone.merged_into = heir
        gone.save()
    fixed_lists.follow(None, now=NOW)
    assert members(fixed) == {last.pk}


def test_who_is_erased_leaves_and_the_size_says_so() -> None:
    erased, stays = CustomerFactory.create_batch(2)
    fixed = Segment.objects.create(name="Fixed", kind=SegmentKind.STATIC, created_at=NOW, size=2)
    for customer in (erased, stays):
        Membership.objects.create(segment=fixed, customer=customer, joined_at=NOW)
    erased.erased_at = NOW
    erased.save()
    fixed_lists.follow([erased.pk], now=NOW)
    fixed.refresh_from_db()
    assert (members(fixed), fixed.size) == ({stays.pk}, 1)
