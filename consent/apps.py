from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from core import clock


def install_wordings(sender: AppConfig, **kwargs: Any) -> None:
    # after every migrate, and after a test has emptied the tables: nothing can be granted without a text
    from consent import wordings  # noqa: PLC0415 - models are not loaded when apps are

    if kwargs["using"] == "default":
        wordings.install_defaults(now=clock.now())


class ConsentConfig(AppConfig):
    name = "consent"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(install_wordings, sender=self)
