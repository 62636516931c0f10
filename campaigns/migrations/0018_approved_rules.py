"""An approval is of the rule of the segment too: of which versions."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0017_withdrawals_wait")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="approved_rules",
            field=models.JSONField(
                blank=True,
                db_default={},
                default=dict,
                help_text="Segments to the versions of their rules when it was approved: approval.rules_behind.",
            ),
        ),
    ]
