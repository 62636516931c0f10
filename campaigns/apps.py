from django.apps import AppConfig

from consent import personal_data
from segmentation import usage


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        personal_data.declare("campaigns.holders")
        usage.declare("campaigns.usage")
