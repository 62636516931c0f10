"""Wiring only: settings, routes, Celery, the schedule, the embedded servers. Nothing imports it."""

from config.celery import app as celery_app


__all__ = ["celery_app"]
