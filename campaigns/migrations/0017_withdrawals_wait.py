"""Whoever withdraws waits until no message to them is in anybody's hands."""

from django.db import migrations


# The other half is campaigns/handover_lock.py: a sender holds the lock named after it from before its intent
# commits until the group has left. A withdrawal has its row before it comes here, so an intent either waits
# for it and sees it, or has committed and is seen here.
#
# A withdrawal is recorded whatever happens: after five seconds with a mail server that does not answer, it
# waits no longer, and the sender gives back what it has not begun.
FORWARDS = """
-- Plans are kept by the session: one made while a table was tiny would walk it ever after.
CREATE FUNCTION campaigns_wait_for_handover(who bigint) RETURNS void LANGUAGE plpgsql
    SET enable_seqscan = off SET lock_timeout = '5s' AS $$
DECLARE sender text;
BEGIN
    IF current_setting('coterie.waited_in_vain', true) = 'yes' THEN -- once a transaction
        RETURN;
    END IF;
    FOR sender IN SELECT DISTINCT owner FROM campaigns_delivery
                  WHERE customer_id = who AND state = 'SENDING' AND owner <> '' LOOP
        BEGIN
            PERFORM pg_advisory_lock_shared(x'4A4D'::int, hashtext(sender));
            PERFORM pg_advisory_unlock_shared(x'4A4D'::int, hashtext(sender));
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            RAISE LOG 'a withdrawal did not wait for the end of a hand-over';
            PERFORM set_config('coterie.waited_in_vain', 'yes', true);
            RETURN;
        END;
    END LOOP;
END $$;

CREATE FUNCTION campaigns_consent_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campaigns_wait_for_handover(OLD.customer_id);
    RETURN NULL;
END $$;
CREATE TRIGGER wait_for_handover AFTER UPDATE ON consent_consentstate FOR EACH ROW
    WHEN ((OLD.is_granted OR OLD.is_soft_opt_in) AND NOT (NEW.is_granted OR NEW.is_soft_opt_in)
          AND OLD.channel = 'EMAIL')
    EXECUTE FUNCTION campaigns_consent_ended();
CREATE TRIGGER wait_for_handover_when_deleted AFTER DELETE ON consent_consentstate FOR EACH ROW
    WHEN ((OLD.is_granted OR OLD.is_soft_opt_in) AND OLD.channel = 'EMAIL')
    EXECUTE FUNCTION campaigns_consent_ended();

-- An intent locks no suppression, for most addresses have none. So who suppresses one takes the rows that an
-- intent does lock, in its order.
CREATE FUNCTION campaigns_suppressed() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE who bigint;
BEGIN
    PERFORM FROM consent_consentstate state
        JOIN customers_customer customer ON customer.id = state.customer_id
        JOIN suppressed ON suppressed.address_hmac = customer.email_hmac
    WHERE suppressed.lifted_at IS NULL AND suppressed.address_hmac <> ''
      AND suppressed.channel = 'EMAIL' AND state.channel = 'EMAIL'
    ORDER BY state.customer_id, state.purpose FOR NO KEY UPDATE OF state;
    FOR who IN SELECT customer.id FROM customers_customer customer
               JOIN suppressed ON suppressed.address_hmac = customer.email_hmac
               WHERE suppressed.lifted_at IS NULL AND suppressed.address_hmac <> ''
                 AND suppressed.channel = 'EMAIL' LOOP
        PERFORM campaigns_wait_for_handover(who);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER wait_for_handover AFTER INSERT ON consent_suppression
    REFERENCING NEW TABLE AS suppressed FOR EACH STATEMENT EXECUTE FUNCTION campaigns_suppressed();
CREATE TRIGGER wait_for_handover_again AFTER UPDATE ON consent_suppression
    REFERENCING NEW TABLE AS suppressed FOR EACH STATEMENT EXECUTE FUNCTION campaigns_suppressed();
"""
BACKWARDS = """
DROP TRIGGER wait_for_handover_again ON consent_suppression;
DROP TRIGGER wait_for_handover ON consent_suppression;
DROP FUNCTION campaigns_suppressed();
DROP TRIGGER wait_for_handover_when_deleted ON consent_consentstate;
DROP TRIGGER wait_for_handover ON consent_consentstate;
DROP FUNCTION campaigns_consent_ended();
DROP FUNCTION campaigns_wait_for_handover(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0016_fewer_indexes"),
        ("consent", "0014_peppers"),
    ]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
