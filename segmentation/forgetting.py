"""
What models may still hold of customers who left them, until when, and what is deleted of them.

A model is learned from who agreed to be profiled on that day. Who goes afterwards stays a part of it until
the next training, which is asked for at once and begins anew; what was replaced is deleted with its files.
To leave is to be erased, to withdraw, to be restricted or to be found under age.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import Min, OuterRef, Q, QuerySet, Subquery

from consent.enums import DECISIVE, Act, Purpose
from consent.models import ConsentEvent, ConsentState
from customers.models import Customer
from segmentation.enums import ModelStatus
from segmentation.models import ModelVersion
from segmentation.versions import store


log = logging.getLogger(__name__)

WITHIN = timedelta(days=7)
"""Till when a model that somebody has left is to be replaced."""
KEPT = 5
"""Earlier versions of a task that can be put back into service."""
OLDEST = timedelta(days=180)
NOT_SERVING = ~Q(status__in=(ModelStatus.CHAMPION, ModelStatus.CHALLENGER))


@dataclass(frozen=True, kw_only=True)
class Remains:
    """people: who left since the training; since: the first of them, None when there is none."""

    people: int
    since: datetime | None

    @property
    def until(self) -> datetime | None:
        """The day from which the model must not be used any more."""
        return None if self.since is None else self.since + WITHIN


def remains(version: ModelVersion) -> Remains:
    """
    Customers who agreed to profiling when `version` was trained and have left since.

    Who is restricted or under age no more is not counted: their consent counts again.
    """
    erased = _agreed(Customer.objects.filter(erased_at__gt=version.trained_at), "pk", version)
    withdrew = _agreed(
        ConsentState.objects.filter(
            purpose=Purpose.PROFILING, is_granted=False, since__gt=version.trained_at
        ),
        "customer_id",
        version,
    )
    restricted = _agreed(
        Customer.objects.filter(restricted_at__gt=version.trained_at), "pk", version
    )
    children = _agreed(
        Customer.objects.filter(is_under_age=True, under_age_at__gt=version.trained_at),
        "pk",
        version,
    )
    first = [
        erased.aggregate(first=Min("erased_at"))["first"],
        withdrew.aggregate(first=Min("since"))["first"],
        restricted.aggregate(first=Min("restricted_at"))["first"],
        children.aggregate(first=Min("under_age_at"))["first"],
    ]
    people = set(erased.values_list("pk", flat=True))
    people |= set(withdrew.values_list("customer_id", flat=True))
    people |= set(restricted.values_list("pk", flat=True))
    people |= set(children.values_list("pk", flat=True))
    return Remains(
        people=len(people), since=min((at for at in first if at is not None), default=None)
    )


def _agreed(rows: QuerySet, key: str, version: ModelVersion) -> QuerySet:  # type: ignore[type-arg]
    """Of `rows` those whose last word before the training was yes: others were not in it."""
    acts = ConsentEvent.objects.filter(
        customer=OuterRef(key),
        purpose=Purpose.PROFILING,
        act__in=DECISIVE,
        happened_at__lte=version.trained_at,
    )
    said = acts.order_by("-happened_at", "-pk").values("act")[:1]
    agreed: QuerySet = rows.alias(said=Subquery(said)).filter(said=Act.GRANTED)  # type: ignore[type-arg]
    return agreed


def champions() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(status=ModelStatus.CHAMPION).exclude(artefact="")


def overdue(*, now: datetime) -> list[tuple[ModelVersion, Remains]]:
    """Models in service that somebody left more than a week ago."""
    found = [(version, remains(version)) for version in champions().order_by("task")]
    return [(one, left) for one, left in found if left.until is not None and left.until < now]


def note(*, now: datetime) -> list[tuple[ModelVersion, Remains]]:
    """Write into each manifest until when it may contain whom; returns the models in service that do."""
    found = []
    for version in ModelVersion.objects.exclude(artefact=""):
        left = remains(version)
        said = {"people": left.people, "until": left.until.isoformat() if left.until else None}
        if version.manifest.get("may_contain") != said:
            version.manifest = {**version.manifest, "may_contain": said}
            version.save(update_fields=["manifest"])
        if left.people and version.status == ModelStatus.CHAMPION:
            found.append((version, left))
    return found


def purge(*, now: datetime) -> int:
    """
    Delete the files of versions that do not serve: all but the newest, the old, and what people have left.

    The record stays: how good it was and why it went. Returns how many versions lost their files.
    """
    kept: dict[str, int] = {}
    purged = 0
    rows = ModelVersion.objects.filter(NOT_SERVING).exclude(artefact="")
    for version in rows.order_by("task", "-number"):
        left = remains(version)
        is_left = left.until is not None and left.until < now
        is_old = version.trained_at < now - OLDEST
        if not (is_left or is_old) and kept.get(version.task, 0) < KEPT:
            kept[version.task] = kept.get(version.task, 0) + 1
            continue
        purged += _delete(version, now=now)
    return purged


def _delete(version: ModelVersion, *, now: datetime) -> bool:
    """False, and nothing is deleted, when it was put back into service since it was looked at."""
    name = version.artefact
    manifest = {**version.manifest, "files_deleted_at": now.isoformat()}
    asked = ModelVersion.objects.filter(NOT_SERVING, pk=version.pk)
    if not asked.update(artefact="", manifest=manifest):
        return False
    # after the record: a file without a record is rubbish, a record without its file a failure
    if name == Path(name).name:
        shutil.rmtree(store() / name, ignore_errors=True)
    log.info("the files of %s were deleted", version)
    return True
