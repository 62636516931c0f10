"""The Celery app. Tasks are thin and on top: fetch, one domain call, log."""

from __future__ import annotations

import os

from celery import Celery


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("coterie")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule_filename = ""
app.autodiscover_tasks(
    ["gateway", "customers", "consent", "segmentation", "campaigns", "feedback", "webhooks"]
)


@app.on_after_configure.connect
def _install_schedule(sender: Celery, **kwargs: object) -> None:
    from config.schedule import SCHEDULE  # noqa: PLC0415 - needs nothing until a worker starts

    sender.conf.beat_schedule = SCHEDULE
