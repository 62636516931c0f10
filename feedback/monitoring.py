"""Once a week: has what comes in, what is predicted or what follows changed? An alarm is told, and asks for a training."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import duckdb
import numpy as np
from django.db import connection

from customers import display
from feedback import retraining
from feedback.models import DriftCheck, RetrainingDecision
from segmentation import mirror, predictors, queries, versions
from segmentation.enums import Task
from segmentation.ml import features, labels, training
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.drift import compare, shop
from segmentation.ml.drift.compare import Finding
from segmentation.ml.tables import FeatureTable, Floats
from segmentation.models import ModelVersion
from segmentation.training import HORIZON_DAYS


logger = logging.getLogger(__name__)

EVERY = timedelta(days=7)
RECENTLY = timedelta(days=7)  # trained: a new alarm does not ask again so soon
SAMPLE = 2_000
WEEKS_BACK = 4
MOVED = 0.1
"""The PSI of account for what is compared over the same customers four weeks apart: time moves these a little by itself."""

NOT_WATCHED = ("season", "mail", "click", "coupon")
"""Features that are the calendar's, or our own doing."""


def due(*, now: datetime) -> bool:
    last = DriftCheck.objects.order_by("-as_of").first()
    return last is None or now - last.as_of >= EVERY


def check_if_due(*, now: datetime) -> DriftCheck | None:
    """Check when a week of the shop's time has passed and no other process is at it; None otherwise, and without orders of people who agreed to profiling."""
    if not due(now=now) or not retraining.has_something_to_learn_from():
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('drift'))")
        if not cursor.fetchone()[0]:
            return None
        try:
            return check(now=now) if due(now=now) else None
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('drift'))")


def check(*, now: datetime) -> DriftCheck:
    """Compare the newest week with those before it, record what was found, and ask for a training after an alarm."""
    mirror.refresh()
    with mirror.connect() as database:
        found = compare.with_holm(list(_everything(database, as_of=int(now.timestamp()))))
    alarms = [one for one in found if one.alarm]
    if alarms:
        words = "; ".join(one.words for one in alarms[:3])
    elif any(one.judged for one in found):
        words = (
            f"Nothing changed more than chance and habit explain: {len(found)} quantities compared."
        )
    else:
        words = f"Too few orders to tell: {compare.FEWEST} a week are needed."
    made = DriftCheck.objects.create(
        checked_at=now, as_of=now, alarms=len(alarms), words=words,
        findings=compare.as_documents(found),
    )  # fmt: skip
    if alarms:
        _ask(words, now=now)
    return made


def _ask(words: str, *, now: datetime) -> None:
    for task in retraining.FROM_ORDERS:
        trained = RetrainingDecision.objects.filter(task=task, decided_at__gt=now - RECENTLY)
        if queries.champion(task) is not None and not trained.exists():
            retraining.ask(task, why=f"drift: {words}", now=now)


def _everything(database: duckdb.DuckDBPyConnection, *, as_of: int) -> Iterator[Finding]:
    yield from shop.look(shop.read(database, as_of=as_of), money=_money)
    ids = _sample(database)
    now = _table(database, as_of=as_of, ids=ids)
    earlier = as_of - WEEKS_BACK * shop.WEEK
    before = _table(database, as_of=earlier, ids=ids)
    if min(len(now), len(before)) < compare.FEWEST:
        return
    for name in _watched():
        unit = features.FEATURES[name].unit
        size = 100 if unit == "cents" else 1
        yield compare.numbers(
            name=features.FEATURES[name].meaning,
            before=before.column(name) / size,
            now=now.column(name) / size,
            floor=MOVED,
            show=_SHOWN.get(unit, compare.plain),
        )
    for task in (Task.CHURN, Task.PURCHASE):
        version = queries.champion(task)
        if version is None:
            continue
        try:
            said = [
                predictors.purchase(version, part, as_of=moment)
                for part, moment in ((before, earlier), (now, as_of))
            ]
            yield compare.numbers(
                name=f"Score of {task_name(version)}", before=said[0], now=said[1], floor=MOVED,
                show=compare.share,
            )  # fmt: skip
            yield from _outcome(database, task, ids, as_of=as_of)
        except (ArtifactError, KeyError) as error:
            logger.warning("%s is left out of the drift check: %s", version, error)


def _money(value: float) -> str:
    return display.money(round(100 * value))


_SHOWN = {"cents": _money, "days": compare.days, "share": compare.share}
"""Units of features."""


def _outcome(
    database: duckdb.DuckDBPyConnection, task: Task, ids: list[int], *, as_of: int
) -> Iterator[Finding]:
    """Predicted against what came in the newest closed window, by the newest version that has not learned from it."""
    horizon = HORIZON_DAYS[task]
    start = as_of - horizon * SECONDS_PER_DAY
    version = queries.served_without_knowing(task, moment=versions.moment(start))
    if version is None:
        return
    table = _table(database, as_of=start, ids=ids)
    if len(table) < compare.FEWEST:
        return
    bought = labels.purchased(
        database, as_of=start, horizon_days=horizon, known_at=as_of, customer_ids=table.customer_ids
    )
    said = predictors.purchase(version, table, as_of=start)
    yield outcome(name=f"Outcome of {task_name(version)}", said=said, came=bought.astype(float))


def outcome(*, name: str, said: Floats, came: Floats) -> Finding:
    """Is the mean of what came that of what was predicted? A tenth of it is of account. (n,) each."""
    from scipy import stats

    expected, happened = float(said.mean()), float(came.mean())
    error = float(np.sqrt((said * (1 - said)).sum())) / len(said)
    z = (happened - expected) / max(error, 1e-9)
    return Finding(
        name=name,
        kind="outcome",
        rows_before=len(said),
        rows_now=len(said),
        judged=True,
        p=float(2 * stats.norm.sf(abs(z))),
        before=expected,
        now=happened,
        alarm=abs(happened - expected) >= 0.1 * expected,
        words=f"{name}: {100 * expected:.0f}\u00a0% were expected to order, {100 * happened:.0f}\u00a0% did",
    )


def task_name(version: ModelVersion) -> str:
    return str(version.get_task_display()).partition(":")[0].lower()


def _sample(database: duckdb.DuckDBPyConnection) -> list[int]:
    rows = database.execute(
        "SELECT customer_id FROM customers ORDER BY hash(customer_id), customer_id LIMIT ?",
        [SAMPLE],
    ).fetchall()
    return sorted(int(row[0]) for row in rows)


def _table(database: duckdb.DuckDBPyConnection, *, as_of: int, ids: list[int]) -> FeatureTable:
    return training.eligible(
        FeatureTable.from_arrow(features.compute(database, as_of=as_of, customer_ids=ids))
    )


def _watched() -> list[str]:
    """What models learn from and what has a window: what only ever grows would drift by itself."""
    return [
        name
        for name in features.MODEL_FEATURES
        if name.removesuffix("_cents").endswith(("_30d", "_90d"))
        and not any(part in name for part in NOT_WATCHED)
    ]
