"""What a key sees: the rows of its sources. Upper apps use these reads too, so that nobody forgets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Model, QuerySet

from core import rows
from customers.enums import SourceKind
from customers.models import Customer, Source
from gateway.errors import Refused, invalid, not_found
from gateway.fields import MAX_ID
from gateway.models import ApiKey


Row = TypeVar("Row", bound=Model)


def seen(rows: QuerySet[Row], *, key: ApiKey, source: str = "source_id") -> QuerySet[Row]:
    """The rows of the key's sources; `source` is the lookup that leads to a row's source."""
    return rows.filter(**{f"{source}__in": key.visible_ids}) if key.is_restricted else rows


def one(rows: QuerySet[Row], number: int) -> Row:
    """The row of this number. Raises Refused (404)."""
    row = rows.filter(pk=number).first() if number <= MAX_ID else None
    if row is None:
        raise not_found()
    return row


def customers(key: ApiKey) -> QuerySet[Customer]:
    """The living: neither erased nor merged into another."""
    living = Customer.objects.filter(erased_at__isnull=True, merged_into__isnull=True)
    return seen(living, key=key)


def customer(number: int, *, key: ApiKey) -> Customer:
    """
    A living customer. Raises Refused: 404, or 410 for one that was erased or merged.

    Of a merged one the 410 names the survivor, if the key sees it.
    """
    known = number <= MAX_ID
    found = rows.find(Customer, "id = %(id)s::bigint", {"id": number}) if known else None
    if found is None or not key.sees(found.source_id):
        raise not_found()
    return alive(found, key=key)


def alive(found: Customer, *, key: ApiKey) -> Customer:
    """The same customer. Raises Refused (410) as `customer`."""
    if found.erased_at is not None:
        raise Refused(410, "customer_erased", "This customer was erased; nothing is left to read.")
    if found.merged_into_id is not None:
        survivor = customers(key).filter(pk=found.merged_into_id).first()
        where = f" into customer {survivor.pk}; ask for that one" if survivor else ""
        raise Refused(410, "customer_merged", f"This customer was merged{where}.")
    return found


def named(source: Source, external_id: str, *, key: ApiKey) -> Customer:
    """Whom this name of the source stands for: the alias comes first. Raises Refused as `customer`."""
    found = rows.find(
        Customer,
        """id = coalesce(
            (SELECT customer_id FROM customers_alias WHERE source_id = %(source)s::bigint
                AND kind = 'USER' AND value = %(number)s),
            (SELECT id FROM customers_customer WHERE source_id = %(source)s::bigint
                AND external_id = %(number)s))""",
        {"source": source.pk, "number": external_id},
    )
    if found is None or not key.sees(found.source_id):
        raise not_found()
    return alive(found, key=key)


def source_to_write(asked: int | None, *, key: ApiKey, now: datetime) -> Source:
    """
    The source that a write is kept under: the one asked for, or the key's only one, or its own.

    Its own is of kind API and made when first needed. Raises Refused (422) for one that is unknown or
    that the key may not see, and for simulated shops, into which nobody else writes.
    """
    if asked is None and len(key.source_ids) == 1:
        asked = key.source_ids[0]
    if asked is None:
        return _own_source(key, now=now)
    source = _source(asked) if key.sees(asked) else None
    if source is None:
        raise invalid("source_id", "unknown_source", "This key sees no source of this number.")
    if source.kind == SourceKind.SIMULATED:
        raise invalid("source_id", "simulated_source", "Nobody writes into a simulated shop.")
    return source


def _source(number: int) -> Source | None:
    return rows.find(Source, "id = %(id)s::bigint", {"id": number})


def written(model: type[Row], source: Source, external_id: str) -> Row:
    """The row that the source has just told of, by the source's own number of it."""
    found = rows.find(
        model, "source_id = %(source)s::bigint AND external_id = %(number)s",
        {"source": source.pk, "number": external_id},
    )  # fmt: skip
    if found is None:
        raise ObjectDoesNotExist
    return found


def _own_source(key: ApiKey, *, now: datetime) -> Source:
    if key.own_source_id is not None and (known := _source(key.own_source_id)) is not None:
        return known
    with transaction.atomic():
        # two first writes of one key must not make two sources
        locked = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
        own = locked.own_source_id
        source = None if own is None else Source.objects.filter(pk=own).first()
        if source is None:
            name = f"API: {key.name}"
            if Source.objects.filter(name=name).exists():
                name = f"API: {key.name} {key.prefix}"
            source = Source.objects.create(kind=SourceKind.API, name=name[:100], created_at=now)
            ApiKey.objects.filter(pk=key.pk).update(own_source_id=source.pk)
        key.own_source_id = source.pk
        return source


def filtered(rows: QuerySet[Row], values: dict[str, Any], **lookups: str) -> QuerySet[Row]:
    """The rows for which those parameters hold that were given: parameter=lookup."""
    given = {lookup: values[name] for name, lookup in lookups.items() if name in values}
    return rows.filter(**given)
