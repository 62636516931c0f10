from django.apps import AppConfig

from consent.desk import personal_data


class FeedbackConfig(AppConfig):
    name = "feedback"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        personal_data.declare("feedback.holders")
