"""Files carry a mark, and it is known whom they hold."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0001_api_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="export",
            name="mark",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Stands in every row of the file.",
                max_length=30,
            ),
        ),
        migrations.AddField(
            model_name="export",
            name="numbers",
            field=models.BinaryField(
                help_text="Customers in the file, packed: core.watermarks.", null=True
            ),
        ),
        migrations.AddField(
            model_name="export",
            name="people",
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
    ]
