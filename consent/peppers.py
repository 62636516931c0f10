"""
The keys of the suppression list: a new one for new hashes, former ones so that old hashes still match.

A hash of an erased address cannot be made anew, because nobody knows the address. So after a change of
COTERIE_SUPPRESSION_PEPPER the one before stays in COTERIE_SUPPRESSION_PEPPERS_RETIRED. Every address that
is known, or comes in, is hashed with all of them; where the list has it under a former one, it gets the
same entry under the new one. Until that was looked up, the gate says no.
"""

from __future__ import annotations

import hmac
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from consent.pepper_models import AddressKey, Pepper
from core import ids
from customers.identity.names import guest_name


PORTION = 5_000
NOT_GIVEN = (
    "The suppression list has hashes of a pepper that is not given any more: addresses on it would be "
    "taken for new ones. Nothing is sent. Put the former value of COTERIE_SUPPRESSION_PEPPER into "
    "COTERIE_SUPPRESSION_PEPPERS_RETIRED."
)
NOT_NOTED = (
    "The suppression list has a new key. Nothing is sent before the worker has noted it: half a minute, if "
    "worker and beat run."
)


def hmacs(address: str) -> list[str]:
    """The keyed hashes of an address, the newest first."""
    return [
        ids.address_hmac(address, pepper=pepper)
        for pepper in (settings.SUPPRESSION_PEPPER, *settings.SUPPRESSION_PEPPERS_RETIRED)
    ]


def same(address_hmac: str) -> set[str]:
    """The hashes that are of the same address as this one, as far as the address is known."""
    newest = AddressKey.objects.filter(former_hmac=address_hmac)
    return {address_hmac, *newest.values_list("address_hmac", flat=True)}


def fingerprint(pepper: bytes) -> str:
    return hmac.digest(pepper, b"coterie/pepper", "sha256").hex()[:16]


def problem() -> str:
    """Why nothing may be sent; "" when every key that was ever used is given."""
    given = {fingerprint(pepper) for pepper in _given()}
    noted = set(Pepper.objects.values_list("fingerprint", flat=True))
    if noted - given:
        return NOT_GIVEN
    return NOT_NOTED if settings.SUPPRESSION_PEPPERS_RETIRED and given - noted else ""


def _given() -> list[bytes]:
    return [settings.SUPPRESSION_PEPPER, *settings.SUPPRESSION_PEPPERS_RETIRED]


def keep_up(*, now: datetime) -> int:
    """
    Hash what came in under every key, and carry the list over; returns the addresses that were looked up.

    With no former key there is nothing to do but to note the one that is used.
    """
    for pepper in reversed(_given()):
        Pepper.objects.get_or_create(
            fingerprint=fingerprint(pepper), defaults={"first_used_at": now}
        )
    if not settings.SUPPRESSION_PEPPERS_RETIRED:
        return 0
    looked_up = 0
    while portion := _look_up():
        looked_up += portion
    _carry_over()
    return looked_up


def _look_up() -> int:
    """A portion of the addresses that were not hashed under the former keys yet."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, email, email_hmac, external_id FROM customers_customer customer
               WHERE email <> '' AND erased_at IS NULL AND NOT EXISTS (
                   SELECT FROM consent_addresskey WHERE address_hmac = customer.email_hmac)
               ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED""",
            [PORTION],
        )
        found = cursor.fetchall()
        keys, anew = [], []
        for key, address, known, number in found:
            newest, *former = hmacs(address)
            keys += [AddressKey(address_hmac=newest, former_hmac=one) for one in former]
            if known != newest:
                anew.append((key, newest, number, guest_name(known), guest_name(newest)))
        AddressKey.objects.bulk_create(keys, ignore_conflicts=True)
        if anew:
            columns = [list(column) for column in zip(*anew, strict=True)]
            _hash_anew(columns)
        _carry_over()
    return len(found)


def _hash_anew(columns: list[list[object]]) -> None:
    """Also the numbers of guests, which are made of the hash."""
    with connection.cursor() as cursor:
        told = """unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[])
            AS told(id, newest, number, old_name, new_name)"""
        cursor.execute(
            f"""UPDATE customers_customer customer SET email_hmac = told.newest,
                    external_id = CASE WHEN external_id = told.old_name AND NOT EXISTS (
                        SELECT FROM customers_customer other WHERE other.source_id = customer.source_id
                        AND other.external_id = told.new_name) THEN told.new_name ELSE external_id END
                FROM {told} WHERE customer.id = told.id""",
            columns,
        )
        cursor.execute(
            f"""UPDATE customers_alias alias SET value = told.new_name FROM {told}
                WHERE alias.customer_id = told.id AND alias.value = told.old_name
                  AND NOT EXISTS (SELECT FROM customers_alias other
                      WHERE other.source_id = alias.source_id AND other.kind = alias.kind
                        AND other.value = told.new_name)""",
            columns,
        )


def _carry_over() -> None:
    """What is on the list under a former hash, under the new one too: also what a late bounce put there."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO consent_suppression (address_hmac, channel, reason, detail, created_at)
               SELECT DISTINCT ON (known.address_hmac, former.channel) known.address_hmac,
                      former.channel, former.reason, former.detail, former.created_at
               FROM consent_addresskey known JOIN consent_suppression former
                   ON former.address_hmac = known.former_hmac AND former.lifted_at IS NULL
               WHERE NOT EXISTS (SELECT FROM consent_suppression present
                   WHERE present.address_hmac = known.address_hmac
                     AND present.channel = former.channel
                     AND (present.lifted_at IS NULL OR present.created_at >= former.created_at))
               ORDER BY known.address_hmac, former.channel, former.created_at DESC
               ON CONFLICT (address_hmac, channel) WHERE lifted_at IS NULL DO NOTHING"""
        )
