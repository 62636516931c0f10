"""Triggers on the tables whose news is told; see webhooks.feeds."""

from django.db import migrations

from webhooks import feeds


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0001_initial"),
        ("customers", "0001_initial"),
        ("consent", "0001_initial"),
        ("segmentation", "0001_initial"),
    ]
    operations = [migrations.RunSQL(feeds.INSTALL, feeds.REMOVE)]
