"""Acts of every way in any order of arrival: the state is what a plain reading of the rules says."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from consent import ledger
from consent.enums import Channel, Purpose
from consent.models import ConsentState
from customers.enums import EventKind
from tests.factories.customers import NOW, CustomerFactory, EventFactory


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
ACTS = (
    (EventKind.CONSENT_GIVEN, "webhook"),
    (EventKind.CONSENT_GIVEN, "import"),
    (EventKind.CONSENT_WITHDRAWN, "webhook"),
    (EventKind.CONSENT_WITHDRAWN, "import"),
    (EventKind.CONSENT_CLAIMED, "trait"),
    (EventKind.UNSUBSCRIBED, ""),
)


def expected(acts: list[tuple[str, str, int]]) -> bool | None:
    """None without a word that counts. An import's grant counts only where nothing else was said."""
    told = [
        (minute, kind == EventKind.CONSENT_GIVEN)
        for kind, provenance, minute in acts
        if kind != EventKind.CONSENT_CLAIMED
        and (kind, provenance) != (EventKind.CONSENT_GIVEN, "import")
    ]
    if told:
        newest = max(minute for minute, _ in told)
        return all(is_grant for minute, is_grant in told if minute == newest)
    return True if any(kind == EventKind.CONSENT_GIVEN for kind, _, _ in acts) else None


@pytest.mark.parametrize("seed", range(6))
def test_state_does_not_depend_on_the_order_or_portions_of_arrival(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    monkeypatch.setattr(ledger, "WINDOW", rng.choice([3, 1_000]))
    said: dict[Any, list[tuple[str, str, int]]] = {}
    for customer in CustomerFactory.create_batch(12):
        acts = [(*rng.choice(ACTS), rng.randrange(4)) for _ in range(rng.randrange(1, 6))]
        said[customer] = acts
    arriving = [(customer, act) for customer, acts in said.items() for act in acts]
    rng.shuffle(arriving)
    for customer, (kind, provenance, minute) in arriving:
        EventFactory(
            customer=customer, kind=kind, happened_at=NOW + timedelta(minutes=minute),
            arrived_at=LATER,
            properties={
                "purpose": Purpose.MARKETING, "channel": Channel.EMAIL, "provenance": provenance,
            },
        )  # fmt: skip
        if rng.random() < 0.2:
            ledger.absorb(now=LATER)
    ledger.absorb(now=LATER)
    states = dict(ConsentState.objects.values_list("customer_id", "is_granted"))
    for customer, acts in said.items():
        assert states.get(customer.pk) == expected(acts), acts
