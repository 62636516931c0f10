from __future__ import annotations

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "gateway"
    verbose_name = "API"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # the way in of our keys, in words of OpenAPI; drf-spectacular finds it by being imported
        from gateway import schema  # noqa: F401, PLC0415 - needs the settings
