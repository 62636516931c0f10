from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from consent import gate, ledger, queries
from consent.enums import Act, Channel, Purpose, Refusal, SuppressionReason
from consent.models import ConsentEvent, ConsentState, Suppression, Wording
from consent.purposes import CHANNEL_OF
from core import ids
from customers.enums import EventKind
from customers.models import Cursor, Event
from tests.factories.consent import MARKETING, MailableFactory, agree, default_wording
from tests.factories.customers import NOW, CustomerFactory, EventFactory


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def given(customer: Any, at: Any = NOW, **properties: str) -> Event:
    return EventFactory(
        customer=customer, kind=EventKind.CONSENT_GIVEN, happened_at=at, arrived_at=at,
        properties={**MARKETING, "method": "checkout", **properties},
    )  # fmt: skip


def told(customer: Any, kind: EventKind, at: Any = LATER, **properties: str) -> Event:
    return EventFactory(
        customer=customer, kind=kind, happened_at=at, arrived_at=at, properties=properties
    )


def test_default_wordings_exist_with_their_hash() -> None:
    found = set(Wording.objects.values_list("purpose", "channel", "version"))
    own = {(p, CHANNEL_OF[p], "default-1") for p in Purpose}
    of_shops = {(p, CHANNEL_OF[p], "shop-form") for p in Purpose}
    assert found == {*own, *of_shops, (Purpose.MARKETING, Channel.SMS, "shop-form")}
    assert all(len(w.text) > 80 and len(w.text_sha256) == 64 for w in Wording.objects.all())


def test_nothing_is_granted_by_default() -> None:
    assert gate.refusal(CustomerFactory()) == Refusal.NO_CONSENT


def test_grant_then_withdraw_decides_the_gate() -> None:
    customer = CustomerFactory()
    agree(customer)
    assert gate.refusal(customer) is None
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=LATER)
    assert gate.refusal(customer) == Refusal.NO_CONSENT
    assert list(ConsentEvent.objects.order_by("id").values_list("act", "wording__version")) == [
        (Act.GRANTED, "default-1"),
        (Act.WITHDRAWN, None),
    ]


def test_purposes_are_independent() -> None:
    customer = CustomerFactory()
    agree(customer, Purpose.PROFILING)
    agreed = ConsentState.objects.filter(is_granted=True).values_list("purpose", flat=True)
    assert list(agreed) == [Purpose.PROFILING]
    assert gate.refusal(customer) == Refusal.NO_CONSENT


def test_objection_is_told_apart_and_stops() -> None:
    customer = MailableFactory()
    act = ledger.object_to(customer=customer, purpose=Purpose.MARKETING, method="mail", now=LATER)
    assert (act.act, gate.refusal(customer)) == (Act.OBJECTED, Refusal.NO_CONSENT)


def test_an_older_act_that_arrives_later_changes_nothing() -> None:
    customer = CustomerFactory()
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=LATER)
    agree(customer, now=LATER, happened_at=NOW)
    assert gate.refusal(customer) == Refusal.NO_CONSENT


@pytest.mark.parametrize("first", ["grant", "withdraw"])
def test_withdrawal_wins_at_the_same_moment(first: str) -> None:
    customer = CustomerFactory()
    acts = {
        "grant": lambda: agree(customer),
        "withdraw": lambda: ledger.withdraw(
            customer=customer, purpose=Purpose.MARKETING, method="form", now=NOW
        ),
    }
    acts.pop(first)()
    next(iter(acts.values()))()
    assert gate.refusal(customer) == Refusal.NO_CONSENT


def test_acts_cannot_be_changed() -> None:
    MailableFactory()
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE consent_consentevent SET act = 'WITHDRAWN'")


def test_cache_equals_the_fold_of_the_acts_in_any_order() -> None:
    rng = random.Random(7)
    customers = CustomerFactory.create_batch(6)
    wordings = {purpose: default_wording(purpose) for purpose in Purpose}
    for _ in range(150):
        customer, purpose = rng.choice(customers), rng.choice(list(Purpose))
        at = NOW + timedelta(minutes=rng.randrange(8))
        if rng.random() < 0.5:
            ledger.grant(customer=customer, wording=wordings[purpose], method="form", now=at)
        else:
            ledger.withdraw(customer=customer, purpose=purpose, method="form", now=at)
    columns = ("customer_id", "purpose", "is_granted", "since")
    cached = set(ConsentState.objects.values_list(*columns))
    newest: dict[tuple[int, str], tuple[Any, bool]] = {}
    for act in ConsentEvent.objects.all():
        key, says = (act.customer_id, act.purpose), (act.happened_at, act.act != Act.GRANTED)
        newest[key] = max(newest.get(key, says), says)
    assert len(cached) > 12
    assert cached == {(*key, not withdrew, at) for key, (at, withdrew) in newest.items()}


