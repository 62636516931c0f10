from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db import connection

from core import clock
from customers.models import Cursor, Customer
from segmentation import queries, refreshing, scoring, tasks
from segmentation.enums import SegmentKind, Task
from segmentation.expectation import READER
from segmentation.models import (
    Membership,
    MembershipChange,
    ModelVersion,
    ReviewSentiment,
    Score,
    ScoreGeneration,
    Segment,
)
from tests.segmentation.shop.rounds import STARTS_AT
from tests.segmentation.versions import rule_champion
from tests.sessions import another_session


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shop")]
LATER = STARTS_AT + timedelta(days=1)


def test_first_refresh_fills_sentiments_segments_and_the_cursor() -> None:
    assert refreshing.due(now=STARTS_AT)
    done = refreshing.refresh(now=STARTS_AT)
    assert done.scores == {}  # no champion yet
    assert done.reviews == ReviewSentiment.objects.count() > 100
    everyone = Segment.objects.get(kind=SegmentKind.EVERYONE)
    assert everyone.size == Customer.objects.count() == 1_500
    # everybody who may be profiled is in one RFM group and in one cluster
    for kind in (SegmentKind.RFM, SegmentKind.CLUSTER):
        inside = Membership.objects.filter(segment__kind=kind)
        assert inside.count() == inside.values("customer").distinct().count() == done.customers
    assert 0 < done.customers < 1_500
    cursor = Cursor.objects.get(reader=READER)
    assert (cursor.moved_at, cursor.position) == (STARTS_AT, scoring.seconds(STARTS_AT))
    assert not refreshing.due(now=LATER - timedelta(seconds=1))
    assert refreshing.due(now=LATER)


def test_champion_that_has_not_scored_makes_a_refresh_due_and_gets_its_scores() -> None:
    refreshing.refresh(now=STARTS_AT)
    rule_champion(Task.CHURN, now=STARTS_AT)
    assert refreshing.due(now=STARTS_AT)
    done = refreshing.refresh_if_due(now=STARTS_AT)
    assert done is not None
    generation = ScoreGeneration.objects.get(task=Task.CHURN, is_current=True)
    values = Score.objects.filter(generation=generation).values_list("value", flat=True)
    assert done.scores == {"CHURN": generation.rows} == {"CHURN": len(values)}
    assert all(0 < value < 1 for value in values)
    assert not refreshing.due(now=STARTS_AT)


def test_refresh_at_the_same_moment_changes_nothing() -> None:
    rule_champion(Task.PURCHASE, now=STARTS_AT)
    refreshing.refresh(now=STARTS_AT)
    changes = MembershipChange.objects.count()
    sizes = dict(Segment.objects.values_list("name", "size"))
    before = list(
        Score.objects.filter(generation__is_current=True)
        .order_by("customer_id")
        .values_list("customer_id", "value")
    )
    again = refreshing.refresh(now=STARTS_AT)
    assert again.reviews == 0
    assert MembershipChange.objects.count() == changes
    assert dict(Segment.objects.values_list("name", "size")) == sizes
    after = (
        Score.objects.filter(generation__is_current=True)
        .order_by("customer_id")
        .values_list("customer_id", "value")
    )
    assert list(after) == before
    # the clusters of this month were kept, not fitted again
    assert ModelVersion.objects.filter(task=Task.CLUSTERS).count() == 1


def test_champions_that_give_no_scores_make_nothing_due() -> None:
    refreshing.refresh(now=STARTS_AT)
    for task in set(Task) - set(scoring.TASKS):
        rule_champion(task, now=STARTS_AT)
    assert not refreshing.due(now=STARTS_AT)


def test_refresh_if_due_leaves_it_to_whoever_holds_the_lock() -> None:
    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [READER])
        assert refreshing.refresh_if_due(now=STARTS_AT) is None
    assert not Segment.objects.exists()


def test_refresh_if_due_gives_its_lock_back_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "NAME", "no such database")
        with pytest.raises(Exception, match="no such database"):
            refreshing.refresh_if_due(now=STARTS_AT)
    with another_session() as other:
        got = other.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [READER]).fetchone()
    assert got == (True,)


def test_first_import_after_an_empty_refresh_does_not_wait_for_a_day() -> None:
    refreshing.refresh(now=STARTS_AT)
    Cursor.objects.filter(reader=refreshing.PROFILED).update(position=0)
    assert not refreshing.due(now=STARTS_AT)
    assert refreshing.due(now=STARTS_AT + timedelta(seconds=1))
    Membership.objects.all().delete()
    assert refreshing.due(now=STARTS_AT + timedelta(seconds=1))


def test_refresh_when_nobody_may_be_profiled_any_more_forgets_scores_and_groups(home: Path) -> None:
    rule_champion(Task.CHURN, now=STARTS_AT)
    refreshing.refresh(now=STARTS_AT)
    before = STARTS_AT - timedelta(days=5000)  # nobody is known yet
    assert refreshing.refresh(now=before).customers == 0
    assert queries.current_scores(Task.CHURN, np.array([1])).version_id is not None
    assert not Score.objects.filter(generation__is_current=True).exists()
    assert set(Segment.objects.filter(size__gt=0).values_list("name", flat=True)) == {"Everyone"}


def test_refresh_due_asks_as_of_the_moment_the_shop_has_answered_until() -> None:
    clock.set_now(STARTS_AT + timedelta(hours=5))
    tasks.refresh_due()
    assert Cursor.objects.get(reader=READER).moved_at == STARTS_AT
    changes = MembershipChange.objects.count()
    tasks.refresh_due()
    assert MembershipChange.objects.count() == changes


def test_champion_that_cannot_be_read_is_not_asked_again_every_tick(
    caplog: pytest.LogCaptureFixture,
) -> None:
    version = rule_champion(Task.CHURN, now=STARTS_AT)
    ModelVersion.objects.filter(pk=version.pk).update(artefact="not-there")
    done = refreshing.refresh_if_due(now=STARTS_AT)
    assert done is not None
    assert "CHURN" not in done.scores
    assert "cannot score" in caplog.text
    assert not refreshing.due(now=STARTS_AT)
