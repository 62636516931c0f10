from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from segmentation import membership
from segmentation.enums import SegmentKind
from segmentation.membership import Change
from segmentation.models import Membership, MembershipChange, Segment
from tests.factories.customers import NOW, CustomerFactory
from tests.segmentation.builders import rule_segment


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture
def segment() -> Segment:
    return membership.ensure(
        name="Loyal", kind=SegmentKind.RFM, definition={"group": "LOYAL"}, description="", now=NOW
    )


def test_write_records_who_joined_and_who_left(segment: Segment) -> None:
    stays, leaves, comes = (CustomerFactory().pk for _ in range(3))
    assert membership.write(segment, np.array([stays, leaves]), now=NOW) == Change(
        joined=2, left=0, size=2
    )
    assert membership.write(segment, np.array([stays, comes]), now=LATER) == Change(
        joined=1, left=1, size=2
    )
    assert set(Membership.objects.values_list("customer_id", "joined_at")) == {
        (stays, NOW),
        (comes, LATER),
    }
    later = MembershipChange.objects.filter(changed_at=LATER)
    assert set(later.values_list("customer_id", "joined")) == {(leaves, False), (comes, True)}


def test_write_of_the_same_members_changes_nothing(segment: Segment) -> None:
    member = CustomerFactory().pk
    membership.write(segment, np.array([member]), now=NOW)
    assert membership.write(segment, np.array([member]), now=LATER) == Change(
        joined=0, left=0, size=1
    )
    assert MembershipChange.objects.count() == 1


def test_write_leaves_the_erased_out(segment: Segment) -> None:
    erased = CustomerFactory(erased_at=NOW).pk
    assert membership.write(segment, np.array([erased]), now=NOW).size == 0


def test_write_everyone_takes_every_living_customer(segment: Segment) -> None:
    living = CustomerFactory().pk
    CustomerFactory(erased_at=NOW)
    membership.write_everyone(segment, now=NOW)
    assert list(Membership.objects.values_list("customer_id", flat=True)) == [living]


def test_references_are_checked_again_after_a_write(segment: Segment) -> None:
    membership.write(segment, np.array([CustomerFactory().pk]), now=NOW)
    Membership.objects.create(segment=segment, customer_id=-1, joined_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.check_constraints()
    Membership.objects.filter(customer_id=-1).delete()


def test_write_some_writes_the_difference_and_tells_all_segments(segment: Segment) -> None:
    stays, leaves, comes = (CustomerFactory().pk for _ in range(3))
    touched = np.array([stays, leaves, comes])
    other = champions()
    membership.write(other, np.array([leaves]), now=NOW)
    membership.write(segment, np.array([stays, leaves]), now=NOW)
    inside = membership.write_some(
        {segment.pk: np.array([stays, comes])}, touched=touched, now=LATER
    )
    assert {one: sorted(who.tolist()) for one, who in inside.items()} == {
        segment.pk: [stays, comes], other.pk: [leaves],
    }  # fmt: skip
    later = MembershipChange.objects.filter(changed_at=LATER)
    assert set(later.values_list("customer_id", "joined")) == {(leaves, False), (comes, True)}
    segment.refresh_from_db()
    assert segment.size == 2
    # by what is known already, nothing has to be looked at again
    with CaptureQueriesContext(connection) as asked:
        again = {segment.pk: np.array([stays, comes])}
        membership.write_some(again, touched=touched, now=LATER, before=inside)
    assert not any("segmentation_membership" in one["sql"] for one in asked.captured_queries)


@pytest.mark.parametrize("fate", ["restricted", "erased", "merged"])
@pytest.mark.parametrize("is_known", [False, True])
def test_write_some_lets_nobody_stay_who_was_lost_in_the_middle_of_a_turn(
    segment: Segment, fate: str, *, is_known: bool
) -> None:
    stays, lost = CustomerFactory(), CustomerFactory()
    both = np.array([stays.pk, lost.pk])
    before = membership.write_some({segment.pk: both}, touched=both, now=NOW)
    Customer.objects.filter(pk=lost.pk).update(**{
        "restricted": {"restricted_at": NOW}, "erased": {"erased_at": NOW},
        "merged": {"merged_into": stays},
    }[fate])  # fmt: skip
    inside = membership.write_some(
        {segment.pk: both}, touched=both, now=LATER, before=before if is_known else None
    )
    assert inside[segment.pk].tolist() == [stays.pk]
    assert list(Membership.objects.values_list("customer_id", flat=True)) == [stays.pk]
    left = MembershipChange.objects.filter(changed_at=LATER, joined=False)
    assert list(left.values_list("customer_id", flat=True)) == [lost.pk]
    segment.refresh_from_db()
    assert segment.size == 1


def test_write_of_nobody_empties_the_segment(segment: Segment) -> None:
    membership.write(segment, np.array([CustomerFactory().pk]), now=NOW)
    assert membership.write(segment, np.empty(0, dtype=np.int64), now=LATER) == Change(
        joined=0, left=1, size=0
    )


def test_write_leaves_out_who_was_removed_since_they_were_read(segment: Segment) -> None:
    stays, removed = CustomerFactory(), CustomerFactory()
    gone = removed.pk
    removed.delete()
    assert membership.write(segment, np.array([stays.pk, gone]), now=NOW).size == 1
    connection.check_constraints()  # as the commit would
    assert list(Membership.objects.values_list("customer_id", flat=True)) == [stays.pk]


def champions(description: str = "") -> Segment:
    return membership.ensure(
        name="Champions", kind=SegmentKind.RFM, definition={"group": "CHAMPION"},
        description=description, now=NOW,
    )  # fmt: skip


def test_ensure_leaves_a_rule_of_the_same_name_alone_and_takes_a_free_one() -> None:
    rule = rule_segment(
        {"all": [{"field": "country", "is": "is", "value": "DE"}]}, name="Champions"
    )
    before = Segment.objects.filter(pk=rule.pk).values().get()
    made = champions()
    assert (made.name, made.kind) == ("Champions (2)", SegmentKind.RFM)
    assert Segment.objects.filter(pk=rule.pk).values().get() == before
    # found again by what it is, also when the name is free by now
    rule.delete()
    again = champions("other words")
    assert (again.pk, again.name, again.description) == (made.pk, "Champions (2)", "other words")


def test_ensure_finds_a_segment_that_was_renamed() -> None:
    made = champions()
    Segment.objects.filter(pk=made.pk).update(name="Our best")
    assert champions() == made
    assert Segment.objects.get().name == "Our best"


def test_ensure_keeps_groups_of_one_kind_apart(segment: Segment) -> None:
    assert champions() != segment
    assert Segment.objects.count() == 2
