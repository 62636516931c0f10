from django.apps import AppConfig

from consent.desk import personal_data
from consent.public import inferences


class SegmentationConfig(AppConfig):
    name = "segmentation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        personal_data.declare("segmentation.holders")
        inferences.declare("segmentation.inferring")
