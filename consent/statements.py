"""The set-based statements of the consent ledger; ledger.py says when they run."""

from __future__ import annotations

from consent.enums import Act, Basis, Channel, Purpose, SuppressionReason
from customers.enums import EventKind


# Nothing happened later than we learned of it. A shop's clock that is fast would else let its consents
# win over the withdrawals that came after them, and lift the suppression.
_HAPPENED_AT = "least(event.happened_at, event.arrived_at, %(now)s)"

_UPSERT_STATE = """
    ON CONFLICT (customer_id, purpose, channel) DO UPDATE
    SET is_granted = excluded.is_granted, since = excluded.since, event_id = excluded.event_id
    WHERE excluded.since > consent_consentstate.since
       -- the same moment: a withdrawal wins
       OR (excluded.since = consent_consentstate.since
           AND consent_consentstate.is_granted AND NOT excluded.is_granted)"""

_FOLD = f"""
    SELECT DISTINCT ON (customer_id, purpose, channel)
           customer_id, purpose, channel, act = '{Act.GRANTED}', happened_at, id
    FROM {{acts}} ORDER BY customer_id, purpose, channel, happened_at DESC, act = '{Act.GRANTED}', id"""

_STATES = """
    INSERT INTO consent_consentstate (customer_id, purpose, channel, is_granted, since, event_id)"""

FOLD_ONE = f"""{_STATES}
    SELECT customer_id, purpose, channel, act = '{Act.GRANTED}', happened_at, id
    FROM consent_consentevent WHERE id = %(event_id)s {_UPSERT_STATE}"""

REBUILD = f"{_STATES}{_FOLD.format(acts='consent_consentevent')}"

# A withdrawal whose purpose we cannot read is one of marketing: the mistake that mails nobody.
ABSORB_ACTS = f"""
WITH said AS MATERIALIZED (
    SELECT event.id, event.customer_id, event.kind, event.properties,
           {_HAPPENED_AT} AS happened_at,
           CASE WHEN kind IN ('{EventKind.UNSUBSCRIBED}', '{EventKind.COMPLAINED}')
                  OR kind = '{EventKind.CONSENT_WITHDRAWN}'
                 AND NOT %(channels)s::jsonb ? COALESCE(properties ->> 'purpose', '')
                THEN '{Purpose.MARKETING}' ELSE properties ->> 'purpose' END AS purpose
    FROM customers_event event
    WHERE event.id BETWEEN %(first)s AND %(last)s
      AND event.kind IN ('{EventKind.CONSENT_GIVEN}', '{EventKind.CONSENT_WITHDRAWN}',
                         '{EventKind.UNSUBSCRIBED}', '{EventKind.COMPLAINED}')
), read AS (
    SELECT said.*, wording.id AS wording_id,
           CASE WHEN kind = '{EventKind.CONSENT_GIVEN}' THEN properties ->> 'channel'
                ELSE %(channels)s::jsonb ->> purpose END AS channel
    FROM said LEFT JOIN LATERAL (
        SELECT id FROM consent_wording
        WHERE said.kind = '{EventKind.CONSENT_GIVEN}' AND consent_wording.purpose = said.purpose
          AND channel = properties ->> 'channel' AND version = properties ->> 'wording'
        ORDER BY language = properties ->> 'language' DESC NULLS LAST, id LIMIT 1
    ) wording ON true
), acts AS (
    INSERT INTO consent_consentevent (customer_id, purpose, channel, act, basis, wording_id, method,
                                      evidence, happened_at, recorded_at, ledger_event_id)
    SELECT customer_id, purpose, channel,
           CASE kind WHEN '{EventKind.CONSENT_GIVEN}' THEN '{Act.GRANTED}'
                     WHEN '{EventKind.COMPLAINED}' THEN '{Act.OBJECTED}'
                     ELSE '{Act.WITHDRAWN}' END,
           CASE kind WHEN '{EventKind.CONSENT_GIVEN}' THEN '{Basis.CONSENT}' ELSE '{Basis.NONE}' END,
           wording_id, left(COALESCE(properties ->> 'method', lower(kind)), 50),
           properties, happened_at, %(now)s, id
    FROM read WHERE kind <> '{EventKind.CONSENT_GIVEN}' OR wording_id IS NOT NULL
    ORDER BY id
    ON CONFLICT (ledger_event_id) DO NOTHING
    RETURNING id, customer_id, purpose, channel, act, happened_at
), states AS ({_STATES}{_FOLD.format(acts="acts")} {_UPSERT_STATE})
SELECT (SELECT count(*) FROM acts),
       (SELECT count(*) FROM read
        WHERE kind = '{EventKind.CONSENT_GIVEN}' AND wording_id IS NULL)"""

