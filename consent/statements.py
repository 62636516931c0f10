"""The set-based statements of the consent ledger; ledger.py says when they run."""

from __future__ import annotations

from consent.enums import (
    DECISIVE,
    LIFTABLE,
    NEWSLETTER,
    Act,
    Basis,
    Channel,
    GrantRefusal,
    Provenance,
    Purpose,
    SuppressionReason,
)
from consent.wordings import SHOP_FORM, SHOP_FORM_TEXTS
from customers.enums import EventKind


# Nothing happened later than we learned of it. A shop's clock that is fast would else let its consents
# win over the withdrawals that came after them, and lift the suppression.
HAPPENED_AT = "least(event.happened_at, event.arrived_at, %(now)s)"

# ---------------------------------------------------------------- the fold
# A soft opt-in counts only where nothing else was said. An import's grant counts for less than any other
# act of consent, however old: a file restores nothing. Then the newest act decides, and of two at the same moment the withdrawal. The state is the greatest act in
# this order, so it does not depend on the order in which acts arrive.
FROM_IMPORT = f"(act = '{Act.GRANTED}' AND provenance = '{Provenance.IMPORT}')"
IS_SOFT = f"(act = '{Act.SOFT_OPT_IN}')"
FOLD_ORDER = (
    f"customer_id, purpose, channel, {IS_SOFT}, {FROM_IMPORT}, happened_at DESC, "
    f"act = '{Act.GRANTED}', id"
)
IS_DECISIVE = f"act IN ({', '.join(repr(str(act)) for act in DECISIVE)})"

UPSERT_STATE = """
    ON CONFLICT (customer_id, purpose, channel) DO UPDATE
    SET is_granted = excluded.is_granted, since = excluded.since, event_id = excluded.event_id,
        from_import = excluded.from_import, is_soft_opt_in = excluded.is_soft_opt_in
    WHERE consent_consentstate.is_soft_opt_in AND NOT excluded.is_soft_opt_in
       OR consent_consentstate.is_soft_opt_in = excluded.is_soft_opt_in
          AND consent_consentstate.from_import AND NOT excluded.from_import
       OR consent_consentstate.is_soft_opt_in = excluded.is_soft_opt_in
          AND consent_consentstate.from_import = excluded.from_import
          AND (excluded.since > consent_consentstate.since
               OR excluded.since = consent_consentstate.since
                  AND consent_consentstate.is_granted AND NOT excluded.is_granted)"""

_FOLD = f"""
    SELECT DISTINCT ON (customer_id, purpose, channel)
           customer_id, purpose, channel, act = '{Act.GRANTED}', {IS_SOFT}, {FROM_IMPORT}, happened_at, id
    FROM {{acts}} WHERE {IS_DECISIVE} ORDER BY {FOLD_ORDER}"""

FOLD_OF = _FOLD.format(acts="(SELECT * FROM consent_consentevent WHERE customer_id = ANY(%s)) acts")
"""The states of some customers, from all their acts: the columns of INSERT_STATES."""

INSERT_STATES = """
    INSERT INTO consent_consentstate (customer_id, purpose, channel, is_granted, is_soft_opt_in,
                                      from_import, since, event_id)"""

FOLD_ONE = f"""{INSERT_STATES}
    SELECT customer_id, purpose, channel, act = '{Act.GRANTED}', {IS_SOFT}, {FROM_IMPORT}, happened_at, id
    FROM consent_consentevent WHERE id = %(event_id)s {UPSERT_STATE}"""

# Inserts the acts of a CTE `acts` into the states; ends a WITH.
FOLD_ACTS = f"{INSERT_STATES}{_FOLD.format(acts='acts')} {UPSERT_STATE}"

# ---------------------------------------------------------------- acts from the ledger of events
_PLACES = ", ".join(f"('{purpose}', '{channel}')" for purpose, channel in SHOP_FORM_TEXTS)


_PURPOSES = ", ".join(f"'{purpose}'" for purpose in Purpose)
_WITHDRAWALS = (
    f"'{EventKind.CONSENT_WITHDRAWN}', '{EventKind.UNSUBSCRIBED}', '{EventKind.COMPLAINED}'"
)
_TOPICS = f"SELECT '{NEWSLETTER}' || slug FROM consent_topic"
_TOPICS_WITH_CHANNEL = f"SELECT '{NEWSLETTER}' || slug, '{Channel.EMAIL}' FROM consent_topic"
_PROVENANCES = ", ".join(f"'{way}'" for way in Provenance)

