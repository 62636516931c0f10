"""Whatever is merged and undone, in whatever order: nothing is lost, and undoing all leads back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from customers.enums import AliasKind, MergeReason
from customers.identity import MergeError, merge, unmerge
from customers.models import Alias, Customer, Event, Merge, Order, Refund, Review
from tests.customers.identity.test_merging import OWNED, rows_of, with_rows
from tests.factories.customers import NOW, OrderFactory, SourceFactory


PEOPLE = 5
_KEPT = (
    "email",
    "email_hmac",
    "first_name",
    "phone",
    "country",
    "traits",
    "joined_at",
    "merged_into_id",
)


class Merging(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        # one test runs many examples: each in a transaction that is taken back
        self.example = transaction.atomic()
        self.example.__enter__()

    @initialize()
    def people(self) -> None:
        sources = [SourceFactory(), SourceFactory()]
        self.customers = [
            with_rows(
                source=sources[n % 2],
                external_id=f"c{n}",
                **({} if n % 3 else {"email": "", "email_hmac": "", "first_name": ""}),
                phone=str(n) if n % 2 else "",
                traits={f"t{n}": n, "shared": n},
                joined_at=NOW - timedelta(days=n),
            )
            for n in range(PEOPLE)
        ]
        self.sources = sources
        self.before = self._fields()
        self.rows = [rows_of(one) for one in self.customers]
        self.came_since: list[int] = []
        self.clock = NOW

    def _fields(self) -> list[dict[str, object]]:
        keys = [one.pk for one in self.customers]
        return list(Customer.objects.filter(pk__in=keys).order_by("pk").values(*_KEPT))

    @rule(survivor=st.integers(0, PEOPLE - 1), absorbed=st.integers(0, PEOPLE - 1))
    def merge_two(self, survivor: int, absorbed: int) -> None:
        self.clock += timedelta(minutes=1)
        one, other = self.customers[survivor], self.customers[absorbed]
        try:
            merge(
                survivor=one, absorbed=other, reason=MergeReason.STAFF, source=None, now=self.clock
            )
        except MergeError:
            assert survivor == absorbed

    @precondition(lambda self: Merge.objects.filter(undone_at=None).exists())
    @rule(which=st.integers(0, PEOPLE))
    def undo_one(self, which: int) -> None:
        self.clock += timedelta(minutes=1)
        standing = list(Merge.objects.filter(undone_at=None).order_by("pk"))
        row = standing[which % len(standing)]
        is_buried = Merge.objects.filter(undone_at=None, absorbed=row.survivor_id).exists()
        try:
            unmerge(row, now=self.clock)
        except MergeError:
            assert is_buried
        else:
            assert not is_buried

    @rule(number=st.integers(0, PEOPLE - 1))
    def somebody_orders(self, number: int) -> None:
        customer = Customer.objects.get(pk=self.customers[number].pk)
        self.came_since.append(OrderFactory(customer=customer.merged_into or customer).pk)

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "rows"):
            return
        at_first = [set().union(*(rows[n] for rows in self.rows)) for n in range(len(OWNED))]
        now_are = [rows_of(one) for one in self.customers]
        owned = [set().union(*(rows[n] for rows in now_are)) for n in range(len(OWNED))]
        owned[0] -= set(self.came_since)
        assert owned == at_first
        assert Order.objects.filter(pk__in=self.came_since).count() == len(self.came_since)
        assert (Refund.objects.count(), Review.objects.count()) == (PEOPLE, PEOPLE)

    @invariant()
    def the_merged_are_empty_and_lead_to_the_living(self) -> None:
        merged = Customer.objects.exclude(merged_into=None)
        assert set(merged.values_list("merged_into__merged_into", flat=True)) <= {None}
        assert set(merged.values_list("email", "first_name", "phone")) <= {("", "", "")}
        for model in (Order, Refund, Review, Event):
            assert not model.objects.filter(customer__in=merged).exists()
        standing = Merge.objects.filter(undone_at=None)
        assert set(standing.values_list("absorbed", flat=True)) == set(
            merged.values_list("pk", flat=True)
        )
        led = Alias.objects.filter(kind=AliasKind.USER).values_list("source", "value", "customer")
        assert set(led) == set(merged.values_list("source", "external_id", "merged_into"))

    def teardown(self) -> None:
        try:
            if hasattr(self, "rows"):
                self.undoing_all_leads_back()
        finally:
            transaction.set_rollback(True)
            self.example.__exit__(None, None, None)

    def undoing_all_leads_back(self) -> None:
        for _ in range(PEOPLE):  # every round undoes at least the ends of the chains
            for row in Merge.objects.filter(undone_at=None).order_by("-pk"):
                if not Merge.objects.filter(undone_at=None, absorbed=row.survivor_id).exists():
                    unmerge(row, now=self.clock)
        rows = [rows_of(one) for one in self.customers]
        for row_sets in rows:
            row_sets[0] -= set(self.came_since)
        assert rows == self.rows
        assert self._fields() == self.before
        assert not Alias.objects.exists()


@pytest.mark.django_db
def test_merging_loses_nothing_and_can_be_undone() -> None:
    run_state_machine_as_test(
        Merging,
        settings=settings(
            max_examples=20,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
