"""
Who is affected when personal data came into the wrong hands (GDPR, articles 33 and 34).

The access log says which customers a key, a login or a file has shown; a key that read nothing has
affected nobody, but what it could have read is told too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from consent.accountability import audit_words
from consent.models import Breach, PersonalDataAccess
from core import watermarks
from customers.models import Customer
from gateway.models import ApiKey, Export


TELL_WITHIN = timedelta(hours=72)
_PORTION = 5_000
_NAMES = "Names or addresses"


class UnknownSelectionError(ValueError):
    """What was asked for names nothing in the access log; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """By what data may have got out; everything given must hold. `everybody`: the database itself."""

    key: str = ""
    user: str = ""
    mark: str = ""
    since: datetime | None = None
    until: datetime | None = None
    everybody: bool = False

    def in_words(self) -> dict[str, str]:
        said = {"key": self.key, "user": self.user, "file": self.mark}
        said |= {
            name: f"{at:%Y-%m-%d %H:%M} UTC"
            for name, at in (("since", self.since), ("until", self.until))
            if at is not None
        }
        if self.everybody:
            said["data"] = "the whole database"
        return {name: value for name, value in said.items() if value}


@dataclass(kw_only=True)
class Affected:
    """One customer: what was shown of them, first and last when, how often."""

    first_at: datetime
    last_at: datetime
    looks: int = 0
    categories: set[str] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class Found:
    """people by customer's number. could_read: how many customers the key may read now; None without a key."""

    people: dict[int, Affected]
    looks: int
    exports: int
    could_read: int | None

    @property
    def with_names(self) -> int:
        """How many of the people were shown with their name or address."""
        return sum(_NAMES in one.categories for one in self.people.values())


def find(selection: Selection) -> Found:
    """Raises UnknownSelectionError for a key, login or mark that is nowhere."""
    if not selection.in_words():
        raise UnknownSelectionError("Say by what: a key, a user, a file's mark or a span of time.")
    key = _key(selection)
    rows = _rows(selection)
    if (selection.user or selection.mark) and not rows.exists():
        asked = ", ".join(f"{name} {value}" for name, value in selection.in_words().items())
        raise UnknownSelectionError(f"Nothing in the access log for {asked}.")
    people: dict[int, Affected] = {}
    looks = exports = 0
    for row in rows.order_by("at", "pk").iterator(chunk_size=500):
        looks += 1
        exports += row.action == "EXPORT"
        shown = {audit_words.what(row)} | ({_NAMES} if row.with_addresses else set())
        for number in numbers_of(row):
            _add(people, number, at=row.at, shown=shown)
    if selection.everybody:
        _add_everybody(people, selection)
    return Found(
        people=people, looks=looks, exports=exports,
        could_read=None if key is None else _readable(key),
    )  # fmt: skip


def numbers_of(row: PersonalDataAccess) -> list[int]:
    """The customers that a look was at."""
    if row.numbers is not None:
        return watermarks.unpacked(row.numbers)
    if row.customer_number is not None:
        return [row.customer_number]
    kept = Export.objects.filter(mark=row.mark).first() if row.mark else None
    return watermarks.unpacked(kept.numbers) if kept is not None and kept.numbers else []


def _key(selection: Selection) -> ApiKey | None:
    if not selection.key:
        return None
    by_name = Q(name=selection.key) | Q(prefix=selection.key)
    key = ApiKey.objects.filter(by_name).first()
    if key is None:
        raise UnknownSelectionError(f"There is no API key called {selection.key}.")
    return key


def _rows(selection: Selection) -> QuerySet[PersonalDataAccess]:
    rows = PersonalDataAccess.objects.all()
    key = _key(selection)
    if key is not None:
        rows = rows.filter(via="KEY", actor=key.name)
    if selection.user:
        rows = rows.filter(via__in=("STAFF", "COMMAND"), actor=selection.user)
    if selection.mark:
        rows = rows.filter(mark=selection.mark)
    if selection.since is not None:
        rows = rows.filter(at__gte=selection.since)
    if selection.until is not None:
        rows = rows.filter(at__lte=selection.until)
    return rows


def _add(people: dict[int, Affected], number: int, *, at: datetime, shown: set[str]) -> None:
    one = people.setdefault(number, Affected(first_at=at, last_at=at))
    one.last_at = max(one.last_at, at)
    one.looks += 1
    one.categories |= shown


def _add_everybody(people: dict[int, Affected], selection: Selection) -> None:
    """Who was in the database before the end of the span, and not erased before it began."""
    rows = Customer.objects.all()
    if selection.until is not None:
        rows = rows.filter(arrived_at__lte=selection.until)
    if selection.since is not None:
        rows = rows.exclude(erased_at__lt=selection.since)
    for number, arrived_at in rows.values_list("pk", "arrived_at").iterator(chunk_size=_PORTION):
        shown = {"Everything that is held", _NAMES}
        _add(people, number, at=selection.since or arrived_at, shown=shown)


def _readable(key: ApiKey) -> int:
    rows = Customer.objects.filter(erased_at=None, merged_into=None)
    if not any(scope.endswith(":read") for scope in key.scopes):
        return 0
    return (rows.filter(source_id__in=key.visible_ids) if key.is_restricted else rows).count()


# ---------------------------------------------------------------- the clock and the file
def open_case(selection: Selection, found: Found, *, noticed_at: datetime) -> Breach:
    """Start the clock: the authority has to know within 72 hours of `noticed_at`."""
    return Breach.objects.create(
        noticed_at=noticed_at,
        due_at=noticed_at + TELL_WITHIN,
        selection=selection.in_words(),
        people=len(found.people),
        looks=found.looks,
    )


def told(breach: Breach, *, note: str, now: datetime) -> None:
    """The authority knows, or it need not: `note` says which and why."""
    Breach.objects.filter(pk=breach.pk).update(told_at=now, note=note[:500])


HEADS = (
    "customer", "source", "external_id", "state", "categories", "first_at", "last_at", "looks",
)  # fmt: skip


def lines(found: Found, *, with_addresses: bool) -> Iterator[list[Any]]:
    """A line for each customer in order of their number; erased ones too, who cannot be told any more."""
    yield [*HEADS, *(["email"] if with_addresses else [])]
    numbers = sorted(found.people)
    for start in range(0, len(numbers), _PORTION):
        portion = numbers[start : start + _PORTION]
        known = Customer.objects.select_related("source").in_bulk(portion)
        for number in portion:
            one, customer = found.people[number], known.get(number)
            erased = customer is None or customer.erased_at is not None
            about = ("", "") if customer is None else (customer.source.name, customer.external_id)
            yield [
                number, *about, "erased" if erased else "", "; ".join(sorted(one.categories)),
                one.first_at.isoformat(), one.last_at.isoformat(), one.looks,
                *([customer.email if customer is not None else ""] if with_addresses else []),
            ]  # fmt: skip
