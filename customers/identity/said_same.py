"""The source itself says that two names are one person: Segment's `alias`, a changed number."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from customers.enums import AliasKind, MergeReason
from customers.identity.deciding import can_be_kept
from customers.identity.merging import merge
from customers.identity.resolving import resolve
from customers.intake.translation import Person
from customers.models import Alias, Customer, Merge, Source


@transaction.atomic
def same_person(
    *, absorbed: Person, survivor: Person, source: Source, now: datetime
) -> Merge | None:
    """
    Make both one customer; the merge, or None when there were no two customers to merge.

    A former number that no customer has leads to the survivor from now on, both as a number and as an
    anonymous id: `alias` does not say which of the two it gives. A merge of the two that staff undid is
    not made again. Raises MergeError when one of them was erased. For trusted sources only.
    """
    (name,) = resolve([survivor], source=source, now=now)
    kept = _find(name, source=source)
    former = absorbed.user_id or absorbed.anonymous_id
    if not former:  # known by address alone
        (former,) = resolve([absorbed], source=source, now=now)
    if kept is None or not former or not can_be_kept(former):
        return None
    other = _find(former, source=source)
    if other is None:
        _lead_on(former, name=name, customer=kept, source=source, now=now)
        return None
    pair = Q(survivor=kept, absorbed=other) | Q(survivor=other, absorbed=kept)
    if other == kept or Merge.objects.filter(pair).exclude(undone_at=None).exists():
        return None
    return merge(survivor=kept, absorbed=other, reason=MergeReason.ALIAS, source=source, now=now)


def _find(number: str, *, source: Source) -> Customer | None:
    alias = Alias.objects.filter(source=source, kind=AliasKind.USER, value=number)
    found = alias.select_related("customer").first()
    return (
        found.customer
        if found
        else Customer.objects.filter(source=source, external_id=number).first()
    )


def _lead_on(former: str, *, name: str, customer: Customer, source: Source, now: datetime) -> None:
    Alias.objects.create(
        source=source, kind=AliasKind.USER, value=former, customer=customer, created_at=now
    )
    resolve([Person(user_id=name, anonymous_id=former)], source=source, now=now)
