"""
Every act carries the hash of the customer's act before it, and of itself; consent/accountability/chain.py verifies them.

The only change that an act can ever see is that its evidence is forgotten.
"""

from django.db import migrations


FORWARDS = """
CREATE FUNCTION consent_act_hash(act consent_consentevent) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(COALESCE((act).previous_hash, ''::bytea) || convert_to(jsonb_build_array(
        (act).id, (act).customer_id, (act).purpose, (act).channel, (act).act, (act).basis,
        (act).wording_id, (act).method, (act).provenance, (act).reason,
        encode((act).evidence_digest, 'hex'),
        (extract(epoch FROM (act).happened_at) * 1000000)::bigint,
        (extract(epoch FROM (act).recorded_at) * 1000000)::bigint,
        (act).ledger_event_id)::text, 'UTF8'))
$$;

-- The evidence stands in the hash by a salted digest only: when it is forgotten the salt goes too, the
-- chain still holds, and nobody can try out what the evidence was.
CREATE FUNCTION consent_chain_act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.evidence_salt := CASE WHEN NEW.evidence <> '{}' THEN gen_random_uuid() END;
    NEW.evidence_digest := sha256(convert_to(
        COALESCE(NEW.evidence_salt::text, '') || NEW.evidence::text, 'UTF8'));
    -- acts of one customer at one moment may share what came before: nobody waits for anybody here
    NEW.previous_hash := (SELECT act.hash FROM consent_consentevent act
                          WHERE act.customer_id = NEW.customer_id AND act.id < NEW.id
                          ORDER BY act.id DESC LIMIT 1);
    NEW.hash := consent_act_hash(NEW);
    RETURN NEW;
END $$;

CREATE FUNCTION consent_keep_act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('coterie.erasing', true) = 'on'
       AND NEW.evidence = '{}' AND NEW.evidence_salt IS NULL
       AND to_jsonb(NEW) - 'evidence' - 'evidence_salt' = to_jsonb(OLD) - 'evidence' - 'evidence_salt'
    THEN RETURN NEW; END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Add an act that says what changed.';
END $$;

-- The declared way by which an erasure reaches the ledger, also for a role that may not change it.
CREATE FUNCTION consent_forget_evidence(customers bigint[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET coterie.erasing = 'on' AS $$
DECLARE forgotten bigint;
BEGIN
    UPDATE consent_consentevent SET evidence = '{}', evidence_salt = NULL
    WHERE customer_id = ANY(customers) AND evidence <> '{}';
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END $$;
REVOKE ALL ON FUNCTION consent_forget_evidence(bigint[]) FROM PUBLIC;

SET LOCAL coterie.erasing = 'on';
DO $$
DECLARE one consent_consentevent; before bytea; customer bigint := -1;
BEGIN
    FOR one IN SELECT * FROM consent_consentevent ORDER BY customer_id, id LOOP
        IF one.customer_id <> customer THEN before := NULL; customer := one.customer_id; END IF;
        one.evidence_salt := CASE WHEN one.evidence <> '{}' THEN gen_random_uuid() END;
        one.evidence_digest := sha256(convert_to(
            COALESCE(one.evidence_salt::text, '') || one.evidence::text, 'UTF8'));
        one.previous_hash := before;
        one.hash := consent_act_hash(one);
        before := one.hash;
        UPDATE consent_consentevent SET evidence_salt = one.evidence_salt,
            evidence_digest = one.evidence_digest, previous_hash = one.previous_hash, hash = one.hash
        WHERE id = one.id;
    END LOOP;
END $$;
SET LOCAL coterie.erasing = 'off';

DROP TRIGGER append_only ON consent_consentevent;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent_consentevent
    FOR EACH ROW EXECUTE FUNCTION consent_keep_act();
CREATE TRIGGER chain_act BEFORE INSERT ON consent_consentevent
    FOR EACH ROW EXECUTE FUNCTION consent_chain_act();

CREATE FUNCTION consent_keep_proof() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent_ledgerseal
    FOR EACH ROW EXECUTE FUNCTION consent_keep_proof();
"""

BACKWARDS = """
DROP TRIGGER append_only ON consent_ledgerseal;
DROP FUNCTION consent_keep_proof();
DROP TRIGGER chain_act ON consent_consentevent;
DROP TRIGGER append_only ON consent_consentevent;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent_consentevent
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_append_only();
DROP FUNCTION consent_forget_evidence(bigint[]), consent_keep_act(), consent_chain_act(),
    consent_act_hash(consent_consentevent);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0005_purposes_chain_and_choices"),
        ("customers", "0002_ledger_is_append_only"),
    ]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
