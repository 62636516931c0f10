from django.apps import AppConfig

from consent import inferences, personal_data


class SegmentationConfig(AppConfig):
    name = "segmentation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        personal_data.declare("segmentation.holders")
        inferences.declare("segmentation.inferring")
