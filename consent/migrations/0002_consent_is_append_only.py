"""What somebody agreed to, and when, is never rewritten."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_initial"), ("customers", "0002_ledger_is_append_only")]
    operations = [
        migrations.RunSQL(
            f"""CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent_{table}
                FOR EACH ROW EXECUTE FUNCTION refuse_change_of_append_only();""",
            f"DROP TRIGGER append_only ON consent_{table};",
        )
        for table in ("consentevent", "wording")
    ]