# What an event says, in our words. A withdrawal whose purpose or channel we cannot read is one of
# marketing by every channel: the mistake that mails nobody. One that names no channel is of e-mail.
_SAID = f"""
    SELECT event.id, event.customer_id, event.kind, event.properties,
           nullif(customer.email_hmac, '') AS email_hmac,
           {HAPPENED_AT} AS happened_at,
           CASE WHEN kind = '{EventKind.COMPLAINED}'
                  OR kind = '{EventKind.UNSUBSCRIBED}'
                 AND COALESCE(properties ->> 'purpose', '') NOT IN ({_TOPICS})
                  OR kind = '{EventKind.CONSENT_WITHDRAWN}'
                 AND COALESCE(properties ->> 'purpose', '') NOT IN ({_PURPOSES})
                 AND COALESCE(properties ->> 'purpose', '') NOT IN ({_TOPICS})
                THEN '{Purpose.MARKETING}' ELSE properties ->> 'purpose' END AS purpose,
           CASE WHEN kind IN ('{EventKind.UNSUBSCRIBED}', '{EventKind.COMPLAINED}')
                THEN '{Channel.EMAIL}'
                WHEN kind = '{EventKind.CONSENT_WITHDRAWN}'
                THEN COALESCE(properties ->> 'channel', '{Channel.EMAIL}')
                ELSE properties ->> 'channel' END AS channel,
           CASE WHEN properties ->> 'provenance' IN ({_PROVENANCES})
                THEN properties ->> 'provenance' ELSE '' END AS provenance
    FROM customers_event event
    JOIN customers_customer customer ON customer.id = event.customer_id
    WHERE event.id BETWEEN %(first)s AND %(last)s AND customer.erased_at IS NULL
      AND event.kind IN ('{EventKind.CONSENT_GIVEN}', '{EventKind.CONSENT_CLAIMED}', {_WITHDRAWALS})"""

# One row a purpose and channel that an act is about. A withdrawal from marketing by an unknown channel
# is one from each of its channels; purposes without a channel have only one place. Who unsubscribes from
# everything, or complains, has ended every newsletter too.
_PLACED = f"""
    SELECT said.id, customer_id, kind, properties, email_hmac, happened_at, provenance,
           place.purpose, place.channel
    FROM said JOIN (VALUES {_PLACES} UNION ALL {_TOPICS_WITH_CHANNEL}) AS place (purpose, channel)
      ON (place.purpose = said.purpose
          OR said.purpose = '{Purpose.MARKETING}' AND starts_with(place.purpose, '{NEWSLETTER}')
             AND kind IN ('{EventKind.UNSUBSCRIBED}', '{EventKind.COMPLAINED}'))
     AND CASE WHEN place.channel = '{Channel.ANY}' OR said.channel = place.channel
                OR starts_with(place.purpose, '{NEWSLETTER}') THEN true
              ELSE said.channel NOT IN ('{Channel.EMAIL}', '{Channel.SMS}') END
    WHERE kind IN ({_WITHDRAWALS})
    UNION ALL
    SELECT id, customer_id, kind, properties, email_hmac, happened_at, provenance,
           left(COALESCE(purpose, ''), 60), left(COALESCE(channel, ''), 10)
    FROM said WHERE kind NOT IN ({_WITHDRAWALS})"""

# What the same window withdraws: of two rows of one file the stricter wins. Joined, not asked row by row:
# a window may be a whole import.
_WITHDRAWN_HERE = f"""
    SELECT DISTINCT {{whose}}, purpose, channel FROM placed
    WHERE kind IN ({_WITHDRAWALS}) AND {{whose}} IS NOT NULL"""

_HAS_WITHDRAWN = f"""EXISTS (
    SELECT 1 FROM {{people}} consent_consentevent known
    WHERE {{whose}} AND known.purpose = placed.purpose AND known.channel = placed.channel
      AND known.act IN ('{Act.WITHDRAWN}', '{Act.OBJECTED}'))"""

_IMPORT_REFUSAL = f"""CASE
    WHEN placed.provenance <> '{Provenance.IMPORT}' THEN ''
    WHEN of_person.customer_id IS NOT NULL
      OR {_HAS_WITHDRAWN.format(people="", whose="known.customer_id = placed.customer_id")}
    THEN '{GrantRefusal.WITHDREW}'
    WHEN placed.channel = '{Channel.EMAIL}'
     AND EXISTS (SELECT 1 FROM consent_suppression suppression
                 WHERE suppression.address_hmac = placed.email_hmac
                   AND suppression.channel = placed.channel AND suppression.lifted_at IS NULL)
    THEN '{GrantRefusal.SUPPRESSED}'
    WHEN of_address.email_hmac IS NOT NULL
      OR {
    _HAS_WITHDRAWN.format(
        people="customers_customer namesake,",
        whose="known.customer_id = namesake.id AND namesake.email_hmac = placed.email_hmac",
    )
}
    THEN '{GrantRefusal.ADDRESS_WITHDREW}' ELSE '' END"""

