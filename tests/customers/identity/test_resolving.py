from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import ids
from customers.enums import AliasKind, EventKind, MergeReason
from customers.identity import MergeError, merge, resolve, same_person, unmerge
from customers.identity.names import guest_name
from customers.intake.translation import Person
from customers.models import Alias, Customer, Event, Merge, Source, VisitorEvent
from tests.factories.customers import CustomerFactory, SourceFactory


pytestmark = pytest.mark.django_db


def _guest(address: str) -> str:
    return guest_name(ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER))


def _visit(source: Source, *, now: datetime, number: int = 1, visitor: str = "v1") -> VisitorEvent:
    return VisitorEvent.objects.create(
        source=source,
        anonymous_id=visitor,
        external_id=f"m{number}",
        kind=EventKind.PRODUCT_VIEW,
        happened_at=now - timedelta(days=number),
        received_at=now,
        properties={"product": "p1"},
        may_profile=number != 2,
    )


def _owner(source: Source, number: str) -> Customer:
    alias = Alias.objects.filter(source=source, kind=AliasKind.USER, value=number).first()
    return alias.customer if alias else Customer.objects.get(source=source, external_id=number)


def test_resolve_makes_whom_it_does_not_know_and_finds_them_again(now: datetime) -> None:
    source = SourceFactory()
    people = [
        Person(user_id="u1", email="Ada@Example.com"),
        Person(email="bob@example.com"),
        Person(anonymous_id="v1"),
        Person(user_id="u2"),
    ]
    names = resolve(people, source=source, now=now)
    assert names == ["u1", _guest("bob@example.com"), "", "u2"]
    assert resolve(people, source=source, now=now) == names
    assert Customer.objects.count() == 3
    ada = Customer.objects.get(external_id="u1")
    assert ada.email_hmac == ids.address_hmac("ada@example.com", pepper=settings.SUPPRESSION_PEPPER)
    assert (ada.joined_at, ada.arrived_at) == (now, now)


def test_resolve_takes_as_many_statements_for_many_as_for_few(now: datetime) -> None:
    source = SourceFactory()
    counts = []
    for size in (2, 400):
        people = [
            Person(
                user_id=f"{size}/{n}", anonymous_id=f"a{size}/{n}", email=f"{size}.{n}@a.example"
            )
            for n in range(size)
        ]
        with CaptureQueriesContext(
            connection,
        ) as asked:
            resolve(people, source=source, now=now)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert Customer.objects.count() == 402


@pytest.mark.parametrize("person", [
    Person(user_id="a\0b"), Person(user_id="x" * 201), Person(user_id="\ud800"),
    Person(anonymous_id="a\0b"), Person(email="a\0b@example.com"), Person(email="nobody"),
    Person(email=f"{'x' * 320}@example.com"), Person(),
])  # fmt: skip
def test_resolve_makes_nobody_of_a_name_that_cannot_be_kept(person: Person, now: datetime) -> None:
    assert resolve([person], source=SourceFactory(), now=now) == [person.user_id]
    assert not Customer.objects.exists()


def test_resolve_keeps_a_visitor_out_of_the_ledger_until_they_say_who_they_are(
    now: datetime,
) -> None:
    source = SourceFactory()
    for number in (1, 2, 3):
        _visit(source, now=now, number=number)
    _visit(source, now=now, number=4, visitor="somebody else")
    assert resolve([Person(anonymous_id="v1")], source=source, now=now) == [""]
    assert not Event.objects.exists()
    later = now + timedelta(hours=1)
    known = Person(anonymous_id="v1", user_id="u1")
    assert resolve([known], source=source, now=later) == ["u1"]
    told = Event.objects.order_by("external_id").values_list(
        "external_id", "customer__external_id", "arrived_at", "may_profile", "historical"
    )
    assert list(told) == [
        ("m1", "u1", later, True, False),
        ("m2", "u1", later, False, True),
        ("m3", "u1", later, True, True),
    ]
    assert VisitorEvent.objects.get().anonymous_id == "somebody else"
    assert resolve([known, Person(anonymous_id="v1")], source=source, now=later) == ["u1", "u1"]
    assert Event.objects.count() == 3


