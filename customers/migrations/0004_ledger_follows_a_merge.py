"""A merge, which says so in its transaction, may give a row of the ledger to another customer."""

from django.db import migrations


FORWARDS = """
CREATE OR REPLACE FUNCTION refuse_change_of_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('coterie.erasing', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'customers_event'
       AND current_setting('coterie.merging', true) = 'on'
       AND to_jsonb(NEW) - 'customer_id' = to_jsonb(OLD) - 'customer_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Add a row that says what changed.';
END $$;
"""
BACKWARDS = """
CREATE OR REPLACE FUNCTION refuse_change_of_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('coterie.erasing', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Add a row that says what changed.';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0003_inbound_imports_identity")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
