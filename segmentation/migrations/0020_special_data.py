"""Reviews that may tell of health and the like are marked; one whose words change is read again."""

from django.db import migrations, models

from segmentation import rereading


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0012_product_stock"),
        ("segmentation", "0019_public_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="reviewsentiment",
            name="lexicon",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                db_index=True,
                default=0,
                help_text="The version of the word lists by which it was searched; 0: not yet.",
            ),
        ),
        migrations.AddField(
            model_name="reviewsentiment",
            name="withheld",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="Quoted, counted and learned from nowhere: it may tell of health or the like, or was not searched for it yet.",
            ),
        ),
        migrations.AddIndex(
            model_name="reviewsentiment",
            index=models.Index(
                condition=models.Q(("withheld", True)), fields=["review"], name="review_withheld"
            ),
        ),
        migrations.RunSQL(rereading.INSTALL, rereading.REMOVE),
    ]
