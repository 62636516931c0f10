"""What `deciding` found out, written as sets; merges, which are few, one by one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from customers import turns
from customers.enums import MergeReason
from customers.identity import visitors
from customers.identity.deciding import Findings
from customers.identity.merging import merge_in_turn, sources_of
from customers.identity.names import Known
from customers.models import Source


def write(cursor: Any, findings: Findings, *, source: Source, now: datetime) -> None:
    """To be called in the source's turn."""
    if findings.new:
        _make(cursor, findings.new, now=now)
    if findings.addressed:
        _address(cursor, findings.addressed)
    if findings.numbers:
        _number(cursor, findings.numbers, source=source, now=now)
    if findings.links:
        visitors.link(cursor, _ids(findings.links), source_id=source.pk, now=now)
    if findings.first_links:
        visitors.take_over(cursor, _ids(findings.first_links), source_id=source.pk, now=now)
        visitors.give(cursor, _ids(findings.first_links), source_id=source.pk, now=now)
    for survivor, absorbed in findings.joined:
        _join(cursor, survivor, absorbed, source=source, now=now)


def _ids(people: dict[str, Known]) -> dict[str, int]:
    return {name: person.id for name, person in people.items() if person.id is not None}


def _make(cursor: Any, people: list[Known], *, now: datetime) -> None:
    cursor.execute(
        """
        INSERT INTO customers_customer AS old
            (source_id, external_id, email, email_hmac, first_name, last_name, country, language,
             joined_at, arrived_at)
        SELECT source_id, external_id, email, email_hmac, '', '', '', '', %s, %s
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
            AS told(source_id, external_id, email, email_hmac, place)
        ORDER BY place RETURNING external_id, id
        """,
        [
            now,
            now,
            [person.source_id for person in people],
            [person.external_id for person in people],
            [person.email for person in people],
            [person.address_hmac for person in people],
        ],
    )
    made = dict(cursor.fetchall())
    for person in people:
        person.id = made[person.external_id]


def _address(cursor: Any, people: list[Known]) -> None:
    cursor.execute(
        """
        UPDATE customers_customer c SET email = told.email, email_hmac = told.email_hmac
        FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS told(id, email, email_hmac)
        WHERE c.id = told.id AND c.email = '' AND c.erased_at IS NULL
        """,
        [
            [person.id for person in people],
            [person.email for person in people],
            [person.address_hmac for person in people],
        ],
    )


def _number(cursor: Any, numbers: dict[str, Known], *, source: Source, now: datetime) -> None:
    told = _ids(numbers)
    cursor.execute(
        """
        INSERT INTO customers_alias (source_id, kind, value, customer_id, created_at)
        SELECT %s, 'USER', told.value, told.customer_id, %s
        FROM unnest(%s::text[], %s::bigint[]) AS told(value, customer_id)
        ON CONFLICT (source_id, kind, value) DO NOTHING
        """,
        [source.pk, now, list(told), list(told.values())],
    )


def _join(cursor: Any, survivor: Known, absorbed: Known, *, source: Source, now: datetime) -> None:
    """
    One address, one person; unless another source of theirs is being written at this moment.

    Then both stay, each under their own number, and the next time that one of them is heard of with
    the address it is tried again: waiting here for the other source could wait forever.
    """
    if survivor.id is None or absorbed.id is None:
        raise ValueError("Both must have been made.")
    if turns.take_if_free(cursor, sources_of([survivor.id, absorbed.id])):
        merge_in_turn(
            cursor,
            survivor.id,
            absorbed.id,
            reason=MergeReason.SAME_ADDRESS,
            source=source,
            now=now,
        )
