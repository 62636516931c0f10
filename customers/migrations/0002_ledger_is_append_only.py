"""The ledger can be added to and read. Only an erasure, which says so in its transaction, may do more."""

from django.db import migrations


FORWARDS = """
CREATE FUNCTION refuse_change_of_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('coterie.erasing', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Add a row that says what changed.';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON customers_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_append_only();
"""
BACKWARDS = """
DROP TRIGGER append_only ON customers_event;
DROP FUNCTION refuse_change_of_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
