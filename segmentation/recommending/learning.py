"""Learn the mixture, judge it on the newest four weeks beside simple ways, and let it serve when it is better."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np

from segmentation import attempts, promotion, queries, training, versions
from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts
from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.recommend.clocks import WINDOW
from segmentation.ml.recommend.engine import Engine, Wishes
from segmentation.ml.recommend.histories import Histories
from segmentation.ml.recommend.hybrid import PARTS
from segmentation.ml.recommend.judging import judge, ndcg, top
from segmentation.ml.recommend.protocol import recommender
from segmentation.ml.recommend.purchases import Purchases
from segmentation.ml.tables import Floats, Ints
from segmentation.models import ModelVersion
from segmentation.recommending import shop


logger = logging.getLogger(__name__)

TASK = Task.RECOMMEND
K = 10
FEWEST_JUDGES = 50
MOST_JUDGES = 2_000
FEWEST_BUYERS = 3
BASELINES = ("popular_month", "item_bm25", "repeats")


def learn(database: duckdb.DuckDBPyConnection, *, now: datetime) -> ModelVersion:
    """
    Record a version; too little to learn or to judge is a recorded refusal.

    The weights are learned before the four weeks they are judged by, and these weights serve; how products go
    together is learned anew at each run.
    """
    known_at = int(now.timestamp())
    everybody = shop.buyers(database, now=known_at)
    past = shop.purchases(database, shop.sample(everybody), shop.products(), now=known_at)
    past = past.keeping(past.bought_by(FEWEST_BUYERS))
    test_at = known_at - WINDOW * SECONDS_PER_DAY
    before = past.before(test_at)
    judges = np.intersect1d(
        np.unique(before.customer), np.unique(past.customer[past.at >= test_at])
    )
    if len(judges) < FEWEST_JUDGES:
        return attempts.refused(
            TASK,
            f"Too little to learn from: {len(judges)} customers of earlier ordered again in the last "
            f"{WINDOW} days; {FEWEST_JUDGES} are needed. What is popular is recommended until then.",
            now=now,
        )
    judges = np.sort(np.random.default_rng(training.SEED).permutation(judges)[:MOST_JUDGES])
    engine = Engine.fit(before, as_of=test_at, seed=training.SEED)
    champion = queries.champion(TASK)
    served = _served(champion)
    metrics, losses = _judged(engine, past, judges, test_at=test_at, served=served)
    best = min(BASELINES, key=lambda name: float(losses[name].mean()))
    decision = promotion.decide(
        challenger=losses["ours"], baseline=losses[best], champion=losses.get("served"),
        champion_stale=champion is not None
        and (now - champion.trained_at >= timedelta(days=WINDOW) or training.is_stale(champion, now=now)),
        schema_changed=champion is not None and served is None,
        metric="1 − NDCG@10", seed=training.SEED,
    )  # fmt: skip
    version = versions.record(
        task=TASK,
        status=ModelStatus.CHALLENGER,
        algorithm="learned mixture of recommenders",
        reason=decision.reason,
        as_of=now,
        now=now,
        rows=len(past),
        positives=len(judges),
        metrics={**metrics, "baseline_name": best, "baseline": metrics["ways"][best]},
        files=engine.to_files(),
        provenance=artifacts.Provenance(
            task=TASK,
            estimator="recommend",
            features=PARTS,
            data_from=int(past.at.min()),
            data_until=known_at,
            rows=len(past),
            seed=training.SEED,
            details={"profiled_customers": len(everybody), "products": len(past.products)},
        ),
    )
    training.settle(version, decision, now=now)
    return version


def read(version: ModelVersion) -> Engine:
    """Raises artifacts.ArtifactError."""
    return Engine.from_files(versions.load(version).files)


def _served(champion: ModelVersion | None) -> Engine | None:
    """What serves, to be judged beside the new one: its weights are older than the weeks that are judged by."""
    try:
        return read(champion) if champion else None
    except artifacts.ArtifactError as error:
        logger.warning("%s is not judged: %s", champion, error)
        return None


def _judged(
    engine: Engine, past: Purchases, judges: Ints, *, test_at: int, served: Engine | None
) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Metrics of each way, and one minus the NDCG of each judge."""
    before = past.before(test_at)
    after = past.where(past.at >= test_at).of_customers(judges)
    asked = before.of_customers(judges)
    histories = Histories.of(asked, as_of=test_at)
    bought = Histories.of(after, as_of=int(past.at.max()) + 1)
    truth = [bought.product[bought.indptr[n] : bought.indptr[n + 1]] for n in range(len(judges))]
    lists = {"ours": engine.recommend(asked, as_of=test_at, wishes=Wishes(k=K)).product}
    if served is not None:
        before_it = Engine.fit(before, as_of=test_at, seed=training.SEED, weights_of=served)
        lists["served"] = before_it.recommend(asked, as_of=test_at, wishes=Wishes(k=K)).product
    for name in BASELINES:
        fitted = recommender(name).fit(before, as_of=test_at)
        lists[name] = top(np.array(fitted.scores(histories)), k=K)
    ways = {}
    for name, ranked in lists.items():
        said = judge(ranked, truth, products=len(past.products)).to_dict()
        said.pop("customers")
        ways[name] = {key: round(value, 4) for key, value in said.items()}
    return (
        {"model": ways["ours"], "ways": ways, "judges": len(judges), "test_at": test_at,
         "learned_from": engine.hybrid.learned_from},
        {name: 1 - ndcg(ranked, truth) for name, ranked in lists.items()},
    )  # fmt: skip


__all__ = ["TASK", "learn", "read"]
