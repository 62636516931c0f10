"""Of whom something changed: by the same statements and models as everybody, and with the same result."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from consent import ledger
from consent.enums import Purpose
from customers.models import Customer, Refund
from segmentation import assigning, mirror, queries, refreshing, tasks
from segmentation.enums import SegmentKind, Task
from segmentation.ml.tables import FeatureTable
from segmentation.models import (
    DirtyCustomer,
    Membership,
    MembershipChange,
    ReviewSentiment,
    Score,
    Segment,
)
from tests.factories.consent import agree
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderLineFactory,
    ReviewFactory,
)
from tests.segmentation.versions import rule_champion
from tests.sessions import another_session


# the mirror reads over a connection of its own, which sees only what is committed
pytestmark = pytest.mark.django_db(transaction=True)

AT = NOW + timedelta(hours=6)


def profiled(**fields: object) -> Customer:
    customer: Customer = CustomerFactory(**fields)
    agree(customer, Purpose.PROFILING)
    return customer


def order(customer: Customer, *, days: float = 0.1, cents: int = 2000) -> None:
    placed = NOW - timedelta(days=days)
    OrderLineFactory(
        order__customer=customer,
        order__placed_at=placed,
        order__arrived_at=placed,
        order__total_cents=cents,
    )


def open_shop() -> list[Customer]:
    """Twelve who may be profiled, with 0 to 3 orders, known, scored and grouped."""
    people = [profiled() for _ in range(12)]
    for number, customer in enumerate(people):
        for times in range(number % 4):
            order(customer, days=20 * (1 + times) + number, cents=1000 * (1 + number))
    for task in (Task.CHURN, Task.PURCHASE):
        rule_champion(task, now=NOW)
    refreshing.refresh(now=AT)
    assert not DirtyCustomer.objects.exists()
    return people


def features() -> FeatureTable:
    with mirror.connect() as database:
        return FeatureTable.from_arrow(
            database.sql("FROM features ORDER BY customer_id").to_arrow_table()
        )


def scores() -> list[tuple[object, ...]]:
    rows = Score.objects.filter(generation__is_current=True)
    return sorted(rows.values_list("customer_id", "generation__task", "value"))


def memberships(**where: object) -> set[tuple[int, int]]:
    return set(Membership.objects.filter(**where).values_list("segment_id", "customer_id"))


def seen(query: str) -> list[tuple[object, ...]]:
    with mirror.connect() as database:
        return database.execute(query).fetchall()


def change_all_kinds(people: list[Customer]) -> Customer:
    """Something of most of them, and somebody new, who is returned."""
    buyer, withdrew, erased, refunded, visitor, critic = people[2:8]
    order(buyer)
    order(people[0])
    ledger.withdraw(
        customer=withdrew, purpose=Purpose.PROFILING, method="form", now=NOW + timedelta(hours=1)
    )
    Customer.objects.filter(pk=erased.pk).update(erased_at=NOW)
    Refund.objects.create(
        source=refunded.source, external_id="r", customer=refunded, refunded_at=NOW, arrived_at=NOW,
        amount_cents=700,
    )  # fmt: skip
    EventFactory(customer=visitor, kind="SITE_VISIT")
    ReviewFactory(customer=critic, text="I love this wonderful tea, it is great.", language="en")
    new = profiled()
    order(new, cents=90_000)
    return new


def test_dirty_run_gives_what_a_whole_run_gives() -> None:
    people = open_shop()
    before = features()
    new = change_all_kinds(people)
    done = refreshing.refresh_dirty(now=AT)
    assert done is not None
    assert (done.customers, done.reviews) == (6, 1)
    assert not DirtyCustomer.objects.exists()

    incremental, scored, inside = features(), scores(), memberships()
    withdrew, erased = people[3].pk, people[4].pk
    assert set(incremental.customer_ids) == {one.pk for one in [*people, new]} - {withdrew, erased}
    # by the scales of the whole run before, everybody is where they belong
    living = np.array(sorted(one.pk for one in [*people, new] if one.pk != erased))
    wanted = assigning.segments_of(incremental, living=living)
    assert inside == {(segment, who) for segment, ids in wanted.items() for who in ids.tolist()}
    sizes = dict(Segment.objects.values_list("pk", "size"))
    assert sizes == {segment: len(ids) for segment, ids in wanted.items()}
    assert set(seen("FROM memberships")) == inside
    assert seen("SELECT customer_id, task, value FROM scores ORDER BY 1, 2") == scored

    refreshing.refresh(now=AT)
    whole = features()
    assert whole.customer_ids.tolist() == incremental.customer_ids.tolist()
    assert np.array_equal(whole.values, incremental.values, equal_nan=True)
    assert not np.array_equal(before.values, whole.values[: len(before)], equal_nan=True)
    assert scores() == scored


def test_who_withdraws_profiling_loses_everything_computed_at_once() -> None:
    people = open_shop()
    who = people[3]
    assert Score.objects.filter(customer=who).exists()
    ledger.withdraw(
        customer=who, purpose=Purpose.PROFILING, method="form", now=NOW + timedelta(hours=1)
    )
    refreshing.refresh_dirty(now=AT)
    assert not Score.objects.filter(customer=who).exists()
    assert {one.segment.kind for one in Membership.objects.filter(customer=who)} == {
        SegmentKind.EVERYONE
    }
    for table in ("features", "scores", "orders", "customers"):
        assert seen(f"SELECT count(*) FROM {table} WHERE customer_id = {who.pk}") == [(0,)]
    assert seen(f"SELECT may_profile FROM people WHERE customer_id = {who.pk}") == [(False,)]
    left = MembershipChange.objects.filter(customer=who, joined=False)
    assert left.count() == MembershipChange.objects.filter(customer=who, joined=True).count() - 1


def test_dirty_run_touches_nobody_else_and_skips_what_is_the_same() -> None:
    people = open_shop()
    changes = MembershipChange.objects.count()
    generation = queries.current_generation(Task.CHURN)
    EventFactory(
        customer=people[1], kind="SITE_VISIT"
    )  # the rule of the champion does not ask for it
    done = refreshing.refresh_dirty(now=AT)
    assert done is not None
    assert (done.customers, done.scores) == (1, {"CHURN": 0, "PURCHASE": 0})
    assert MembershipChange.objects.count() == changes
    assert queries.current_generation(Task.CHURN) == generation
    assert refreshing.refresh_dirty(now=AT) is None


def test_dirty_run_waits_for_the_first_refresh_and_for_its_turn() -> None:
    profiled()
    assert refreshing.refresh_dirty(now=AT) is None
    assert DirtyCustomer.objects.exists()
    refreshing.refresh(now=AT)
    profiled()
    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [refreshing.READER])
        assert refreshing.refresh_dirty(now=AT) is None
    assert refreshing.refresh_dirty(now=AT) is not None


def test_dirty_run_that_fails_keeps_the_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    people = open_shop()
    order(people[0])
    marks = DirtyCustomer.objects.count()
    with monkeypatch.context() as patch:
        patch.setattr(mirror, "write_changes", None)
        with pytest.raises(TypeError):
            refreshing.refresh_dirty(now=AT)
    assert DirtyCustomer.objects.count() == marks
    assert refreshing.refresh_dirty(now=AT) is not None


def test_many_marks_are_worth_a_whole_run(monkeypatch: pytest.MonkeyPatch) -> None:
    people = open_shop()
    monkeypatch.setattr("segmentation.dirty.CUSTOMERS", 2)
    for customer in people[:4]:
        order(customer)
    later: datetime = AT + timedelta(days=1)
    done = refreshing.refresh_dirty(now=later)
    assert done is not None
    assert done.customers == len(people)
    assert not DirtyCustomer.objects.exists()


def test_task_reads_the_clock_and_scores_what_changed() -> None:
    people = open_shop()
    ReviewFactory(customer=people[1], text="Bad.", language="en")
    tasks.refresh_dirty()
    assert ReviewSentiment.objects.count() == 1
    assert not DirtyCustomer.objects.exists()


def test_what_is_only_known_later_is_not_forgotten() -> None:
    ahead, *_ = open_shop()
    refreshing.refresh_dirty(now=AT)
    order(ahead, days=-1)  # the shop's clock runs ahead of ours
    (before,) = seen(f"SELECT orders FROM features WHERE customer_id = {ahead.pk}")

    refreshing.refresh_dirty(now=AT)
    assert seen(f"SELECT orders FROM features WHERE customer_id = {ahead.pk}") == [before]
    assert refreshing.refresh_dirty(now=AT + timedelta(hours=1)) is None

    refreshing.refresh_dirty(now=NOW + timedelta(days=1, minutes=1))
    assert seen(f"SELECT orders - 1 FROM features WHERE customer_id = {ahead.pk}") == [before]


def test_a_full_run_forgets_who_withdrew_where_nothing_can_be_computed() -> None:
    leaving, staying, *_ = open_shop()
    broken = Segment.objects.create(
        name="Broken", kind=SegmentKind.RULE, definition={"all": "nonsense"}, created_at=NOW, size=2
    )
    for customer in (leaving, staying):
        Membership.objects.create(segment=broken, customer=customer, joined_at=NOW)
    ledger.withdraw(customer=leaving, purpose=Purpose.PROFILING, method="form", now=NOW)

    refreshing.refresh(now=AT)

    assert not Score.objects.filter(customer=leaving).exists()
    assert list(Membership.objects.filter(segment=broken).values_list("customer", flat=True)) == [
        staying.pk
    ]
    broken.refresh_from_db()
    assert broken.size == 1
    assert MembershipChange.objects.filter(segment=broken, customer=leaving, joined=False).exists()
