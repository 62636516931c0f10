"""
The consents that a suppression is about are locked before it is written, everywhere in one order.

A withdrawal changes consents and then suppresses their address; a hand-over locks consents and then
looks for suppressions. Who suppressed first and locked afterwards, as the trigger of campaigns would
for them, could meet either of the two half-way, and the database would end one.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from consent.enums import Channel
from customers.enums import EventKind


_LOCK = f"""
    SELECT FROM consent_consentstate state JOIN customers_customer customer ON customer.id = state.customer_id
    WHERE state.channel = '{Channel.EMAIL}' AND ({{whose}})
    ORDER BY state.customer_id, state.purpose FOR NO KEY UPDATE OF state"""

_LOCK_ADDRESSES = _LOCK.format(whose="customer.email_hmac = ANY(%s)")

_KINDS = ", ".join(
    f"'{kind}'"
    for kind in (
        EventKind.CONSENT_GIVEN, EventKind.CONSENT_WITHDRAWN, EventKind.UNSUBSCRIBED,
        EventKind.COMPLAINED, EventKind.BOUNCED,
    )
)  # fmt: skip
_LOCK_WINDOW = f"""
    WITH named AS MATERIALIZED (
        SELECT DISTINCT customer.id, customer.email_hmac
        FROM customers_event event JOIN customers_customer customer ON customer.id = event.customer_id
        WHERE event.id BETWEEN %(first)s AND %(last)s AND event.kind IN ({_KINDS})
    ), meant AS MATERIALIZED (
        SELECT id FROM named
        UNION SELECT namesake.id FROM named JOIN customers_customer namesake
            ON namesake.email_hmac = named.email_hmac AND NOT (named.email_hmac = '')
    )
    {_LOCK.format(whose="customer.id IN (SELECT id FROM meant)")}"""


def lock_addresses(hashes: Iterable[str]) -> None:
    """Let nobody else change or use the consents of these addresses until the transaction ends."""
    wanted = sorted(filter(None, set(hashes)))
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_ADDRESSES, [wanted])


def lock_window(*, first: int, last: int) -> None:
    """The same of the customers of whom events `first` to `last` tell something about consent."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_WINDOW, {"first": first, "last": last})
