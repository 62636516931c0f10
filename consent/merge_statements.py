"""What becomes of consent when two customers turn out to be one person, and when they do not."""

from __future__ import annotations

from consent.enums import Act, Basis
from consent.statements import FOLD_ACTS, FOLD_ORDER, HAPPENED_AT, IS_DECISIVE
from customers.enums import EventKind


METHOD = "merge"

# The acts of both as they stood at that moment, so that reading the ledger again changes nothing.
_SAID = f"""
WITH said AS MATERIALIZED (
    SELECT event.id, event.customer_id AS survivor_id, {HAPPENED_AT} AS at,
           substring(event.properties ->> 'absorbed_customer_id' FROM '^[0-9]{{1,18}}$')::bigint
               AS absorbed_id
    FROM customers_event event WHERE event.id = %(event)s
), folded AS MATERIALIZED (
    SELECT DISTINCT ON (customer_id, purpose, channel)
           act.id, customer_id, purpose, channel, act, basis, wording_id, provenance, evidence,
           method, happened_at
    FROM said JOIN consent_consentevent act ON act.customer_id IN (survivor_id, absorbed_id)
    WHERE {IS_DECISIVE} AND happened_at <= said.at
      AND act.ledger_event_id IS DISTINCT FROM said.id
    ORDER BY {FOLD_ORDER.replace(", id", ", act.id")}
)"""

# When the merge that `said` undoes happened.
_MERGED_AT = f"""(
          SELECT max(merged.happened_at) FROM customers_event merged
          WHERE merged.customer_id = said.survivor_id AND merged.id < said.id
            AND merged.kind = '{EventKind.MERGED}'
            AND merged.properties -> 'absorbed_customer_id' = to_jsonb(said.absorbed_id))"""

_INSERT = """
    INSERT INTO consent_consentevent (customer_id, purpose, channel, act, basis, wording_id, method,
                                      provenance, evidence, happened_at, recorded_at, ledger_event_id)"""
_ACTS = f"""
    ON CONFLICT (ledger_event_id, purpose, channel) DO NOTHING
    RETURNING id, customer_id, purpose, channel, act, provenance, happened_at
), states AS ({FOLD_ACTS})
SELECT count(*) FROM acts"""

# The stricter wins: who withdrew under either number has withdrawn. A grant comes along, with its time,
# basis and wording, only where the survivor has said nothing. A sale to one was none to the other.
FOLD_MERGED = f"""{_SAID}, acts AS ({_INSERT}
    SELECT said.survivor_id, theirs.purpose, theirs.channel, theirs.act, theirs.basis,
           theirs.wording_id, '{METHOD}', theirs.provenance,
           theirs.evidence || jsonb_build_object('merged_from', said.absorbed_id, 'act', theirs.id),
           CASE theirs.act WHEN '{Act.GRANTED}' THEN theirs.happened_at ELSE said.at END,
           %(now)s, said.id
    FROM said JOIN folded theirs ON theirs.customer_id = said.absorbed_id
    LEFT JOIN folded ours ON ours.customer_id = said.survivor_id
        AND ours.purpose = theirs.purpose AND ours.channel = theirs.channel
    WHERE theirs.act <> '{Act.SOFT_OPT_IN}'
      AND (ours.id IS NULL OR ours.act = '{Act.SOFT_OPT_IN}'
           OR ours.act = '{Act.GRANTED}' AND theirs.act <> '{Act.GRANTED}')
    {_ACTS}"""

# What the survivor allows only by that merge is withdrawn. What they withdrew while both were one person
# holds for both: nobody knows whom it was meant for.
FOLD_UNMERGED = f"""{_SAID}, acts AS ({_INSERT}
    SELECT ours.customer_id, ours.purpose, ours.channel, '{Act.WITHDRAWN}', '{Basis.NONE}',
           NULL::bigint, 'unmerge', '', jsonb_build_object('merged_from', said.absorbed_id),
           said.at, %(now)s, said.id
    FROM said JOIN folded ours ON ours.customer_id = said.survivor_id
    WHERE ours.act = '{Act.GRANTED}' AND ours.method = '{METHOD}'
      AND ours.evidence -> 'merged_from' = to_jsonb(said.absorbed_id)
    UNION ALL
    SELECT theirs.customer_id, theirs.purpose, theirs.channel, '{Act.WITHDRAWN}', '{Basis.NONE}',
           NULL::bigint, 'unmerge', '', jsonb_build_object('withdrawn_by', said.survivor_id),
           said.at, %(now)s, said.id
    FROM said JOIN folded theirs ON theirs.customer_id = said.absorbed_id
    JOIN folded ours ON ours.customer_id = said.survivor_id
        AND ours.purpose = theirs.purpose AND ours.channel = theirs.channel
    WHERE theirs.act IN ('{Act.GRANTED}', '{Act.SOFT_OPT_IN}')
      AND ours.act NOT IN ('{Act.GRANTED}', '{Act.SOFT_OPT_IN}')
      AND ours.happened_at >= {_MERGED_AT}
    {_ACTS}"""

# Wishes go the same way: the stricter of both, NULL being no wish. A wish has one row and no acts, so
# reading a merge again may restore what the survivor loosened since, and never loosens.
_UPSERT_WISHES = """
    ON CONFLICT (customer_id) DO UPDATE
    SET at_most_a_month = least(consent_preference.at_most_a_month, excluded.at_most_a_month),
        paused_until = greatest(consent_preference.paused_until, excluded.paused_until),
        changed_at = greatest(consent_preference.changed_at, excluded.changed_at)"""
_INSERT_WISHES = (
    "INSERT INTO consent_preference (customer_id, at_most_a_month, paused_until, changed_at)"
)

# Where the merge has been undone since, they are two people: the wishes of one are not the other's.
WISHES_MERGED = f"""{_SAID}
{_INSERT_WISHES}
SELECT said.survivor_id, theirs.at_most_a_month, theirs.paused_until, theirs.changed_at
FROM said JOIN consent_preference theirs ON theirs.customer_id = said.absorbed_id
JOIN customers_customer absorbed ON absorbed.id = said.absorbed_id
JOIN customers_customer survivor ON survivor.id = said.survivor_id
WHERE absorbed.merged_into_id IS NOT NULL AND survivor.erased_at IS NULL {_UPSERT_WISHES}"""

# The survivor keeps what came along; what they wished while both were one person holds for both.
WISHES_UNMERGED = f"""{_SAID}
{_INSERT_WISHES}
SELECT absorbed.id, ours.at_most_a_month, ours.paused_until, ours.changed_at
FROM said JOIN consent_preference ours ON ours.customer_id = said.survivor_id
JOIN customers_customer absorbed ON absorbed.id = said.absorbed_id
WHERE absorbed.erased_at IS NULL AND ours.changed_at BETWEEN {_MERGED_AT} AND said.at
{_UPSERT_WISHES}"""

MERGES = f"""
SELECT event.id, event.kind FROM customers_event event
WHERE event.id BETWEEN %(first)s AND %(last)s
  AND event.kind IN ('{EventKind.MERGED}', '{EventKind.UNMERGED}')
ORDER BY event.id"""
