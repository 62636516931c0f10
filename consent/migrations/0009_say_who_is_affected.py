"""Who is affected when a key or a login was stolen: numbers of the customers, marks of files, breaches."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0008_name_the_new_lists"),
    ]

    operations = [
        migrations.CreateModel(
            name="Breach",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("noticed_at", models.DateTimeField()),
                (
                    "due_at",
                    models.DateTimeField(
                        help_text="When the authority has to know: 72 hours later."
                    ),
                ),
                ("selection", models.JSONField(default=dict)),
                ("people", models.PositiveBigIntegerField(default=0)),
                ("looks", models.PositiveBigIntegerField(default=0)),
                (
                    "told_at",
                    models.DateTimeField(help_text="When the authority was told.", null=True),
                ),
                ("note", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "verbose_name_plural": "breaches",
            },
        ),
        migrations.AddField(
            model_name="personaldataaccess",
            name="mark",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Stands in every row of the file.",
                max_length=30,
            ),
        ),
        migrations.AddField(
            model_name="personaldataaccess",
            name="numbers",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="personaldataaccess",
            name="people",
            field=models.PositiveBigIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="personaldataaccess",
            name="via",
            field=models.CharField(
                choices=[("STAFF", "Staff"), ("KEY", "API key"), ("COMMAND", "Command line")],
                db_default="STAFF",
                default="STAFF",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="personaldataaccess",
            name="with_addresses",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether names or addresses may have been shown.",
            ),
        ),
        migrations.AlterField(
            model_name="personaldataaccess",
            name="actor",
            field=models.CharField(
                help_text="The staff member's name in the admin, or the name of the key.",
                max_length=150,
            ),
        ),
        migrations.AddIndex(
            model_name="personaldataaccess",
            index=models.Index(
                condition=models.Q(("mark", ""), _negated=True),
                fields=["mark"],
                name="personal_data_access_mark",
            ),
        ),
    ]
