"""Items into the tables, all of them at once, with a verdict on each.

translate (pure) -> who the people are (identity) -> what the tables say already -> one batch (ingest).
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from customers import identity, ingest
from customers.intake import gathering, order_words, visitors
from customers.intake.stored import changed, known_events, orders_said, outdated, versions
from customers.intake.translation import Item, Person, Translation
from customers.models import Source
from customers.sources import TRANSLATORS
from customers.sources.base import SCHEMAS, ShopBatch


log = logging.getLogger(__name__)


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """It says nothing that was not known, or something older than what is known."""
    REJECTED = "rejected"
    WAITING = "waiting"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    reason: str = ""
    """Of a rejected item: a key of quality.REASONS."""


@dataclass(kw_only=True, slots=True)
class _Account:
    """What became of the items, by their place."""

    refused: dict[int, str] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)
    ignored: set[int] = field(default_factory=set)
    said_something: set[int] = field(default_factory=set)
    """Items with a row whose being new can be told."""
    news: set[int] = field(default_factory=set)

    def verdict(self, place: int) -> Verdict:
        if place in self.refused:
            return Verdict(Outcome.REJECTED, self.refused[place])
        if place in self.waiting:
            return Verdict(Outcome.WAITING, "unknown_order")
        if place in self.ignored:
            return Verdict(Outcome.IGNORED)
        if place in self.said_something and place not in self.news:
            return Verdict(Outcome.DUPLICATE)
        return Verdict(Outcome.ACCEPTED)


def take(items: Sequence[Item], *, source: Source, now: datetime) -> list[Verdict]:
    """
    Take items in, in order; a verdict for each. Runs in the caller's transaction.

    When the whole cannot be taken in because of an error of ours, its halves are, down to the one item
    that is to blame: that one is rejected as `not_understood`. Raises OperationalError and
    InterfaceError, which are the database's and not the item's.
    """
    if not items:
        return []
    try:
        with transaction.atomic():
            return _take(items, source=source, now=now)
    except Exception as error:
        # anything else is of one item, and must not stop those behind it
        if isinstance(error, InterfaceError | OperationalError) and _is_of_the_database(error):
            raise
        if len(items) == 1:
            # no message and no values: they may be personal
            where = "".join(traceback.format_tb(error.__traceback__)[-3:])
            log.error(  # noqa: TRY400
                "item %s of request %s was not understood: %s at\n%s",
                items[0].number, items[0].request_id, type(error).__name__, where,
            )  # fmt: skip
            return [Verdict(Outcome.REJECTED, "not_understood")]
        half = len(items) // 2
        return [
            *take(items[:half], source=source, now=now),
            *take(items[half:], source=source, now=now),
        ]


def _is_of_the_database(error: Exception) -> bool:
    """It is away, stopped us or has no room; but what is too complex for it is of the item."""
    state: str | None = getattr(error.__cause__, "sqlstate", None)
    return state is None or state[:2] in {"08", "40", "53", "55", "57", "58", "XX"}


def _take(items: Sequence[Item], *, source: Source, now: datetime) -> list[Verdict]:
    currency = source.settings.get("currency") or settings.CURRENCY
    translation: Translation = TRANSLATORS.load(source.kind)(
        items, settings={**source.settings, "currency": currency}, now=now
    )
    account = _Account(
        refused={refusal.item: refusal.reason for refusal in translation.refused},
        ignored=set(translation.ignored),
    )
    with connection.cursor() as cursor:
        ingest.lock(cursor, source_id=source.pk)
        names = _who(translation, account, source=source, now=now)
        rows = gathering.Rows(translation.rows, names=names)
        told = order_words.fold(
            rows.orders,
            rows.refunds,
            stored=orders_said(
                cursor, source_id=source.pk, orders=rows.orders, refunds=rows.refunds
            ),
            currency=currency,
        )
        account.waiting |= told.waiting
        account.refused.update(told.refused)
        account.refused.update(dict.fromkeys(rows.of_nobody, "no_person"))
        tables = rows.tables(told, without=account.waiting | account.refused.keys())
        account.said_something |= told.again | rows.again
        _write(cursor, tables, account, source=source, now=_latest(items, now))
        visitor_events = [row for row in rows.of_visitors if row.item not in account.refused]
        account.said_something.update(row.item for row in visitor_events)
        account.news |= visitors.keep(cursor, visitor_events, items, source_id=source.pk)
        visitors.note(cursor, translation.rows, items, names=names, source_id=source.pk)
    return [account.verdict(place) for place in range(len(items))]


def _latest(items: Sequence[Item], now: datetime) -> datetime:
    """What came while we were busy has not arrived before it was received."""
    return max(now, *(item.received_at for item in items))


def _who(
    translation: Translation, account: _Account, *, source: Source, now: datetime
) -> Mapping[Person, str]:
    """Each person's customer number in this source; "" for visitors who never say who they are."""
    in_order: dict[int, dict[Person, None]] = {}
    for row in translation.rows:
        if row.person is not None:
            in_order.setdefault(row.item, {})[row.person] = None
    for seen in translation.seen:
        in_order.setdefault(seen.item, {})[seen.person] = None
    people = list(dict.fromkeys(person for item in sorted(in_order) for person in in_order[item]))
    names = dict(zip(people, identity.resolve(people, source=source, now=now), strict=True))
    for same in translation.same:
        try:
            identity.same_person(
                absorbed=same.absorbed, survivor=same.survivor, source=source, now=now
            )
        except identity.MergeError:
            account.refused[same.item] = "cannot_merge"
    if translation.same:
        # who was a visitor may just have been told to be somebody; later their events would stay a visitor's
        visitors_left = [person for person, name in names.items() if not name]
        known = identity.resolve(visitors_left, source=source, now=now)
        names.update(zip(visitors_left, known, strict=True))
    return names


