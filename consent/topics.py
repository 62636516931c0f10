"""Newsletters that people agree to one by one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from consent import wordings
from consent.models import Topic


@transaction.atomic
def add(*, slug: str, title: str, now: datetime, titles: Mapping[str, str] | None = None) -> Topic:
    """A new topic with the texts to agree to; one that is there already stays as it is."""
    topic, _ = Topic.objects.get_or_create(
        slug=slug, defaults={"title": title, "titles": dict(titles or {}), "created_at": now}
    )
    wordings.install_topic(topic, now=now)
    return topic


def offered() -> list[Topic]:
    return list(Topic.objects.filter(is_offered=True).order_by("title"))
