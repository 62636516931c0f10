"""What the database knows of the logbook outside it: see consent/interlock/logbook.py."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0010_soft_opt_in")]
    operations = [
        migrations.CreateModel(
            name="LogbookMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("token", models.CharField(max_length=24, unique=True)),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
