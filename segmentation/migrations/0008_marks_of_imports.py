"""Bulk imports mark whose orders they brought, and a mark may wait for its moment."""

from __future__ import annotations

from django.db import migrations, models

from segmentation.dirty_triggers import ALWAYS


class Migration(migrations.Migration):
    dependencies = [("segmentation", "0007_segment_flips")]

    operations = [
        migrations.AddField(
            model_name="dirtycustomer",
            name="due_at",
            field=models.DateTimeField(
                help_text="Set where what changed is only known from a later moment on.", null=True
            ),
        ),
        migrations.RunSQL(ALWAYS, ALWAYS.replace("ENABLE ALWAYS TRIGGER", "ENABLE TRIGGER")),
    ]
