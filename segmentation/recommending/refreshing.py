"""Once a day of the shop's time, and oftener while it sells and a run is cheap: lists, what is closed, and expected demand."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
from django.db import connection, transaction

from customers.models import Order
from segmentation import attempts, mirror, queries
from segmentation.bulk import copy_columns
from segmentation.enums import ModelStatus
from segmentation.ml import artifacts
from segmentation.ml.recommend.engine import Engine, Recommended, Wishes
from segmentation.ml.recommend.histories import Histories
from segmentation.ml.recommend.judging import top
from segmentation.ml.recommend.purchases import Products, Purchases
from segmentation.ml.recommend.ranking import Offer
from segmentation.ml.tables import Bools, Floats, Ints
from segmentation.models import CategoryRule, ExpectedDemand, ModelVersion, RecommendationRun
from segmentation.recommending import learning, shop
from segmentation.recommending.learning import FEWEST_BUYERS, TASK
from segmentation.recommending.stored import PURPOSES
from segmentation.versions import moment


logger = logging.getLogger(__name__)

EVERY = timedelta(days=1)
SOONEST = timedelta(minutes=10)
SHARE = 100
"""After a sale a run may follow when so many times the time has passed that the last one took: a hundredth of a core."""
REFIT = timedelta(days=28)
CHUNK = 2_000
"""Customers at a time, at most."""
CELLS = 10_000_000
"""Scores in memory at a time, of which each recommender has its own: 80 MB."""
KEPT = 12
"""Two more than are shown: what is bought meanwhile is taken out."""
POPULAR = 24


@dataclass(frozen=True, kw_only=True)
class Done:
    customers: int
    version: ModelVersion


def due(*, now: datetime) -> bool:
    """
    A day has passed since the last run or, where nothing could be learned, since the last attempt; or less, if
    something was sold since and a run takes little; or a version was put back.
    """
    run = RecommendationRun.objects.filter(is_current=True).first()
    newest = ModelVersion.objects.filter(task=TASK).order_by("-number").first()
    last = [*([run.as_of] if run else []), *([newest.trained_at] if newest else [])]
    if not last or now - max(last) >= EVERY:
        return True
    if run is not None and now - max(last) >= _pause(run) and _has_sold(since=run.as_of):
        return True
    champion = queries.champion(TASK)
    return bool(champion and champion.decided_at and champion.decided_at > max(last))


def _pause(run: RecommendationRun) -> timedelta:
    took = run.details.get("seconds")
    return EVERY if took is None else min(EVERY, max(SOONEST, SHARE * timedelta(seconds=took)))


def _has_sold(*, since: datetime) -> bool:
    """By the end of the key's index: this is asked every half minute."""
    newest = Order.objects.order_by("-pk").values_list("arrived_at", flat=True).first()
    return newest is not None and newest >= since


def refresh_if_due(*, now: datetime) -> Done | None:
    """Learn when it is time, and compute; None when it is not due, nothing serves, or another process is at it."""
    if not due(now=now) or not (_to_learn(now=now) or queries.champion(TASK)):
        return None
    return attempts.alone(TASK, lambda: _learn_and_compute(now=now), now=now)


def _learn_and_compute(*, now: datetime) -> Done | None:
    with mirror.connect() as database:
        if _to_learn(now=now) or _is_harmed():
            learning.learn(database, now=now)
        return compute(database, now=now)


