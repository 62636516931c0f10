"""Endpoints that do not answer rest; messages name no customer whose number is an address."""

from django.db import migrations, models

from webhooks import feeds


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_feeds")]
    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="rests_until",
            field=models.DateTimeField(
                editable=False,
                help_text="Left alone till then: it did not answer at all.",
                null=True,
            ),
        ),
        migrations.RunSQL(feeds.FUNCTIONS, migrations.RunSQL.noop),
    ]