_UPSERT_SUPPRESSION = f"""
    ON CONFLICT (address_hmac, channel) WHERE lifted_at IS NULL DO UPDATE
    SET reason = excluded.reason, detail = excluded.detail, created_at = excluded.created_at
    WHERE consent_suppression.reason = '{SuppressionReason.UNSUBSCRIBED}'
      AND (excluded.reason <> '{SuppressionReason.UNSUBSCRIBED}'
           OR excluded.created_at > consent_suppression.created_at)"""

SUPPRESS_ONE = f"""
    INSERT INTO consent_suppression (address_hmac, channel, reason, detail, created_at)
    VALUES (%(address_hmac)s, '{Channel.EMAIL}', %(reason)s, %(detail)s, %(at)s)
    {_UPSERT_SUPPRESSION}"""

# A bounce is of an address that does not exist unless it says {"class": "soft"}; of several
# reasons for one address the lasting one, then the latest, is kept.
SUPPRESS_FROM_EVENTS = f"""
WITH told AS (
    SELECT DISTINCT ON (customer.email_hmac) customer.email_hmac, event.id,
           {_HAPPENED_AT} AS happened_at,
           CASE event.kind WHEN '{EventKind.UNSUBSCRIBED}' THEN '{SuppressionReason.UNSUBSCRIBED}'
                           WHEN '{EventKind.COMPLAINED}' THEN '{SuppressionReason.COMPLAINT}'
                           ELSE '{SuppressionReason.HARD_BOUNCE}' END AS reason
    FROM customers_event event JOIN customers_customer customer ON customer.id = event.customer_id
    WHERE event.id BETWEEN %(first)s AND %(last)s AND customer.email_hmac <> ''
      AND (event.kind IN ('{EventKind.UNSUBSCRIBED}', '{EventKind.COMPLAINED}')
           OR event.kind = '{EventKind.BOUNCED}'
              AND COALESCE(event.properties ->> 'class', 'hard') <> 'soft')
      AND NOT EXISTS (SELECT 1 FROM consent_suppression known
                      WHERE known.address_hmac = customer.email_hmac
                        AND known.detail = 'event ' || event.id)
    ORDER BY customer.email_hmac, event.kind = '{EventKind.UNSUBSCRIBED}',
             event.happened_at DESC, event.id
)
INSERT INTO consent_suppression (address_hmac, channel, reason, detail, created_at)
SELECT email_hmac, '{Channel.EMAIL}', reason, 'event ' || id, happened_at FROM told
ORDER BY email_hmac {_UPSERT_SUPPRESSION}"""

# A consent given after somebody unsubscribed lifts that; nothing lifts a bounce or a complaint.
_LIFT = f"""
UPDATE consent_suppression SET lifted_at = %(now)s
WHERE lifted_at IS NULL AND reason = '{SuppressionReason.UNSUBSCRIBED}'
  AND channel = '{Channel.EMAIL}' AND address_hmac IN ({{hashes}})
  AND EXISTS (SELECT 1 FROM customers_customer customer JOIN consent_consentstate state
                  ON state.customer_id = customer.id
              WHERE customer.email_hmac = consent_suppression.address_hmac
                AND state.purpose = '{Purpose.MARKETING}' AND state.channel = '{Channel.EMAIL}'
                AND state.is_granted AND state.since > consent_suppression.created_at)"""

LIFT_ONE = _LIFT.format(hashes="%(address_hmac)s")

LIFT_FROM_EVENTS = _LIFT.format(
    hashes=f"""
    SELECT customer.email_hmac FROM customers_event event
        JOIN customers_customer customer ON customer.id = event.customer_id
    WHERE event.id BETWEEN %(first)s AND %(last)s AND customer.email_hmac <> ''
      AND event.kind IN ('{EventKind.CONSENT_GIVEN}', '{EventKind.UNSUBSCRIBED}')"""
)
