"""
Whether anybody has tampered with the ledger of consent.

Each act carries its own hash, which covers the hash of the customer's act before it (a trigger sets
both). Changing an act, or taking one out of the middle, breaks what comes after. A seal counts and
hashes all acts since the seal before, so that taking away a customer's last act shows as well. Who may
write everything could compute all of it anew: therefore each seal is also logged, outside the database.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max

from consent.models import ConsentEvent, LedgerSeal


log = logging.getLogger(__name__)

AT_ONCE = timedelta(minutes=15)
"""Acts of one customer that are recorded within this of one another may not have known of each other."""

# The hash is computed here as well as in the database's own function: who changes that one is found too.
_HASH = """sha256(COALESCE(act.previous_hash, ''::bytea) || convert_to(jsonb_build_array(
    act.id, act.customer_id, act.purpose, act.channel, act.act, act.basis, act.wording_id, act.method,
    act.provenance, act.reason, encode(act.evidence_digest, 'hex'),
    (extract(epoch FROM act.happened_at) * 1000000)::bigint,
    (extract(epoch FROM act.recorded_at) * 1000000)::bigint, act.ledger_event_id)::text, 'UTF8'))"""
_EVIDENCE_FITS = """CASE
    WHEN act.evidence = '{}' AND act.evidence_salt IS NULL THEN true  -- never any, or forgotten
    ELSE act.evidence_digest = sha256(convert_to(
        COALESCE(act.evidence_salt::text, '') || act.evidence::text, 'UTF8')) END"""
_BROKEN = f"""
    SELECT id, CASE WHEN NOT fits THEN 'its evidence is not what was recorded'
                    WHEN hash IS DISTINCT FROM expected THEN 'it is not what was recorded'
                    ELSE 'the act before it is gone' END
    FROM (SELECT act.id, act.hash, {_HASH} AS expected, {_EVIDENCE_FITS} AS fits,
                 act.previous_hash, act.recorded_at,
                 lag(act.hash) OVER acts AS before,
                 min(act.recorded_at) OVER acts AS first_at,
                 act.customer_id
          FROM consent_consentevent act WINDOW acts AS (PARTITION BY act.customer_id ORDER BY act.id)
    ) act
    WHERE NOT fits OR hash IS DISTINCT FROM expected
       OR previous_hash IS DISTINCT FROM before AND NOT CASE
            WHEN previous_hash IS NULL THEN recorded_at - first_at <= make_interval(secs => %s)
            ELSE EXISTS (SELECT 1 FROM consent_consentevent known
                         WHERE known.customer_id = act.customer_id AND known.id < act.id
                           AND known.hash = act.previous_hash) END
    ORDER BY id LIMIT 1"""
_WORDING = """
    SELECT id FROM consent_wording
    WHERE text_sha256 <> encode(sha256(convert_to(text, 'UTF8')), 'hex') ORDER BY id LIMIT 1"""
_SINCE = """
    SELECT count(*), COALESCE(string_agg(hash, ''::bytea ORDER BY id), ''::bytea)
    FROM consent_consentevent WHERE id > %s AND id <= %s"""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`broken` says in words what was found first; empty: nothing."""

    acts: int
    seals: int
    broken: str = ""


def verify() -> Verdict:
    """Read the whole ledger: acts, the texts that they name, and seals."""
    verdict = Verdict(acts=ConsentEvent.objects.count(), seals=LedgerSeal.objects.count())
    with connection.cursor() as cursor:
        cursor.execute(_BROKEN, [AT_ONCE.total_seconds()])
        if found := cursor.fetchone():
            return Verdict(
                acts=verdict.acts, seals=verdict.seals, broken=f"act {found[0]}: {found[1]}"
            )
        cursor.execute(_WORDING)
        if found := cursor.fetchone():
            told = f"wording {found[0]}: its text is not what was recorded"
            return Verdict(acts=verdict.acts, seals=verdict.seals, broken=told)
    return Verdict(acts=verdict.acts, seals=verdict.seals, broken=_broken_seal())


def seal(*, now: datetime) -> LedgerSeal | None:
    """Count and hash what was added since the last seal; None when that is nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        # whoever is adding acts has committed: no smaller number can come later
        cursor.execute("LOCK TABLE consent_consentevent IN SHARE MODE")
        last = LedgerSeal.objects.order_by("-last_event_id").first()
        newest = ConsentEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
        if newest <= (last.last_event_id if last else 0):
            return None
        acts, digest = _digest(last, newest)
        made = LedgerSeal.objects.create(
            last_event_id=newest, acts=acts, digest=digest, sealed_at=now
        )
    log.info("consent ledger sealed: %s, %d acts, digest %s", made, acts, digest.hex())
    return made


def _digest(before: LedgerSeal | None, last_event_id: int) -> tuple[int, bytes]:
    with connection.cursor() as cursor:
        cursor.execute(_SINCE, [before.last_event_id if before else 0, last_event_id])
        acts, hashes = cursor.fetchone()
    chained = (bytes(before.digest) if before else b"") + acts.to_bytes(8, "big") + bytes(hashes)
    return acts, hashlib.sha256(chained).digest()


def _broken_seal() -> str:
    before = None
    for one in LedgerSeal.objects.order_by("last_event_id"):
        acts, digest = _digest(before, one.last_event_id)
        if acts != one.acts:
            return f"seal {one.pk} counted {one.acts} acts, now there are {acts}"
        if digest != bytes(one.digest):
            return (
                f"seal {one.pk}: the acts up to {one.last_event_id} are not those that were sealed"
            )
        before = one
    return ""
