"""The Celery app. Tasks are thin and on top: fetch, one domain call, log."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_init


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


@worker_init.connect
def _check_and_watch(**kwargs: object) -> None:
    import config.watchdog  # noqa: F401, PLC0415 - connects itself; only workers need it
    from config import effective  # noqa: PLC0415

    try:
        found = effective.problems(app)
    except Exception:  # noqa: BLE001 - the broker does not answer yet, or keeps its settings to itself
        return
    if found:
        raise SystemExit(f"this worker would not do as meant: {'; '.join(found)}")
