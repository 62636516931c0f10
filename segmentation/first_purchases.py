"""What first orders promise: which segment each customer with one order will belong to, kept and shown.

Once a day of the shop's time. The model is fitted again every 28 days, judged on customers it has not learned from, and
serves only when it is better than saying the same to everybody.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa
from django.db import connection, transaction

from consent.enums import Purpose
from segmentation import (
    attempts,
    mirror,
    promotion,
    queries,
    scoring,
    sensitive,
    training,
    versions,
)
from segmentation.bulk import copy_columns
from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts
from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.first_purchase.behaviour import behaviour
from segmentation.ml.first_purchase.inputs import PLAIN
from segmentation.ml.first_purchase.judging import judge, losses
from segmentation.ml.first_purchase.model import FirstPurchaseModel, Settings
from segmentation.ml.first_purchase.orders import Lines
from segmentation.ml.tables import Bools, Floats, Ints
from segmentation.models import ModelVersion


logger = logging.getLogger(__name__)

TASK = Task.FIRST_PURCHASE
EVERY = timedelta(days=1)
REFIT = timedelta(days=28)
HORIZONS = (365, 180, 90)
"""Days after the first order that are predicted: the longest for which enough customers were watched."""
FEWEST = 400
MOST = 5_000
SEGMENTS = 6
"""Fewer than the published eleven: people read them."""
TEST_SHARE = 0.2

_LINES = """
    SELECT o.customer_id AS customer, CAST(o.order_id AS VARCHAR) AS order_id, o.placed_at,
        coalesce(l.quantity * l.unit_price_cents, o.total_cents) / 100.0 AS amount,
        CAST(coalesce(l.quantity, 1) AS DOUBLE) AS quantity,
        coalesce(l.unit_price_cents, o.total_cents) / 100.0 AS unit_price,
        concat_ws(' ', p.name, l.category) AS words, c.country
    FROM orders o
    JOIN customers c USING (customer_id)
    LEFT JOIN order_lines l ON l.order_id = o.order_id
    LEFT JOIN products p ON p.product_id = l.product_id
    WHERE o.placed_at < $now AND o.arrived_at < $now AND o.total_cents >= 0 AND o.customer_id IN (
        SELECT customer_id FROM asked)
    ORDER BY o.customer_id, o.placed_at, o.order_id"""


@dataclass(frozen=True, kw_only=True)
class Told:
    """Customers with one order for whom a prediction was kept, and the version it is from."""

    customers: int
    version: ModelVersion


def due(*, now: datetime) -> bool:
    """
    A day has passed since the last prediction or, where nothing could be learned, since the last attempt; or a
    version was put back.
    """
    generation = queries.current_generation(TASK)
    newest = ModelVersion.objects.filter(task=TASK).order_by("-number").first()
    last = [
        *([generation.as_of] if generation else []),
        *([newest.trained_at] if newest else []),
    ]
    if not last or now - max(last) >= EVERY:
        return True
    champion = queries.champion(TASK)
    return bool(champion and champion.decided_at and champion.decided_at > max(last))


def refresh_if_due(*, now: datetime) -> Told | None:
    """Fit when it is time, and predict; None when it is not due, nothing serves, or another process is at it."""
    if not due(now=now):
        return None
    return attempts.alone(TASK, lambda: _fit_and_predict(now=now), now=now)


def _fit_and_predict(*, now: datetime) -> Told | None:
    with mirror.connect() as database:
        if _to_fit(now=now) or _is_harmed():
            fit(database, now=now)
        return predict(database, now=now)


def fit(database: duckdb.DuckDBPyConnection, *, now: datetime) -> ModelVersion:
    """Learn from customers who were watched long enough; too few of them is a recorded refusal."""
    known_at = int(now.timestamp())
    for horizon in HORIZONS:
        customers = _watched(database, until=known_at - horizon * SECONDS_PER_DAY)
        if len(customers) >= FEWEST:
            break
    else:
        return attempts.refused(
            TASK,
            f"Too few to learn from: {len(customers)} customers ordered first {horizon} days ago or "
            f"earlier; {FEWEST} are needed.",
            now=now,
        )
    lines = _lines(database, customers, now=known_at)
    days = np.full(lines.customers, float(horizon))
    lines = lines.within(days)
    settings = Settings(segments=SEGMENTS, seed=training.SEED)
    test = np.random.default_rng(settings.seed).random(lines.customers) < TEST_SHARE
    serving = queries.champion(TASK)
    known = _read(serving) if serving else None
    try:
        judged, decision = _judge(lines, test, days, settings=settings)
        model = FirstPurchaseModel.fit(
            lines, days_ahead=days, settings=settings, before=known.segments if known else None
        )
    except ValueError as error:
        return attempts.refused(TASK, str(error), now=now)
    names = model.segments.names(serving.metrics.get("segments", ()) if serving and known else ())
    version = versions.record(
        task=TASK,
        status=ModelStatus.CHALLENGER,
        algorithm="later orders of those who began alike",
        reason=decision.reason,
        as_of=now,
        now=now,
        rows=lines.customers,
        positives=len(np.unique(lines.customer[~lines.first()])),  # who ordered again
        metrics={**judged, "horizon_days": horizon, "segments": list(names)},
        files=model.to_files(),
        provenance=artifacts.Provenance(
            task=TASK,
            estimator="first_purchase",
            features=PLAIN,
            data_from=int(lines.placed_at.min()),
            data_until=known_at,
            rows=lines.customers,
            seed=settings.seed,
            details={"horizon_days": horizon},
        ),
    )
    training.settle(version, decision, now=now)
    return version


def predict(database: duckdb.DuckDBPyConnection, *, now: datetime) -> Told | None:
    """
    Keep what the champion says of every customer whose only order is younger than its horizon.

    None without a champion, and where it cannot be read: what it said last stays.
    """
    version = queries.champion(TASK)
    if version is None:
        return None
    model = _read(version)
    if model is None:
        return None
    horizon, known_at = int(version.metrics["horizon_days"]), int(now.timestamp())
    customers = _with_one_order(database, since=known_at - horizon * SECONDS_PER_DAY, now=known_at)
    shares: Floats = np.empty((0, 0))
    spend: Floats = np.empty(0)
    first: Floats = np.empty(0)
    if len(customers):
        lines = _lines(database, customers, now=known_at)
        said = model.predict(lines, days_ahead=np.full(lines.customers, float(horizon)))
        shares, spend = said.shares, said.spend
        first = np.bincount(lines.customer, lines.amount).astype(np.float64)
    kept = _keep(version, customers, shares, spend, first, now=now)
    return Told(customers=kept, version=version)


def _read(version: ModelVersion) -> FirstPurchaseModel | None:
    try:
        return FirstPurchaseModel.from_files(versions.load(version).files)
    except (artifacts.ArtifactError, KeyError) as error:
        logger.warning("%s is fitted anew: %s", version, error)
        return None


def _is_harmed() -> bool:
    """There is a champion and it cannot be read."""
    version = queries.champion(TASK)
    return version is not None and _read(version) is None


@transaction.atomic
def _keep(
    version: ModelVersion,
    customers: Ints,
    shares: Floats,
    spend: Floats,
    first: Floats,
    *,
    now: datetime,
) -> int:
    """
    Keep the expected spend as the score, in cents, and the shares beside it; returns of how many customers.

    Of those only who are customers and agree to profiling now: the mirror was read a while ago.
    """
    names = [f"share_{number}" for number in range(shares.shape[1])]
    columns = "".join(f", {name} float8" for name in names)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.told")
        cursor.execute(
            f"CREATE TEMP TABLE told (customer_id bigint, cents bigint{columns}) ON COMMIT DROP"
        )
        copy_columns(
            "told",
            ["customer_id", "cents", *names],
            ["int8", "int8", *("float8" for _ in names)],
            [customers, np.round(100 * first).astype(np.int64), *np.round(shares, 4).T],
        )
        cursor.execute(_STILL_PROFILED, {"purpose": Purpose.PROFILING})
        still = np.fromiter((row[0] for row in cursor), np.int64)
        kept = np.isin(customers, still)
        generation = scoring.write_generation(
            version,
            customers[kept],
            np.round(100 * spend[kept]),
            np.full(int(kept.sum()), np.nan),
            as_of=now,
            now=now,
        )
        cursor.execute(
            "INSERT INTO segmentation_firstpurchase"
            " (generation_id, customer_id, first_order_cents, shares)"
            f" SELECT %s, customer_id, cents, jsonb_build_array({', '.join(names)}) FROM told"
            " JOIN segmentation_score s USING (customer_id) WHERE s.generation_id = %s",
            [generation.pk, generation.pk],
        )
        cursor.execute("DROP TABLE told")
    return int(kept.sum())


# held until the rows are written: nobody can be removed in between
_STILL_PROFILED = """
    SELECT c.id FROM told
    JOIN customers_customer c ON c.id = told.customer_id
    JOIN consent_consentstate s ON s.customer_id = c.id
    WHERE c.erased_at IS NULL AND c.merged_into_id IS NULL
      AND s.purpose = %(purpose)s AND s.is_granted
    ORDER BY c.id FOR KEY SHARE OF c"""


def _to_fit(*, now: datetime) -> bool:
    newest = ModelVersion.objects.filter(task=TASK).order_by("-number").first()
    if newest is None or newest.status == ModelStatus.REFUSED:
        return True
    return now - (queries.last_decided(TASK) or newest.trained_at) >= REFIT


def _judge(
    lines: Lines, test: Bools, days: Floats, *, settings: Settings
) -> tuple[dict[str, object], promotion.Decision]:
    """Held-out customers: better than giving everybody the shares of all?"""
    model = FirstPurchaseModel.fit(lines.of(~test), days_ahead=days[~test], settings=settings)
    unseen = lines.of(test)
    became = model.became(unseen)
    shares = model.predict(unseen, days_ahead=days[test]).shares
    same = np.tile(model.prior, (len(became), 1))
    orders: Ints = behaviour(unseen, model.segments.products).orders.astype(np.int64)
    decision = promotion.decide(
        challenger=losses(shares=shares, became=became),
        baseline=losses(shares=same, became=became),
        champion=None,
        incomparable="Its segments are others than those of the model before"
        if queries.champion(TASK)
        else "",
        metric="log loss",
        seed=settings.seed,
    )
    judged: dict[str, object] = judge(shares=shares, became=became, orders=orders).to_dict()
    return {**judged, "majority": float(model.prior.max())}, decision


def _watched(database: duckdb.DuckDBPyConnection, *, until: int) -> Ints:
    return _ids(
        database.execute(
            """SELECT customer_id FROM (SELECT customer_id, min(placed_at) AS first FROM orders
                JOIN customers USING (customer_id) GROUP BY 1)
            WHERE first < ? ORDER BY hash(customer_id), customer_id LIMIT ?""",
            [until, MOST],
        ).fetchall()
    )


def _with_one_order(database: duckdb.DuckDBPyConnection, *, since: int, now: int) -> Ints:
    return _ids(
        database.execute(
            """SELECT customer_id FROM orders JOIN customers USING (customer_id)
            WHERE placed_at < $now AND orders.arrived_at < $now AND total_cents >= 0
            GROUP BY 1 HAVING count(*) = 1 AND min(placed_at) >= $since""",
            {"since": since, "now": now},
        ).fetchall()
    )


def _ids(rows: Sequence[tuple[int]]) -> Ints:
    return np.sort(np.array([row[0] for row in rows], dtype=np.int64))


def _lines(database: duckdb.DuckDBPyConnection, customers: Ints, *, now: int) -> Lines:
    database.register("asked", pa.table({"customer_id": customers}))
    try:
        lines = _LINES
        if "country" in (
            name.lower() for name in sensitive.names()
        ):  # declared: nothing is learned from it
            lines = lines.replace("c.country", "'' AS country")
        return Lines.from_arrow(database.sql(lines, params={"now": now}).to_arrow_table())
    finally:
        database.unregister("asked")
