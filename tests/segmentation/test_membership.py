from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from segmentation import membership
from segmentation.enums import SegmentKind
from segmentation.membership import Change
from segmentation.models import Membership, MembershipChange, Segment
from tests.factories.customers import NOW, CustomerFactory


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


def test_write_of_nobody_empties_the_segment(segment: Segment) -> None:
    membership.write(segment, np.array([CustomerFactory().pk]), now=NOW)
    assert membership.write(segment, np.empty(0, dtype=np.int64), now=LATER) == Change(
        joined=0, left=1, size=0
    )