def _write(
    cursor: Any,
    tables: Mapping[str, list[gathering.Told]],
    account: _Account,
    *,
    source: Source,
    now: datetime,
) -> None:
    """Bring the rows in by ingest, and find out which of them were news."""
    speakers = {entity: [told.items for told in rows] for entity, rows in tables.items()}

    def keep_refused(cursor: Any, entity: str, refused: pa.Table) -> None:
        for place, reason in zip(
            refused["line_number"].to_pylist(), refused["reason"].to_pylist(), strict=True
        ):
            for item in speakers[entity][place]:
                account.refused.setdefault(item, reason)

    ids = {
        entity: [told.values["external_id"] for told in tables[entity]]
        for entity in ("customers", "orders", "refunds", "reviews")
        if tables[entity]
    }
    before = versions(cursor, source_id=source.pk, ids=ids)
    late = outdated(cursor, source_id=source.pk, words=tables["customers"])
    for told in tables["customers"]:
        if known := late.get(told.values["external_id"]):
            gathering.fill_only(told.values, known)
    event_ids = [told.values["external_id"] for told in tables["events"]]
    old_events = known_events(cursor, source_id=source.pk, ids=event_ids)
    batch = ShopBatch(**{entity: _table(entity, rows) for entity, rows in tables.items()})
    origin = ingest.Origin(
        source_id=source.pk,
        keep_refused=keep_refused,
        arrived_at=now,
        line_numbers={entity: np.arange(len(rows)) for entity, rows in tables.items()},
        whole_orders=True,
    )
    ingest.take_in(cursor, batch, origin=origin, now=now)
    news = changed(before, versions(cursor, source_id=source.pk, ids=ids))
    for entity, rows in tables.items():
        if entity in {"products", "order_lines"}:  # an order's; no item is about them alone
            continue
        for told in rows:
            account.said_something.update(told.items)
            key = told.values["external_id"]
            if key not in old_events if entity == "events" else (entity, key) in news:
                account.news.update(told.items)


def _table(entity: str, rows: list[gathering.Told]) -> pa.Table:
    """Columns at once: a fifth of the time of from_pylist for rows of many columns."""
    schema = SCHEMAS[entity]
    return pa.table(
        [pa.array([told.values.get(name) for told in rows], kind) for name, kind in
         zip(schema.names, schema.types, strict=True)],
        schema=schema,
    )  # fmt: skip
