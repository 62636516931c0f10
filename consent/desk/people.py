"""Who is meant: from a customer, an address or a shop's number to everything they are known by."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from django.db.models import Q

from consent.desk.personal_data import Person
from consent.models import AddressKey
from consent.raw_text import hashes
from customers.enums import AliasKind
from customers.models import Alias, Customer, Merge, Source


def gather(
    *,
    customer_ids: Iterable[int] = (),
    address_hmacs: Iterable[str] = (),
    source: Source | None = None,
) -> Person:
    """
    Everything that the person behind these customers and addresses is known by.

    Customers merged into one another are one person, and so are customers of the same address in
    whatever source: one address, one mailbox. `source`: looked through even when it knows no customer.
    """
    keys: set[int] = set(customer_ids)
    hmacs = {hmac for hmac in address_hmacs if hmac}
    hmacs |= set(
        AddressKey.objects.filter(former_hmac__in=hmacs).values_list("address_hmac", flat=True)
    )
    while True:
        merges = Merge.objects.filter(Q(survivor__in=keys) | Q(absorbed__in=keys))
        before = merges.filter(undone_at=None).values_list("before", flat=True)
        hmacs |= hashes(json.dumps(list(before)))
        found = Customer.objects.filter(
            Q(pk__in=keys)
            | Q(merged_into__in=keys)
            | Q(pk__in=Customer.objects.filter(pk__in=keys).values("merged_into"))
            | Q(email_hmac__in=hmacs)
        ).values_list("pk", "email_hmac")
        known = len(keys), len(hmacs)
        keys |= {key for key, _ in found}
        hmacs |= {hmac for _, hmac in found if hmac}
        if (len(keys), len(hmacs)) == known:
            break
    former = AddressKey.objects.filter(address_hmac__in=hmacs)
    hmacs |= set(former.values_list("former_hmac", flat=True))
    return _known_by(keys, hmacs, source=source)


def of_numbers(source: Source, numbers: Collection[str]) -> list[int]:
    """The customers that `source` knows by these numbers, under an alias or their own."""
    aliases = Alias.objects.filter(source=source, kind=AliasKind.USER, value__in=numbers)
    own = Customer.objects.filter(source=source, external_id__in=numbers)
    return sorted(
        {*aliases.values_list("customer_id", flat=True), *own.values_list("pk", flat=True)}
    )


def _known_by(keys: set[int], hmacs: set[str], *, source: Source | None) -> Person:
    customers = list(Customer.objects.filter(pk__in=keys))
    aliases = list(Alias.objects.filter(customer__in=keys))
    sources = {customer.source_id for customer in customers}
    sources |= {alias.source_id for alias in aliases}
    if source is not None:
        sources.add(source.pk)
    numbers = {customer.external_id for customer in customers}
    numbers |= {alias.value for alias in aliases}
    numbers |= {customer.phone for customer in customers if customer.phone}
    return Person(
        customer_ids=tuple(sorted(keys)),
        address_hmacs=frozenset(hmacs),
        numbers=frozenset(numbers),
        visitors=tuple(
            sorted(
                (alias.source_id, alias.value)
                for alias in aliases
                if alias.kind == AliasKind.ANONYMOUS
            )
        ),
        source_ids=tuple(sorted(sources)),
    )
