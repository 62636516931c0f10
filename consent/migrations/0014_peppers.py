"""Several keys of the suppression list: see consent/peppers.py."""

from django.db import migrations, models


ID = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    dependencies = [("consent", "0013_held")]
    operations = [
        migrations.CreateModel(
            name="Pepper",
            fields=[
                ("id", ID),
                ("fingerprint", models.CharField(max_length=16, unique=True)),
                ("first_used_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="AddressKey",
            fields=[
                ("id", ID.clone()),
                ("address_hmac", models.CharField(max_length=64)),
                ("former_hmac", models.CharField(max_length=64)),
            ],
            options={
                "indexes": [models.Index(fields=["former_hmac"], name="address_key_former")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("address_hmac", "former_hmac"), name="address_key"
                    )
                ],
            },
        ),
    ]
