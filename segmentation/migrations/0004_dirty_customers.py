"""Customers of whom something changed, and the triggers that mark them; see segmentation.dirty_triggers."""

import django.db.models.deletion
from django.db import migrations, models

from segmentation import dirty_triggers


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0001_initial"),
        ("customers", "0008_orders_of_visitors"),
        ("segmentation", "0003_who_may_export"),
    ]

    operations = [
        migrations.CreateModel(
            name="DirtyCustomer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("marked_at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
            ],
        ),
        # read every other second and emptied as often: its dead rows must not pile up
        migrations.RunSQL(
            "ALTER TABLE segmentation_dirtycustomer SET (autovacuum_vacuum_scale_factor = 0,"
            " autovacuum_vacuum_threshold = 10000)",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(dirty_triggers.INSTALL, dirty_triggers.REMOVE),
    ]