def test_resolve_gives_a_visitor_who_identifies_later_in_the_call_their_name(now: datetime) -> None:
    people = [Person(anonymous_id="v1"), Person(anonymous_id="v1", email="ada@example.com")]
    guest = _guest("ada@example.com")
    assert resolve(people, source=SourceFactory(), now=now) == [guest, guest]


def test_resolve_of_a_shared_computer_never_joins_its_users(now: datetime) -> None:
    source = SourceFactory()
    _visit(source, now=now, number=1)
    people = [
        Person(anonymous_id="v1", user_id="u1"),
        Person(anonymous_id="v1"),
        Person(anonymous_id="v1", user_id="u2"),
    ]
    names = resolve(people, source=source, now=now)
    assert (names[0], names[2]) == ("u1", "u2")
    assert resolve([Person(anonymous_id="v1")], source=source, now=now) == ["u2"]
    assert Event.objects.get().customer.external_id == "u1", "what was before stays"
    assert not Merge.objects.exists()


def test_resolve_makes_a_guest_the_customer_who_has_their_address(now: datetime) -> None:
    source = SourceFactory()
    (guest,) = resolve([Person(email="ada@example.com")], source=source, now=now)
    resolve([Person(user_id="u1", email="ADA@example.com")], source=source, now=now)
    joined = Merge.objects.get()
    assert (joined.survivor.external_id, joined.absorbed.external_id) == ("u1", guest)
    assert joined.reason == MergeReason.SAME_ADDRESS
    assert _owner(source, guest).external_id == "u1"
    resolve([Person(user_id="u1", email="ADA@example.com")], source=source, now=now)
    assert Merge.objects.count() == 1
    (name,) = resolve([Person(email="ada@example.com")], source=source, now=now)
    assert _owner(source, name).external_id == "u1"


def test_resolve_finds_the_numbered_customer_for_an_address_alone(now: datetime) -> None:
    source = SourceFactory()
    CustomerFactory(source=source, external_id="u1", email="ada@example.com")
    assert resolve([Person(email="Ada@example.com ")], source=source, now=now) == ["u1"]
    assert Customer.objects.count() == 1


def test_resolve_leaves_two_numbered_customers_with_one_address_two(now: datetime) -> None:
    source = SourceFactory()
    people = [Person(user_id=number, email="ada@example.com") for number in ("u1", "u2")]
    assert resolve(people, source=source, now=now) == ["u1", "u2"]
    resolve(people, source=source, now=now)
    assert not Merge.objects.exists()
    assert Customer.objects.filter(merged_into=None).count() == 2
    assert resolve([Person(email="ada@example.com")], source=source, now=now) == ["u1"]


def test_resolve_finds_a_customer_of_another_source_by_their_address(now: datetime) -> None:
    shop, events = SourceFactory(), SourceFactory()
    ada = CustomerFactory(source=shop, external_id="7", email="ada@example.com")
    people = [Person(user_id="u1", email="ada@example.com"), Person(email="ada@example.com")]
    names = resolve(people, source=events, now=now)
    assert [_owner(events, name) for name in names] == [ada, ada]
    assert Customer.objects.count() == 1
    (name,) = resolve([Person(user_id="u2", email="ada@example.com")], source=events, now=now)
    assert _owner(events, name) != ada, "the source numbers both"


def test_resolve_joins_no_source_with_two_who_have_the_address(now: datetime) -> None:
    shop, events = SourceFactory(), SourceFactory()
    CustomerFactory(source=shop, external_id="7", email="ada@example.com")
    CustomerFactory(source=shop, external_id="8", email="ada@example.com")
    resolve([Person(user_id="u1", email="ada@example.com")], source=events, now=now)
    assert Customer.objects.filter(merged_into=None).count() == 3
    assert not Alias.objects.exists()


