"""A small shop whose rule segments are followed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from consent.enums import Purpose
from customers.models import Customer
from segmentation import dynamic, mirror, rulebook, scoring
from segmentation.dynamic import storing
from segmentation.ml import features
from segmentation.models import Membership, Segment
from tests.factories.consent import agree
from tests.factories.customers import NOW, CustomerFactory, OrderFactory
from tests.segmentation.builders import rule_segment


BUYERS: dict[str, Any] = {"all": [{"did": "ORDER", "within_days": 30}]}
"""Who ordered in the last 30 days."""


def profiled(**fields: Any) -> Customer:
    customer: Customer = CustomerFactory(**fields)
    agree(customer, Purpose.PROFILING)
    return customer


def order(customer: Customer, at: datetime = NOW) -> None:
    OrderFactory(customer=customer, placed_at=at, arrived_at=at)


def computed(definition: dict[str, Any], *, name: str, now: datetime = NOW) -> Segment:
    """A rule segment, with whoever is in it now."""
    segment = rule_segment(definition, name=name)
    assert segment.pk in dynamic.compute_due(now=now)
    segment.refresh_from_db()
    return segment


def members(segment: Segment) -> set[int]:
    return set(Membership.objects.filter(segment=segment).values_list("customer_id", flat=True))


def evaluated(*, now: datetime) -> dict[int, set[int]]:
    """Who ought to be in each rule segment: everybody read anew, every rule asked in its order."""
    book = rulebook.read()
    everybody = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    found: dict[int, set[int]] = {}
    with mirror.of_customers(everybody) as database:
        mirror.replace(database, "features", features.compute(database, as_of=scoring.seconds(now)))
        for entry in book.entries:
            who = entry.members(database, now=now)
            storing.remember(database, entry.segment_id, np.unique(who))
            found[entry.segment_id] = set(who.tolist())
    return found
