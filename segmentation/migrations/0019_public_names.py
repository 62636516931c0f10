from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("segmentation", "0018_mark_the_restricted")]

    operations = [
        migrations.AddField(
            model_name="segment",
            name="public_names",
            field=models.JSONField(
                blank=True,
                db_default={},
                default=dict,
                help_text='What its members read, by language: {"en": "…"}; see public_segments.py.',
            ),
        ),
    ]
