"""Whatever happens and however time passes, who is in a rule segment is who belongs there."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from consent import ledger, wordings
from consent.enums import Purpose
from customers.models import Customer, Event, Order
from segmentation import dirty, mirror, refreshing, tasks
from segmentation.models import DirtyCustomer, MembershipChange, Segment, SegmentFlip
from tests.factories.consent import agree
from tests.factories.customers import NOW, EventFactory, OrderFactory, ReviewFactory
from tests.segmentation.builders import rule_segment
from tests.segmentation.live import BUYERS, computed, evaluated, members, order, profiled


# the mirror reads over a connection of its own, which sees only what is committed
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _wordings(transactional_db: None) -> None:
    wordings.install_defaults(now=NOW)  # an earlier test may have emptied the tables


SEED, STEPS = 3, 12
SILENT = {
    "all": [
        {"did": "ORDER", "older_than_days": 3},
        {"did_not": "ORDER", "within_days": 3},
    ]
}
RULES: dict[str, dict[str, Any]] = {
    "bought": {"all": [{"did": "ORDER", "count": {"at_least": 2}, "within_days": 2}]},
    "silent": SILENT,
    "recent": {"all": [{"field": "recency_days", "is": "at_most", "value": 1}]},
    "window": {"all": [{"field": "orders_30d", "is": "at_least", "value": 3}]},
    "visitors": {
        "any": [
            {"did": "SITE_VISIT", "count": {"exactly": 1}, "within_days": 1},
            {"field": "reviews", "is": "at_least", "value": 1},
        ]
    },
    "new and mailable": {
        "all": [
            {"field": "joined_days_ago", "is": "at_most", "value": 4},
            {"consent": {"purpose": "MARKETING", "channel": "EMAIL"}, "is": "given"},
        ]
    },
}


def rules_and_nested() -> None:
    made = {name: rule_segment(rule, name=name).pk for name, rule in RULES.items()}
    nested = rule_segment(
        {
            "any": [
                {"segment": made["bought"], "is": "in"},
                {"none": [{"segment": made["recent"], "is": "in"}, {"segment": made["silent"], "is": "in"}]},
            ]
        },
        name="nested",
    )  # fmt: skip
    rule_segment({"all": [{"segment": nested.pk, "is": "not_in"}]}, name="not nested")


def something_happens(chance: random.Random, people: list[Customer], now: datetime) -> str:
    """One thing, to somebody; returns what."""
    who = chance.choice(people)
    act = chance.choice(
        ("order", "order", "old order", "visit", "review", "consent", "new", "gone")
    )
    late = now - timedelta(seconds=chance.choice((0, 1, 86_400 * 2)))
    if act == "order":
        order(who, now)
    elif act == "old order":
        OrderFactory(customer=who, placed_at=late, arrived_at=now)
    elif act == "visit":
        EventFactory(customer=who, kind="SITE_VISIT", happened_at=late, arrived_at=now)
    elif act == "review":
        ReviewFactory(customer=who, written_at=late, arrived_at=now)
    elif act == "new":
        people.append(profiled(joined_at=now, arrived_at=now))
    elif act == "gone" and len(people) > 4:
        Customer.objects.filter(pk=who.pk).update(erased_at=now)
        people.remove(who)
    else:
        act = "consent"
        purpose = chance.choice((Purpose.PROFILING, Purpose.MARKETING))
        if chance.random() < 0.5:
            agree(who, purpose, now=now)
        else:
            ledger.withdraw(customer=who, purpose=purpose, method="form", now=now)
    return act


def later(chance: random.Random, now: datetime) -> datetime:
    """A while later; mostly to the next moment that one of the rules may wait for, or the second before."""
    if chance.random() < 0.2:
        return now + timedelta(seconds=chance.choice((1, 40, 7 * 3600)))
    moments = [
        *Order.objects.values_list("placed_at", flat=True),
        *Event.objects.values_list("happened_at", flat=True),
        *Customer.objects.values_list("joined_at", flat=True),
    ]
    edges = [moment + timedelta(days=days) for moment in moments for days in (1, 2, 3, 4)]
    return min(edge for edge in edges if edge > now) - timedelta(seconds=chance.choice((0, 0, 1)))


def test_following_finds_what_asking_everybody_finds() -> None:
    chance = random.Random(SEED)
    now = NOW + timedelta(days=3)
    people = [profiled(joined_at=NOW, arrived_at=NOW) for _ in range(5)]
    for who in people[:4]:
        for _ in range(2):
            order(who, NOW + timedelta(seconds=chance.randrange(3 * 86_400)))
    rules_and_nested()
    refreshed = now
    refreshing.refresh(now=now)
    seen: Counter[str] = Counter()
    for _ in range(STEPS):
        if chance.random() < 0.4:
            seen[something_happens(chance, people, now)] += 1
        else:
            now = later(chance, now)
            seen["time"] += 1
        before = MembershipChange.objects.count()
        if now - refreshed >= refreshing.EVERY:  # as the schedule does
            refreshing.refresh(now=now)
            refreshed = now
        refreshing.refresh_dirty(now=now)
        assert not dirty.any_marked(now=now)
        stored = {one.pk: members(one) for one in Segment.objects.filter(kind="RULE")}
        assert stored == evaluated(now=now), seen
        # no night found what nobody was told of before
        assert set(Segment.objects.values_list("status", "problem")) == {("OK", "")}
        seen["moves"] += MembershipChange.objects.count() - before
    assert seen["time"]
    assert seen["moves"] > 5
    # the nightly rebuild agrees, and history tells how it came to be so
    changes = MembershipChange.objects.filter(segment__kind="RULE")
    before = changes.count()
    refreshing.refresh(now=now)
    assert changes.count() == before
    assert not Segment.objects.exclude(problem="").exists()
    assert replayed() == {
        (one.pk, who) for one in Segment.objects.filter(kind="RULE") for who in members(one)
    }
    assert set(changes.values_list("rule_version", flat=True)) == {1}


def replayed() -> set[tuple[int, int]]:
    """Who is in what when every change is done again; nobody joins twice or leaves before joining."""
    inside: set[tuple[int, int]] = set()
    for change in MembershipChange.objects.filter(segment__kind="RULE").order_by("pk"):
        key = change.segment_id, change.customer_id
        assert (key in inside) is not change.joined
        inside ^= {key}
    return inside


def test_members_change_when_only_time_passes() -> None:
    customer = profiled()
    order(customer)
    refreshing.refresh(now=NOW)
    segment = computed(BUYERS, name="Buyers")
    nested = computed({"all": [{"segment": segment.pk, "is": "not_in"}]}, name="Others")
    assert members(segment) == {customer.pk}
    assert not SegmentFlip.objects.exists()  # thirty days are further than the calendar goes
    last = NOW + timedelta(days=30, seconds=-1)
    refreshing.refresh(now=last - timedelta(days=1))
    assert list(SegmentFlip.objects.values_list("segment", "customer", "flips_at")) == [
        (segment.pk, customer.pk, last + timedelta(seconds=1))
    ]
    assert refreshing.refresh_dirty(now=last) is None
    assert members(segment) == {customer.pk}
    assert refreshing.refresh_dirty(now=last + timedelta(seconds=1)) is not None
    assert members(segment) == set()
    assert members(nested) == {customer.pk}
    left = MembershipChange.objects.get(segment=segment, joined=False)
    assert (left.changed_at, left.rule_version) == (last + timedelta(seconds=1), 1)
    assert not SegmentFlip.objects.exists()


def test_a_saved_rule_does_not_miss_what_time_changed_since_the_features_were_counted() -> None:
    customer = profiled()
    order(customer)
    refreshing.refresh(now=NOW + timedelta(days=29, hours=20))
    noon = NOW + timedelta(days=30, hours=6)
    lapsed = {"all": [{"field": "recency_days", "is": "at_least", "value": 30}]}
    segment = computed(lapsed, name="Lapsed", now=noon)
    assert members(segment) == set()  # by the features of the night
    refreshing.refresh_dirty(now=noon)
    assert members(segment) == {customer.pk}


def test_who_withdraws_profiling_leaves_rules_that_use_behaviour() -> None:
    customer = profiled()
    order(customer)
    refreshing.refresh(now=NOW)
    behaviour = computed(BUYERS, name="Buyers")
    country = computed({"all": [{"field": "country", "is": "is", "value": "DE"}]}, name="Germans")
    waiting = computed(BUYERS, name="Waits")
    Segment.objects.filter(pk=waiting.pk).update(status="STALE")
    now = NOW + timedelta(hours=1)
    ledger.withdraw(customer=customer, purpose=Purpose.PROFILING, method="form", now=now)
    refreshing.refresh_dirty(now=now)
    assert members(behaviour) == members(waiting) == set()
    assert members(country) == {customer.pk}


def test_best_share_is_compared_with_the_limit_of_the_night() -> None:
    people = [profiled() for _ in range(4)]
    for number, who in enumerate(people, start=1):
        for _ in range(number):
            order(who)
    refreshing.refresh(now=NOW)
    segment = computed(
        {"all": [{"field": "orders", "is": "top_percent", "value": 25}]}, name="Best"
    )
    assert segment.cutoffs == [["orders", 25, 4.0]]
    assert members(segment) == {people[3].pk}
    for _ in range(4):
        order(people[0])
    refreshing.refresh_dirty(now=NOW)
    assert members(segment) == {people[3].pk, people[0].pk}
    refreshing.refresh(now=NOW)
    assert members(segment) == {people[0].pk}
    segment.refresh_from_db()
    assert segment.problem == ""  # others changed: that is no mistake


def test_one_order_leads_into_the_segment_through_the_task() -> None:
    tasks.refresh_due.apply(throw=True)
    segment = rule_segment(BUYERS, name="Buyers")
    tasks.compute_rules_due.apply(throw=True)
    customer = profiled()
    tasks.refresh_dirty.apply(throw=True)
    assert members(segment) == set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        (moment,) = cursor.fetchone()
    order(customer, moment)
    tasks.refresh_dirty.apply(throw=True)
    assert members(segment) == {customer.pk}
    with mirror.connect() as database:
        stored = database.sql(f"FROM memberships WHERE segment_id = {segment.pk}").fetchall()
    assert len(stored) == 1
    assert not DirtyCustomer.objects.exists()
