"""
May we send this person marketing by e-mail, for this purpose? One answer, asked when an audience is
frozen and again in the statement that hands a message over.
"""

from __future__ import annotations

from django.db import connection

from consent.enums import Channel, Purpose, Refusal
from customers.enums import EventKind
from customers.models import Customer


READER = "consent.ledger"
"""The cursor of who reads the ledger of events for consent."""

# Both of a merge, or of one undone, whose consents have not been put together yet: what one of them
# withdrew may not be known of the other. Named by no row of the outer query, so it is looked up once.
_JUST_MERGED = f"""SELECT unnest(ARRAY[unread.customer_id,
               substring(unread.properties ->> 'absorbed_customer_id' FROM '^[0-9]{{1,18}}$')::bigint])
            FROM customers_event unread
            WHERE unread.kind IN ('{EventKind.MERGED}', '{EventKind.UNMERGED}') AND unread.id > COALESCE(
                (SELECT position FROM customers_cursor WHERE reader = '{READER}'), 0)"""

# The answer for a row `customer` of customers_customer, joined by JOINS: a Refusal or NULL.
# A pause lasts until the task that ends pauses has seen it run out: late, never early.
# An address without its keyed hash could not be found on the suppression list, so it is none.
REFUSAL = f"""CASE
        WHEN customer.erased_at IS NOT NULL THEN '{Refusal.ERASED}'
        WHEN customer.restricted_at IS NOT NULL THEN '{Refusal.RESTRICTED}'
        WHEN customer.is_under_age THEN '{Refusal.UNDER_AGE}'
        WHEN customer.email = '' OR customer.email_hmac = '' THEN '{Refusal.NO_ADDRESS}'
        WHEN suppression.id IS NOT NULL THEN '{Refusal.SUPPRESSED}'
        WHEN (SELECT count(*) FROM consent_pepper) > 1 AND NOT EXISTS (
            SELECT FROM consent_addresskey WHERE address_hmac = customer.email_hmac)
            THEN '{Refusal.NOT_COMPARED}'
        WHEN consent_state.is_granted IS NOT TRUE AND soft_opt_in.is_enough IS NOT TRUE
            THEN '{Refusal.NO_CONSENT}'
        WHEN preference.paused_until IS NOT NULL THEN '{Refusal.PAUSED}'
        WHEN customer.id IN ({_JUST_MERGED}) THEN '{Refusal.JUST_MERGED}'
    END"""

_JOINS = """
    LEFT JOIN consent_suppression suppression
        ON suppression.address_hmac = customer.email_hmac AND suppression.channel = '{channel}'
        AND suppression.lifted_at IS NULL
    LEFT JOIN {states} consent_state
        ON consent_state.customer_id = customer.id AND consent_state.purpose = {purpose}
        AND consent_state.channel = '{channel}'
    LEFT JOIN LATERAL (SELECT consent_state.is_soft_opt_in AND {purpose} = '{promotions}'
                              AND ({soft_opt_in}) AS is_enough) soft_opt_in ON true
    LEFT JOIN consent_preference preference ON preference.customer_id = customer.id"""


PROMOTIONS = f"'{Purpose.MARKETING}'"


def joins(
    *,
    states: str = "consent_consentstate",
    purpose: str = PROMOTIONS,
    soft_opt_in: str = "false",
) -> str:
    """
    The joins that REFUSAL needs, after a FROM that names customers_customer `customer`.

    `states` may be a CTE of locked rows of consent_consentstate: see lock_states. `purpose` is an SQL
    expression of what the message is for, promotions or a newsletter's; `soft_opt_in` one of whether a
    recorded soft opt-in is enough for it, which it never is for a newsletter.
    """
    return _JOINS.format(
        states=states, purpose=purpose, channel=Channel.EMAIL, soft_opt_in=soft_opt_in,
        promotions=Purpose.MARKETING,
    )  # fmt: skip


def lock_states(*, customer_ids: str, purpose: str = PROMOTIONS) -> str:
    """
    A SELECT that locks the consent to promotions, and to `purpose` (see joins), of the customers in the
    subquery `customer_ids`. To promotions always: who ends all of them may have agreed to both.

    A withdrawal changes the row, and a wish locks it, so either has committed or waits until the
    statement's transaction has. In a CTE the statement sees the withdrawal; the wish, a row of another
    table, is seen only by a statement that begins when the lock is held. The condition must not name is_granted: a row that fails it after
    the wait would fall out instead of saying no.
    """
    return f"""SELECT customer_id, purpose, channel, is_granted, is_soft_opt_in FROM consent_consentstate
        WHERE customer_id IN ({customer_ids})
          AND purpose IN ({PROMOTIONS}, {purpose}) AND channel = '{Channel.EMAIL}'
        ORDER BY customer_id, purpose FOR SHARE"""


def refusal(
    customer: Customer, *, purpose: str = Purpose.MARKETING, soft_opt_in: bool = False
) -> Refusal | None:
    """Why `customer` may not be mailed for `purpose`, or None if they may."""
    asked = joins(purpose="%(purpose)s", soft_opt_in="%(soft_opt_in)s")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {REFUSAL} FROM customers_customer customer {asked} WHERE customer.id = %(id)s",
            {"id": customer.pk, "purpose": purpose, "soft_opt_in": soft_opt_in},
        )
        (code,) = cursor.fetchone()
    return Refusal(code) if code else None
