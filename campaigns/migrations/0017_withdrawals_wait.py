"""Whoever withdraws waits until no message to them is in anybody's hands."""

from django.db import migrations


# The other half is campaigns/handover_lock.py: a sender holds the lock named after it from before its intent
# commits until the group has left. A withdrawal has its row before it comes here, so an intent either waits
# for it and sees it, or has committed and is seen here.
#
# A withdrawal is recorded whatever happens: after five seconds with a sender whose mail server does not answer, it
# waits no longer, and the sender gives back what it has not begun by then (dispatch.LATEST_SECONDS).
FORWARDS = """
-- Plans are kept by the session: one made while a table was tiny would walk it ever after.
CREATE FUNCTION campaigns_wait_for_handover(who bigint) RETURNS void LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan = off SET lock_timeout = '5s' AS $$
DECLARE
    sender text;
    silent text := coalesce(current_setting('coterie.silent_senders', true), '');
BEGIN
    FOR sender IN SELECT DISTINCT owner FROM campaigns_delivery
                  WHERE customer_id = who AND state = 'SENDING' AND owner <> '' LOOP
        CONTINUE WHEN position(' ' || sender || ' ' IN silent) > 0; -- once a transaction
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(x'4A4D'::int, hashtext(sender));
            RAISE SQLSTATE 'CT001'; -- gives the lock back, whatever happens in between
        EXCEPTION
            WHEN SQLSTATE 'CT001' THEN
                NULL;
            WHEN lock_not_available OR deadlock_detected THEN
                RAISE LOG 'a withdrawal did not wait for the end of a hand-over';
                silent := silent || ' ' || sender || ' ';
                PERFORM set_config('coterie.silent_senders', silent, true);
        END;
    END LOOP;
END $$;

CREATE FUNCTION campaigns_consent_ended() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
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

-- A pause or a limit that somebody wishes; consent/public/choosing.py has locked their consents.
CREATE FUNCTION campaigns_wish_made() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM campaigns_wait_for_handover(NEW.customer_id);
    RETURN NULL;
END $$;
CREATE TRIGGER wait_for_handover AFTER INSERT OR UPDATE ON consent_preference FOR EACH ROW
    WHEN (NEW.paused_until IS NOT NULL OR NEW.at_most_a_month IS NOT NULL)
    EXECUTE FUNCTION campaigns_wish_made();

-- An intent locks no suppression, for most addresses have none. So who suppresses one holds the rows that an
-- intent does lock: consent/locks.py has taken them before, in everybody's order, and here it is seen to.
CREATE FUNCTION campaigns_suppressed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan = off AS $$
DECLARE who bigint;
BEGIN
    PERFORM FROM consent_consentstate state
        JOIN customers_customer customer ON customer.id = state.customer_id
        JOIN suppressed ON suppressed.address_hmac = customer.email_hmac
    WHERE suppressed.lifted_at IS NULL AND suppressed.address_hmac <> ''
      AND suppressed.channel = 'EMAIL' AND state.channel = 'EMAIL'
    ORDER BY state.customer_id, state.purpose FOR NO KEY UPDATE OF state;
    FOR who IN
        SELECT customer.id FROM customers_customer customer
            JOIN suppressed ON suppressed.address_hmac = customer.email_hmac
        WHERE suppressed.lifted_at IS NULL AND suppressed.address_hmac <> '' AND suppressed.channel = 'EMAIL'
        UNION  -- or a message is on its way to the address, whatever address its customer has by now
        SELECT delivery.customer_id FROM campaigns_delivery delivery
            JOIN suppressed ON suppressed.address_hmac = delivery.address_hmac
        WHERE suppressed.lifted_at IS NULL AND delivery.address_hmac <> '' AND suppressed.channel = 'EMAIL'
          AND delivery.state = 'SENDING'
    LOOP
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
DROP TRIGGER wait_for_handover ON consent_preference;
DROP FUNCTION campaigns_wish_made();
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
