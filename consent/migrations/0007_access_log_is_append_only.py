"""Who looked at whose data is never rewritten; what is older than a year may be deleted."""

from django.db import migrations


FORWARDS = """
CREATE FUNCTION consent_keep_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < now() - interval '1 year' THEN RETURN OLD; END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent_personaldataaccess
    FOR EACH ROW EXECUTE FUNCTION consent_keep_access();
"""
BACKWARDS = """
DROP TRIGGER append_only ON consent_personaldataaccess;
DROP FUNCTION consent_keep_access();
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0006_acts_are_chained")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
