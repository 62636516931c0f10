"""While somebody is restricted or under age, no consent of theirs counts; requests to restrict and correct."""

from django.db import migrations, models


# The state is what everybody asks: sending locks it, the mirror, scores and segments read it. The acts are
# left as they are; lifting folds them again. Whose consents are written just now: restricting.assert_held.
FORWARDS = """
-- Plans are kept by the session: one made while a table was tiny would walk it for each of a million
-- rows to come.
CREATE FUNCTION consent_hold_state() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = NEW.customer_id
               AND (c.restricted_at IS NOT NULL OR c.is_under_age)) THEN
        NEW.is_granted := false;
        NEW.is_soft_opt_in := false;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON consent_consentstate FOR EACH ROW
    WHEN (NEW.is_granted OR NEW.is_soft_opt_in) EXECUTE FUNCTION consent_hold_state();
CREATE FUNCTION consent_hold_customer() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    UPDATE consent_consentstate SET is_granted = false, is_soft_opt_in = false
    WHERE customer_id = NEW.id AND (is_granted OR is_soft_opt_in);
    IF NEW.merged_into_id IS NOT NULL THEN -- they are one person from now on
        UPDATE customers_customer
        SET restricted_at = coalesce(restricted_at, NEW.restricted_at),
            born_on = coalesce(born_on, NEW.born_on), is_minor = coalesce(is_minor, NEW.is_minor),
            is_under_age = is_under_age OR NEW.is_under_age
        WHERE id = NEW.merged_into_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER hold AFTER UPDATE OF restricted_at, is_under_age, merged_into_id
    ON customers_customer FOR EACH ROW WHEN (NEW.restricted_at IS NOT NULL OR NEW.is_under_age)
    EXECUTE FUNCTION consent_hold_customer();
"""
BACKWARDS = """
DROP TRIGGER hold ON customers_customer;
DROP FUNCTION consent_hold_customer();
DROP TRIGGER hold ON consent_consentstate;
DROP FUNCTION consent_hold_state();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0012_sign_ups"),
        ("customers", "0011_restricted_and_under_age"),
    ]
    operations = [
        migrations.RunSQL(FORWARDS, BACKWARDS),
        migrations.AlterField(
            model_name="datarequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ACCESS", "Copy of the data"),
                    ("RECTIFICATION", "Correction"),
                    ("RESTRICTION", "Restriction"),
                    ("UNRESTRICTION", "End of a restriction"),
                    ("ERASURE", "Erasure"),
                    ("SHOP_ERASURE", "Erasure of a whole source"),
                ],
                max_length=15,
            ),
        ),
        migrations.AlterField(
            model_name="personaldataaccess",
            name="action",
            field=models.CharField(
                choices=[("VIEW", "Looked at"), ("EXPORT", "Took away"), ("CHANGE", "Corrected")],
                max_length=10,
            ),
        ),
    ]
