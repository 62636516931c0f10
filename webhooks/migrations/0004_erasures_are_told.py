"""An erasure is told to the connected systems that asked for it."""

import django.contrib.postgres.fields
from django.db import migrations, models

from webhooks import feeds


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0003_rests_and_feeds"),
    ]

    operations = [
        migrations.AlterField(
            model_name="endpoint",
            name="topics",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("segment.entered", "A customer entered a segment"),
                        ("segment.left", "A customer left a segment"),
                        ("delivery.sent", "A message was accepted by the mail server"),
                        ("delivery.clicked", "A link in a message was clicked"),
                        ("delivery.bounced", "A message bounced"),
                        ("delivery.complained", "A message was reported as spam"),
                        ("delivery.unsubscribed", "Somebody unsubscribed"),
                        ("consent.changed", "A customer gave or withdrew consent"),
                        ("customer.erased", "A customer was erased: erase them too"),
                        ("webhook.test", "A test that staff asked for"),
                    ],
                    max_length=50,
                ),
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="topic",
            field=models.CharField(
                choices=[
                    ("segment.entered", "A customer entered a segment"),
                    ("segment.left", "A customer left a segment"),
                    ("delivery.sent", "A message was accepted by the mail server"),
                    ("delivery.clicked", "A link in a message was clicked"),
                    ("delivery.bounced", "A message bounced"),
                    ("delivery.complained", "A message was reported as spam"),
                    ("delivery.unsubscribed", "Somebody unsubscribed"),
                    ("consent.changed", "A customer gave or withdrew consent"),
                    ("customer.erased", "A customer was erased: erase them too"),
                    ("webhook.test", "A test that staff asked for"),
                ],
                max_length=50,
            ),
        ),
        migrations.RunSQL(feeds.ERASURES, feeds.REMOVE_ERASURES),
    ]