# A grant without the version of its wording is of the source's own form, if it came through a source.
ABSORB_ACTS = f"""
WITH said AS MATERIALIZED ({_SAID}), placed AS MATERIALIZED ({_PLACED}), judged AS (
    SELECT placed.id, placed.customer_id, kind, properties, placed.purpose, placed.channel,
           happened_at, provenance, wording.id AS wording_id,
           CASE WHEN kind <> '{EventKind.CONSENT_GIVEN}' THEN ''
                WHEN wording.id IS NULL THEN '{GrantRefusal.UNKNOWN_WORDING}'
                ELSE {_IMPORT_REFUSAL} END AS reason
    FROM placed LEFT JOIN LATERAL (
        SELECT id FROM consent_wording
        WHERE placed.kind = '{EventKind.CONSENT_GIVEN}' AND consent_wording.purpose = placed.purpose
          AND channel = placed.channel
          AND version = COALESCE(nullif(properties ->> 'wording', ''),
                                 CASE WHEN provenance <> '' THEN '{SHOP_FORM}' END)
        ORDER BY language = properties ->> 'language' DESC NULLS LAST, id LIMIT 1
    ) wording ON true
    LEFT JOIN ({_WITHDRAWN_HERE.format(whose="customer_id")}) of_person
        USING (customer_id, purpose, channel)
    LEFT JOIN ({_WITHDRAWN_HERE.format(whose="email_hmac")}) of_address
        USING (email_hmac, purpose, channel)
), acts AS (
    INSERT INTO consent_consentevent (customer_id, purpose, channel, act, basis, wording_id, method,
                                      provenance, reason, evidence, happened_at, recorded_at,
                                      ledger_event_id)
    SELECT customer_id, purpose, channel,
           CASE WHEN reason <> '' THEN '{Act.REFUSED}'
                WHEN kind = '{EventKind.CONSENT_GIVEN}' THEN '{Act.GRANTED}'
                WHEN kind = '{EventKind.CONSENT_CLAIMED}' THEN '{Act.CLAIMED}'
                WHEN kind = '{EventKind.COMPLAINED}' THEN '{Act.OBJECTED}'
                ELSE '{Act.WITHDRAWN}' END,
           CASE WHEN kind = '{EventKind.CONSENT_GIVEN}' AND reason = ''
                THEN '{Basis.CONSENT}' ELSE '{Basis.NONE}' END,
           wording_id, left(COALESCE(properties ->> 'method', lower(kind)), 50), provenance, reason,
           properties, happened_at, %(now)s, id
    FROM judged ORDER BY id, purpose, channel
    ON CONFLICT (ledger_event_id, purpose, channel) DO NOTHING
    RETURNING id, customer_id, purpose, channel, act, provenance, happened_at
), states AS ({FOLD_ACTS})
SELECT count(*) FILTER (WHERE act <> '{Act.REFUSED}'), count(*) FILTER (WHERE act = '{Act.REFUSED}')
FROM acts"""

# ---------------------------------------------------------------- suppressions
_LIFTABLE = ", ".join(f"'{reason}'" for reason in LIFTABLE)

_UPSERT_SUPPRESSION = f"""
    ON CONFLICT (address_hmac, channel) WHERE lifted_at IS NULL DO UPDATE
    SET reason = excluded.reason, detail = excluded.detail, created_at = excluded.created_at
    WHERE consent_suppression.reason IN ({_LIFTABLE})
      AND (excluded.reason NOT IN ({_LIFTABLE})
           OR excluded.created_at > consent_suppression.created_at)
      -- the graver of what comes back by itself, in whatever order we learn of it
       OR (consent_suppression.reason, excluded.reason) IN (
           ('{SuppressionReason.SOFT_BOUNCES}', '{SuppressionReason.HARD_BOUNCE}'),
           ('{SuppressionReason.SOFT_BOUNCES}', '{SuppressionReason.COMPLAINT}'),
           ('{SuppressionReason.HARD_BOUNCE}', '{SuppressionReason.COMPLAINT}'))"""

SUPPRESS_ONE = f"""
    INSERT INTO consent_suppression (address_hmac, channel, reason, detail, created_at)
    VALUES (%(address_hmac)s, '{Channel.EMAIL}', %(reason)s, %(detail)s, %(at)s)
    {_UPSERT_SUPPRESSION}"""

# What was absorbed at once (`unsubscribe`) is read once more by the reader of the ledger. By then its customer may
# have moved, or be a part of another: their other address was never stopped.
ABSORBED = """
    SELECT COALESCE(array_agg(DISTINCT ledger_event_id), '{}') FROM consent_consentevent
    WHERE ledger_event_id BETWEEN %(first)s AND %(last)s"""

