"""No statement grows with the square of the shop, also when the database takes a large table for a small one."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from segmentation import dirty, membership
from segmentation.dynamic import rebuilding
from segmentation.enums import SegmentKind
from segmentation.ml.tables import Ints
from segmentation.models import MembershipChange, Segment
from tests.factories.customers import NOW, CustomerFactory
from tests.plans import walks_again_and_again


pytestmark = pytest.mark.django_db
PEOPLE = 3_000
LATER = NOW + timedelta(days=1)


def segment(code: str) -> Segment:
    return membership.ensure(
        name=code, kind=SegmentKind.RFM, definition={"group": code}, description="", now=NOW
    )


@pytest.fixture
def people() -> Ints:
    """Known to the planner as they are; of memberships it knows ten, all of another segment."""
    first = CustomerFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_customer (source_id, external_id, email, email_hmac, first_name, last_name,"
            " country, language, joined_at, arrived_at)"
            " SELECT %s, 'n' || n, '', '', '', '', '', '', %s, %s FROM generate_series(2, %s) n",
            [first.source_id, NOW, NOW, PEOPLE],
        )
    ids = np.fromiter(Customer.objects.order_by("pk").values_list("pk", flat=True), dtype=np.int64)
    membership.write(segment("FEW"), ids[:10], now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return ids


def test_writing_a_segment_joins_nothing_by_walking(people: Ints) -> None:
    many = segment("MANY")
    with CaptureQueriesContext(connection) as asked:
        membership.write(many, people, now=NOW)
        assert membership.write(many, people[500:], now=LATER).left == 500
        membership.write_everyone(many, now=LATER)
        Customer.objects.filter(pk__in=people[:700].tolist()).update(erased_at=NOW)
        assert membership.write_everyone(many, now=LATER).left == 700
    assert walked(asked) == []
    assert len(asked) < 60  # statements, not one a customer


def test_writing_of_some_joins_nothing_by_walking(people: Ints) -> None:
    wanted = {segment(code).pk: part for code, part in zip("ABC", np.split(people, 3), strict=True)}
    with CaptureQueriesContext(connection) as asked:
        membership.write_some(wanted, touched=people, now=NOW)
        others = dict(zip(wanted, [people[:10], people[10:2000], people[2000:]], strict=True))
        inside = membership.write_some(others, touched=people, now=LATER)
    assert {one: len(who) for one, who in inside.items() if one in wanted} == {
        one: len(who) for one, who in others.items()
    }
    assert walked(asked) == []


def test_the_nights_check_and_its_marks_are_found_by_a_key(people: Ints) -> None:
    many = segment("MANY")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO segmentation_dirtycustomer (customer_id, marked_at) SELECT id, %s FROM customers_customer",
            [NOW],
        )
    before = MembershipChange.objects.order_by("-pk").values_list("pk", flat=True)[0]
    membership.write(many, people, now=NOW)
    with dirty.all_taken(), rebuilding._pending(now=NOW), connection.cursor() as cursor:
        # versions of PostgreSQL differ in whether they would hash; without a key none could look one up
        cursor.execute("SET LOCAL enable_hashjoin = off")
        cursor.execute("SET LOCAL enable_mergejoin = off")
        assert walks_again_and_again(
            f"SELECT count(*) FROM segmentation_membershipchange c WHERE segment_id = {many.pk} AND id > {before}"
            " AND NOT EXISTS (SELECT FROM pending p WHERE p.customer_id = c.customer_id)"
        ) == []  # fmt: skip
        assert walks_again_and_again(
            "DELETE FROM segmentation_dirtycustomer d USING taken_marks t WHERE t.id = d.id"
        ) == []  # fmt: skip


def walked(asked: CaptureQueriesContext) -> list[str]:
    plans = ("SELECT", "INSERT", "DELETE", "UPDATE", "WITH")
    statements = [one["sql"] for one in asked.captured_queries]
    return [
        name
        for sql in statements
        if sql.lstrip().startswith(plans) and "segmentation_membership" in sql
        for name in walks_again_and_again(sql)
    ]
