"""A shop that was connected after the day's refresh does not wait for tomorrow's."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from customers.models import Cursor
from segmentation import membership, refreshing
from segmentation.enums import SegmentKind
from tests.factories.customers import CustomerFactory


@pytest.mark.django_db
def test_growth_makes_a_refresh_due_after_some_minutes(now: datetime) -> None:
    CustomerFactory.create_batch(4)
    segment = membership.ensure(
        name="Everyone", kind=SegmentKind.EVERYONE, definition={}, description="", now=now
    )
    membership.write_everyone(segment, now=now)
    for reader in (refreshing.READER, refreshing.PROFILED):
        Cursor.objects.create(reader=reader, moved_at=now, position=4)
    later = now + timedelta(minutes=6)
    assert not refreshing.due(now=later)
    CustomerFactory()
    assert refreshing.due(now=later)
    assert not refreshing.due(now=now + timedelta(minutes=4))