def test_absorb_reads_each_event_once() -> None:
    customer = CustomerFactory()
    event = given(customer)
    assert [ledger.absorb(now=LATER), ledger.absorb(now=LATER)] == [1, 0]
    act = ConsentEvent.objects.get()
    assert (act.ledger_event_id, act.method, act.happened_at) == (event.pk, "checkout", NOW)
    Cursor.objects.update(position=0)  # as after restoring yesterday's cursor
    assert ledger.absorb(now=LATER) == 0
    assert gate.refusal(customer) is None


@pytest.mark.parametrize(
    "wrong",
    [{"wording": "v-unknown"}, {"purpose": "EVERYTHING"}, {"channel": "ANY"}, {"wording": ""}],
)
def test_unknown_wording_grants_nothing_and_is_counted(wrong: dict[str, str]) -> None:
    customer = CustomerFactory()
    given(customer, **wrong)
    assert ledger.absorb(now=LATER) == 0
    assert gate.refusal(customer) == Refusal.NO_CONSENT
    assert queries.refused_grants() == {"UNKNOWN_WORDING": 1}


@pytest.mark.parametrize(
    ("kind", "properties", "refusal"),
    [
        (EventKind.CONSENT_WITHDRAWN, {"purpose": "MARKETING"}, Refusal.NO_CONSENT),
        (EventKind.CONSENT_WITHDRAWN, {"purpose": "?"}, Refusal.NO_CONSENT),
        (EventKind.CONSENT_WITHDRAWN, {}, Refusal.NO_CONSENT),
        (EventKind.CONSENT_WITHDRAWN, {"purpose": "PROFILING"}, None),
        (EventKind.UNSUBSCRIBED, {}, Refusal.SUPPRESSED),
        (EventKind.COMPLAINED, {}, Refusal.SUPPRESSED),
        (EventKind.BOUNCED, {}, Refusal.SUPPRESSED),
        (EventKind.BOUNCED, {"class": "hard"}, Refusal.SUPPRESSED),
        (EventKind.BOUNCED, {"class": "soft"}, None),
        (EventKind.CLICKED, {}, None),
    ],
)
def test_absorb_tells_the_kinds_apart(
    kind: EventKind, properties: dict[str, str], refusal: Refusal | None
) -> None:
    customer = MailableFactory()
    told(customer, kind, **properties)
    ledger.absorb(now=LATER)
    assert gate.refusal(customer) == refusal


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("at_once", [True, False])
def test_fresh_consent_lifts_an_unsubscription_in_any_order(
    order: tuple[int, int], *, at_once: bool
) -> None:
    customer = MailableFactory()
    at_last = LATER + timedelta(hours=2)
    acts = [
        lambda: told(customer, EventKind.UNSUBSCRIBED),
        lambda: given(customer, LATER + timedelta(hours=1)),
    ]
    for number in order:
        acts[number]()
        if not at_once:
            ledger.absorb(now=at_last)
    ledger.absorb(now=at_last)
    assert gate.refusal(customer) is None
    suppression = Suppression.objects.get()
    assert (suppression.reason, suppression.lifted_at) == (SuppressionReason.UNSUBSCRIBED, at_last)


@pytest.mark.parametrize("kind", [EventKind.BOUNCED, EventKind.COMPLAINED])
def test_consent_never_lifts_a_bounce_or_a_complaint(kind: EventKind) -> None:
    customer = MailableFactory()
    told(customer, EventKind.UNSUBSCRIBED)
    ledger.absorb(now=LATER)
    told(customer, kind)
    given(customer, LATER + timedelta(hours=1))
    ledger.absorb(now=LATER)
    assert gate.refusal(customer) == Refusal.SUPPRESSED
    assert Suppression.objects.get().reason != SuppressionReason.UNSUBSCRIBED


def test_unsubscribing_concerns_the_address_and_consent_the_person() -> None:
    unsubscribed, other = (MailableFactory(email="Same@Example.com") for _ in range(2))
    told(unsubscribed, EventKind.UNSUBSCRIBED)
    ledger.absorb(now=LATER)
    assert gate.refusal(other) == Refusal.SUPPRESSED
    agree(other, now=LATER + timedelta(hours=1))
    assert gate.refusal(other) is None
    assert gate.refusal(unsubscribed) == Refusal.NO_CONSENT


