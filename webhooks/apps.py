from django.apps import AppConfig

from consent.desk import personal_data


class WebhooksConfig(AppConfig):
    name = "webhooks"
    verbose_name = "Outgoing webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        personal_data.declare("webhooks.holders")