# A bounce is of an address that does not exist unless it says {"class": "soft"}; of several
# reasons for one address the lasting one, then the latest, is kept. A bounce of our own delivery, or a complaint about it,
# has suppressed the address that was used when it was recorded; the customer may have another by now.
SUPPRESS_FROM_EVENTS = f"""
WITH told AS (
    SELECT DISTINCT ON (customer.email_hmac) customer.email_hmac, event.id,
           {HAPPENED_AT} AS happened_at,
           CASE event.kind WHEN '{EventKind.UNSUBSCRIBED}' THEN '{SuppressionReason.UNSUBSCRIBED}'
                           WHEN '{EventKind.COMPLAINED}' THEN '{SuppressionReason.COMPLAINT}'
                           ELSE '{SuppressionReason.HARD_BOUNCE}' END AS reason
    FROM customers_event event JOIN customers_customer customer ON customer.id = event.customer_id
    WHERE event.id BETWEEN %(first)s AND %(last)s AND customer.email_hmac <> ''
      AND event.id <> ALL(%(absorbed)s::bigint[])
      AND (event.kind = '{EventKind.UNSUBSCRIBED}'  -- of all; of one newsletter ends only that
              AND COALESCE(event.properties ->> 'purpose', '') NOT IN ({_TOPICS})
           OR (event.kind = '{EventKind.COMPLAINED}'
               OR event.kind = '{EventKind.BOUNCED}'
                  AND COALESCE(event.properties ->> 'class', 'hard') <> 'soft')
              AND (event.source_id IS NOT NULL OR event.delivery_id IS NULL))
      AND NOT EXISTS (SELECT 1 FROM consent_suppression known
                      WHERE known.address_hmac = customer.email_hmac
                        AND known.detail = 'event ' || event.id)
    ORDER BY customer.email_hmac, event.kind = '{EventKind.UNSUBSCRIBED}',
             event.happened_at DESC, event.id
)
INSERT INTO consent_suppression (address_hmac, channel, reason, detail, created_at)
SELECT email_hmac, '{Channel.EMAIL}', reason, 'event ' || id, happened_at FROM told
ORDER BY email_hmac {_UPSERT_SUPPRESSION}
RETURNING address_hmac, reason, detail, created_at"""

_ALLOWS_FROM_BEFORE = f"""EXISTS (
    SELECT 1 FROM customers_customer namesake JOIN consent_consentstate old
        ON old.customer_id = namesake.id
    WHERE namesake.email_hmac = consent_suppression.address_hmac AND namesake.erased_at IS NULL
      AND old.channel = '{Channel.EMAIL}' AND (old.is_granted OR old.is_soft_opt_in)
      AND old.since <= consent_suppression.created_at)"""

# A consent given after somebody unsubscribed or was erased lifts that, unless it comes from a file;
# it lifts the address that they have when they give it: who moves to a stopped address brings nothing along;
# nothing lifts a bounce or a complaint. One to a newsletter does so where nothing else would come back
# with it: nobody of the address allows anything from before.
_LIFT = f"""
UPDATE consent_suppression SET lifted_at = %(now)s
WHERE lifted_at IS NULL AND reason IN ({_LIFTABLE})
  AND channel = '{Channel.EMAIL}' AND address_hmac IN ({{hashes}})
  AND EXISTS (SELECT 1 FROM customers_customer customer JOIN consent_consentstate state
                  ON state.customer_id = customer.id {{whose}}
              WHERE customer.email_hmac = consent_suppression.address_hmac
                AND state.channel = '{Channel.EMAIL}'
                AND (state.purpose = '{Purpose.MARKETING}'
                     OR starts_with(state.purpose, '{NEWSLETTER}') AND NOT {_ALLOWS_FROM_BEFORE})
                AND state.is_granted AND NOT state.from_import
                AND customer.erased_at IS NULL AND state.since > consent_suppression.created_at)"""

LIFT_ONE = _LIFT.format(hashes="%(address_hmac)s", whose="AND customer.id = %(customer_id)s")

_LIFTING_EVENTS = f"""event.id BETWEEN %(first)s AND %(last)s
      AND (event.kind = '{EventKind.CONSENT_GIVEN}'
           AND COALESCE(event.properties ->> 'provenance', '') <> '{Provenance.IMPORT}'
           OR event.kind = '{EventKind.UNSUBSCRIBED}')"""

# An unsubscribing that we learn of after the consent that followed it stops nothing.
LIFT_FROM_EVENTS = _LIFT.format(
    hashes=f"""
    SELECT customer.email_hmac FROM customers_event event
        JOIN customers_customer customer ON customer.id = event.customer_id
    WHERE customer.email_hmac <> '' AND {_LIFTING_EVENTS}""",
    whose=f"""JOIN customers_event event ON event.customer_id = customer.id
                  AND {_LIFTING_EVENTS} AND (event.kind = '{EventKind.CONSENT_GIVEN}'
                      OR consent_suppression.detail = 'event ' || event.id)""",
)
