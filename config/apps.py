from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ConfigConfig(AppConfig):
    name = "config"
    label = "config"

    def ready(self) -> None:
        from config import roles  # noqa: PLC0415 - models are not loaded when apps are

        post_migrate.connect(roles.after_migrate)