def test_resolve_joins_customers_of_two_sources_when_the_address_is_learned(now: datetime) -> None:
    shop, events = SourceFactory(), SourceFactory()
    resolve([Person(user_id="u1")], source=events, now=now)
    ada = CustomerFactory(source=shop, external_id="7", email="ada@example.com")
    resolve([Person(user_id="u1", email="ada@example.com")], source=events, now=now)
    first = Customer.objects.get(source=events)
    ada.refresh_from_db()
    assert ada.merged_into == first, "the longer known stays"
    assert _owner(shop, "7") == first
    assert first.email == "ada@example.com"


def test_resolve_never_joins_different_addresses(now: datetime) -> None:
    shop, events = SourceFactory(), SourceFactory()
    CustomerFactory(source=shop, external_id="7", email="ada@example.com")
    CustomerFactory(source=events, external_id="u1", email="other@example.com")
    resolve([Person(user_id="u1", email="ada@example.com")], source=events, now=now)
    assert not Merge.objects.exists()
    assert Customer.objects.get(external_id="u1").email == "other@example.com"


def test_resolve_respects_that_staff_undid_a_merge(now: datetime) -> None:
    source = SourceFactory()
    people = [Person(email="ada@example.com"), Person(user_id="u1", email="ada@example.com")]
    guest, _ = resolve(people, source=source, now=now)
    unmerge(Merge.objects.get(), now=now)
    assert resolve(people, source=source, now=now) == [guest, "u1"]
    assert Customer.objects.filter(merged_into=None).count() == 2


def test_resolve_does_not_follow_who_was_erased(now: datetime) -> None:
    source = SourceFactory()
    CustomerFactory(source=source, external_id="u1", email="", erased_at=now)
    _visit(source, now=now)
    person = Person(user_id="u1", anonymous_id="v1", email="ada@example.com")
    assert resolve([person], source=source, now=now) == ["u1"]
    assert Customer.objects.get().email == ""
    assert not Alias.objects.exists()
    assert not Event.objects.exists()


def test_same_person_merges_whom_the_source_says_are_one(now: datetime) -> None:
    source = SourceFactory()
    resolve(
        [
            Person(user_id="old", email="a@example.com"),
            Person(user_id="new", email="b@example.com"),
        ],
        source=source,
        now=now,
    )
    both = {"absorbed": Person(user_id="old"), "survivor": Person(user_id="new")}
    row = same_person(**both, source=source, now=now)
    assert row is not None
    assert row.reason == MergeReason.ALIAS
    assert _owner(source, "old").external_id == "new"
    assert same_person(**both, source=source, now=now) is None, "once is enough"
    unmerge(row, now=now)
    assert same_person(**both, source=source, now=now) is None, "staff said no"


def test_same_person_links_a_former_name_that_nobody_has(now: datetime) -> None:
    source = SourceFactory()
    _visit(source, now=now)
    former = Person(user_id="v1")
    assert (
        same_person(absorbed=former, survivor=Person(user_id="u1"), source=source, now=now) is None
    )
    assert Event.objects.get().customer == _owner(source, "v1") == Customer.objects.get()
    assert resolve([Person(anonymous_id="v1")], source=source, now=now) == ["u1"]


def test_same_person_raises_for_who_was_erased(now: datetime) -> None:
    source = SourceFactory()
    gone = CustomerFactory(source=source, external_id="old", email="", erased_at=now)
    with pytest.raises(MergeError, match="erased"):
        same_person(
            absorbed=Person(user_id="old"), survivor=Person(user_id="u1"), source=source, now=now
        )
    with pytest.raises(MergeError, match="themselves"):
        merge(survivor=gone, absorbed=gone, reason=MergeReason.STAFF, source=None, now=now)