def test_unsubscribe_acts_at_once_and_once() -> None:
    customer = MailableFactory()
    again = {"customer_id": customer.pk, "method": "one-click", "now": LATER, "delivery_id": 7}
    assert [ledger.unsubscribe(**again), ledger.unsubscribe(**again)] == [True, False]
    assert gate.refusal(customer) == Refusal.SUPPRESSED
    event = Event.objects.get()
    assert (event.kind, event.delivery_id) == (EventKind.UNSUBSCRIBED, 7)
    assert ledger.absorb(now=LATER) == 0  # the reader of the ledger finds it done


def test_unsubscribing_again_after_a_new_consent_works_with_the_same_old_link() -> None:
    customer = MailableFactory()
    for hours in (1, 3):
        at = NOW + timedelta(hours=hours)
        assert ledger.unsubscribe(customer_id=customer.pk, method="one-click", now=at)
        assert gate.refusal(customer) == Refusal.SUPPRESSED
        agree(customer, now=at + timedelta(hours=1))
        assert gate.refusal(customer) is None


def test_gate_names_the_first_reason() -> None:
    customer = CustomerFactory(erased_at=NOW, email="", email_hmac="")
    assert gate.refusal(customer) == Refusal.ERASED
    assert gate.refusal(CustomerFactory(email="")) == Refusal.NO_ADDRESS
    assert gate.refusal(CustomerFactory(email="a@b.example", email_hmac="")) == Refusal.NO_ADDRESS
    suppressed = CustomerFactory(email="Someone@Example.com")
    ledger.suppress(
        address_hmac=ids.address_hmac(" someone@EXAMPLE.com", pepper=settings.SUPPRESSION_PEPPER),
        reason=SuppressionReason.MANUAL, now=NOW, detail="asked by phone",
    )  # fmt: skip
    assert gate.refusal(suppressed) == Refusal.SUPPRESSED
    MailableFactory()
    assert queries.reachable_count() == 1
    assert queries.refusal_counts() == {"": 1, "ERASED": 1, "NO_ADDRESS": 2, "SUPPRESSED": 1}


def test_absorb_reads_on_window_by_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "WINDOW", 2)
    customers = CustomerFactory.create_batch(5)
    for customer in customers:
        given(customer)
    told(customers[0], EventKind.CONSENT_WITHDRAWN, purpose="MARKETING")
    assert ledger.absorb(now=LATER) == 6
    assert Cursor.objects.get(reader=ledger.READER).position == Event.objects.latest("pk").pk
    assert queries.reachable_count() == 4


def test_absorbing_costs_the_same_statements_for_many_consents_as_for_one() -> None:
    def statements(count: int) -> int:
        for _ in range(count):
            given(CustomerFactory())
        with CaptureQueriesContext(connection) as asked:
            assert ledger.absorb(now=LATER) == count
        return len(asked)

    statements(1)  # the first makes the cursor
    assert statements(1) == statements(200)


def test_a_consent_from_a_clock_that_is_fast_does_not_outlive_a_withdrawal() -> None:
    customer = CustomerFactory()
    EventFactory(
        customer=customer, kind=EventKind.CONSENT_GIVEN,
        happened_at=NOW + timedelta(hours=20),  # imports let a day pass for such clocks
        properties={**MARKETING, "method": "checkout"},
    )  # fmt: skip
    ledger.absorb(now=NOW)
    assert gate.refusal(customer) is None
    ledger.unsubscribe(customer_id=customer.pk, method="one-click", now=LATER)
    assert gate.refusal(customer) == Refusal.SUPPRESSED
    assert not ConsentState.objects.get(customer=customer, purpose=Purpose.MARKETING).is_granted
    assert not Suppression.objects.exclude(lifted_at=None).exists()


def test_a_consent_recorded_ahead_of_time_counts_from_now() -> None:
    customer = MailableFactory()
    ledger.grant(
        customer=customer, wording=default_wording(), method="form", now=NOW,
        happened_at=NOW + timedelta(days=1),
    )  # fmt: skip
    ledger.unsubscribe(customer_id=customer.pk, method="one-click", now=LATER)
    assert gate.refusal(customer) == Refusal.SUPPRESSED
