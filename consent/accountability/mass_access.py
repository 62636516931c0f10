"""More people looked at within an hour than anybody's work needs: a stolen key, or somebody who leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection


SHOWN = timedelta(hours=72)
"""How long an alarm is shown: as long as there is to tell the authority."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """The worst hour of one login or key: it ended `at`; `people` counts looks, twice at one is two."""

    via: str
    actor: str
    people: int
    at: datetime

    @property
    def who(self) -> str:
        return f"The API key “{self.actor}”" if self.via == "KEY" else f"“{self.actor}”"


def alarms(*, now: datetime) -> list[Alarm]:
    """Of the last 72 hours, the latest first; none where the setting is 0."""
    if not settings.MASS_ACCESS_PEOPLE:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT ON (via, actor) via, actor, within_hour, at FROM (
                SELECT via, actor, at, sum(people) OVER (
                    PARTITION BY via, actor ORDER BY at
                    RANGE BETWEEN '1 hour' PRECEDING AND CURRENT ROW) AS within_hour
                FROM consent_personaldataaccess
                WHERE at > %(since)s AND at <= %(now)s
            ) looks WHERE within_hour > %(limit)s
            ORDER BY via, actor, within_hour DESC, at DESC
            """,
            # an hour before, so that the first hour shown is whole
            {
                "since": now - SHOWN - timedelta(hours=1),
                "now": now,
                "limit": settings.MASS_ACCESS_PEOPLE,
            },
        )
        rows = cursor.fetchall()
    found = [Alarm(via=via, actor=actor, people=int(n), at=at) for via, actor, n, at in rows]
    return sorted(found, key=lambda one: one.at, reverse=True)
