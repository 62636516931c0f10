"""A message that asks to confirm a sign-up can come back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0014_peppers")]

    operations = [
        migrations.AlterField(
            model_name="servicemessage",
            name="state",
            field=models.CharField(
                choices=[
                    ("WAITING", "Waiting"),
                    ("SENT", "Accepted by the mail server"),
                    ("FAILED", "Refused by the mail server"),
                    ("CAME_BACK", "Came back: bounced, or reported as spam"),
                    ("SKIPPED", "Not sent: the address is suppressed, or it was too late"),
                ],
                default="WAITING",
                max_length=10,
            ),
        ),
    ]
