"""Whoever is restricted, or no longer, is looked at anew: they belong to no segment meanwhile."""

from django.db import migrations

from segmentation import dirty_triggers


class Migration(migrations.Migration):
    dependencies = [
        ("segmentation", "0017_archived_and_deleted"),
        ("customers", "0011_restricted_and_under_age"),
    ]
    operations = [
        migrations.RunSQL(
            dirty_triggers.watch_customers(*dirty_triggers.CUSTOMER_COLUMNS, "restricted_at"),
            dirty_triggers.watch_customers(*dirty_triggers.CUSTOMER_COLUMNS),
        )
    ]
