"""Who may see addresses of customers, and search by them, is said of its own."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0009_when_requests_came"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="customer",
            options={
                "permissions": [
                    ("see_addresses", "Can see e-mail addresses of customers, and search by them")
                ]
            },
        ),
    ]