def compute(database: duckdb.DuckDBPyConnection, *, now: datetime) -> Done | None:
    """
    Keep a list of every customer who ever bought and agrees to profiling and to recommendations.

    None without a champion, and where it cannot be read: what was kept last stays.
    """
    version = queries.champion(TASK)
    served = _read(version) if version else None
    if version is None or served is None:
        return None
    known_at, begun = int(now.timestamp()), time.perf_counter()
    everybody = shop.buyers(database, now=known_at)
    asked = shop.buyers(database, now=known_at, asked=True)
    past = shop.purchases(database, shop.sample(everybody), shop.products(), now=known_at)
    past = past.keeping(past.bought_by(FEWEST_BUYERS))
    if not len(past):
        return None
    engine = Engine.fit(past, as_of=known_at, weights_of=served)
    del past
    wishes = _wishes(engine.products)
    run = RecommendationRun.objects.create(
        version=version, as_of=now, written_at=now, products=len(engine.products),
        clocks=_clocks(engine), popular=_popular(engine, wishes, now=known_at),
    )  # fmt: skip
    shown = np.zeros(len(engine.products), dtype=bool)
    closed = np.zeros(len(engine.products.categories) + 1, dtype=np.int64)  # the last: no category
    chunk = max(1, min(CHUNK, CELLS // max(1, len(engine.products))))
    for begin in range(0, len(asked), chunk):
        chosen = asked[begin : begin + chunk]
        theirs = shop.purchases(database, chosen, engine.products, now=known_at)
        said = engine.recommend(theirs, as_of=known_at, wishes=wishes)
        # a chunk at a time: nobody's erasure waits for a million lists. A run that is not current shows nothing
        with transaction.atomic():
            still = _still_agree(chosen)
            run.customers += _keep(run, chosen, said, engine.products, still)
        listed = said.product[still]
        shown[listed[listed >= 0]] = True
        closed += _closed(said, still, categories=len(closed))
    run.shown = int(shown.sum())
    # counted here once: pages must not count millions of rows
    of_category = dict(zip(engine.products.categories, closed.tolist(), strict=False))
    run.clocks = [one | {"closed_to": of_category[one["category"]]} for one in run.clocks]
    run.details = {"closed": int(closed.sum())}
    with transaction.atomic():
        _keep_demand(run, now=known_at)
        run.details |= {"seconds": round(time.perf_counter() - begun, 3)}
        RecommendationRun.objects.filter(is_current=True).update(is_current=False)
        run.is_current = True
        run.save()
        _drop_old(run)
    return Done(customers=run.customers, version=version)


def _wishes(products: Products) -> Wishes:
    """Nothing that is sold out or below its cost, nothing of a category that the shop leaves out."""
    rules = {rule.category: rule for rule in CategoryRule.objects.all()}
    out = {name for name, rule in rules.items() if not rule.is_recommended}
    stock = shop.stock(products)
    stock[[products.categories[number] in out for number in products.category]] = 0.0
    return Wishes(
        k=KEPT,
        rules={
            name: float(rule.days_closed)
            for name, rule in rules.items()
            if rule.days_closed is not None
        },
        offer=Offer(stock=stock, margin=shop.margins(products), least_margin=0.0),
    )


def _popular(engine: Engine, wishes: Wishes, *, now: int) -> list[int]:
    """For who has no list: by what sells alone, the same for all, learned from nobody in particular."""
    nobody = Purchases(
        customer=np.zeros(0, np.int64), product=np.zeros(0, np.int64), at=np.zeros(0, np.int64),
        quantity=np.zeros(0), customers=1, products=engine.products,
    )  # fmt: skip
    scores, _ = engine.hybrid.fresh_scores(Histories.of(nobody, as_of=now))
    scores[:, ~wishes.offer.available(engine.products)] = -np.inf
    best = top(scores, k=POPULAR)[0]
    return [int(engine.products.keys[number]) for number in best if number >= 0]


def _clocks(engine: Engine) -> list[dict[str, Any]]:
    """Of named categories: for how long one stays closed, and how often and when it is bought again."""
    clocks, products = engine.hybrid.clocks, engine.products
    cool = clocks.cool_down()
    return [
        {
            "category": name, "days_closed": int(cool[number]), "gaps": int(clocks.gaps[number]),
            "returns": int(clocks.returns[number]), "watched": int(clocks.seen[number]),
            "median": None if np.isnan(clocks.median[number]) else float(clocks.median[number]),
        }
        for number, name in enumerate(products.categories)
        if name
    ]  # fmt: skip


# held until the rows of the chunk are written: nobody can be removed in between
_STILL_AGREE = """
    SELECT c.id FROM customers_customer c
    WHERE c.id = ANY(%(ids)s) AND c.erased_at IS NULL AND c.merged_into_id IS NULL
      AND (SELECT count(DISTINCT s.purpose) FROM consent_consentstate s WHERE s.customer_id = c.id
           AND s.purpose = ANY(%(purposes)s::text[]) AND s.is_granted) = cardinality(%(purposes)s::text[])
    ORDER BY c.id FOR KEY SHARE OF c"""


def _still_agree(customers: Ints) -> Bools:
    """Who is a customer and agrees to all of PURPOSES now: the mirror was read a while ago."""
    with connection.cursor() as cursor:
        cursor.execute(_STILL_AGREE, {"ids": customers.tolist(), "purposes": list(PURPOSES)})
        still = np.fromiter((row[0] for row in cursor), np.int64)
    return np.isin(customers, still)


def _keep(
    run: RecommendationRun, customers: Ints, said: Recommended, products: Products, still: Bools
) -> int:
    """Write the lists of those `still` profiled and what is closed to them; returns how many lists."""
    keys = np.array([int(key) for key in products.keys], dtype=np.int64)
    why = said.reasons
    rows = [
        (run.pk, int(customers[row]), listed)
        for row in np.flatnonzero(still)
        if len(listed := np.flatnonzero(said.product[row] >= 0))
    ]
    place = np.searchsorted(customers, [customer for _, customer, _ in rows])
    with connection.cursor() as cursor:
        with cursor.copy(
            "COPY segmentation_recommendation"
            " (run_id, customer_id, products, scores, reasons, because, days) FROM STDIN"
        ) as copy:
            for (key, customer, listed), row in zip(rows, place, strict=True):
                because = why.product[row, listed]
                copy.write_row(
                    (
                        key, customer, keys[said.product[row, listed]].tolist(),
                        np.round(said.score[row, listed], 4).tolist(),
                        why.code[row, listed].tolist(),
                        np.where(because >= 0, keys[np.maximum(because, 0)], 0).tolist(),
                        why.days[row, listed].tolist(),
                    )
                )  # fmt: skip
        out = said.suppressed
        with cursor.copy(
            "COPY segmentation_suppressedcategory"
            " (run_id, customer_id, category, product_id, days, until, learned) FROM STDIN"
        ) as copy:
            for row in np.flatnonzero(still[out.customer]):
                category = int(out.category[row])
                copy.write_row(
                    (
                        run.pk, int(customers[out.customer[row]]),
                        products.categories[category] if category >= 0 else "",
                        int(keys[out.because[row]]), int(np.ceil(out.days[row])),
                        moment(int(out.until[row])), bool(out.learned[row]),
                    )
                )  # fmt: skip
    return len(rows)


def _closed(said: Recommended, still: Bools, *, categories: int) -> Ints:
    """To how many of the customers in `said` who `still` agree each category is closed, (categories,)."""
    out = said.suppressed
    kept = still[out.customer]
    pairs = np.unique(np.column_stack((out.customer[kept], out.category[kept])), axis=0)
    # products without a category are -1: the last place
    return np.bincount(pairs[:, 1] % categories, minlength=categories).astype(np.int64)


def _keep_demand(run: RecommendationRun, *, now: int) -> None:
    keys, sold, demand = shop.expected_demand(now=now)
    columns: list[Floats | Ints] = [np.full(len(keys), run.pk, dtype=np.int64), keys]
    columns += [np.round(values, 2) for values in (sold, demand.expected, demand.low, demand.high)]
    run.details |= {"half_life_weeks": demand.half_life, "covered": demand.covered}
    copy_columns(
        ExpectedDemand._meta.db_table,
        ["run_id", "product_id", "sold", "expected", "low", "high"],
        ["int8", "int8", "float8", "float8", "float8", "float8"],
        columns,
    )


def _drop_old(run: RecommendationRun) -> None:
    """Only the current run is kept, and nothing of one that was cut off; the model and its metrics stay."""
    with connection.cursor() as cursor:
        for table in ("recommendation", "suppressedcategory"):
            cursor.execute(f"DELETE FROM segmentation_{table} WHERE run_id <> %s", [run.pk])
    RecommendationRun.objects.exclude(pk=run.pk).delete()


def _to_learn(*, now: datetime) -> bool:
    newest = ModelVersion.objects.filter(task=TASK).order_by("-number").first()
    if newest is None or newest.status == ModelStatus.REFUSED:
        return True
    return now - (queries.last_decided(TASK) or newest.trained_at) >= REFIT


def _read(version: ModelVersion) -> Engine | None:
    try:
        return learning.read(version)
    except artifacts.ArtifactError as error:
        logger.warning("%s is learned anew: %s", version, error)
        return None


def _is_harmed() -> bool:
    """There is a champion and it cannot be read."""
    version = queries.champion(TASK)
    return version is not None and _read(version) is None
