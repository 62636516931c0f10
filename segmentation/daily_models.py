"""What is learned with the daily scores, learned now because somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from segmentation import clustering, first_purchases, mirror, queries, sentiment_training, training
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion
from segmentation.recommending import learning
from segmentation.recommending import refreshing as recommending


def train(task: Task, *, now: datetime) -> training.Result:
    """
    Learn `task` (one of TRAIN) as of `now`, whether or not it is due, and compute with what serves then.

    Too little to learn from is a recorded refusal. Raises training.AlreadyTrainingError.
    """
    previous = queries.champion(task)
    version = TRAIN[task](now=now)
    version.refresh_from_db()
    return training.Result(
        version=version,
        previous=previous,
        promoted=version.status == ModelStatus.CHAMPION,
        reason=version.reason,
        evidence={},
    )


def _first_purchases(*, now: datetime) -> ModelVersion:
    with mirror.connect() as database:
        version = first_purchases.fit(database, now=now)
        first_purchases.predict(database, now=now)
    return version


def _recommendations(*, now: datetime) -> ModelVersion:
    with mirror.connect() as database:
        version = learning.learn(database, now=now)
        recommending.compute(database, now=now)
    return version


TRAIN: dict[Task, Callable[..., ModelVersion]] = {
    Task.CLUSTERS: clustering.train,
    Task.FIRST_PURCHASE: _first_purchases,
    Task.RECOMMEND: _recommendations,
    Task.SENTIMENT: sentiment_training.train,
}
"""Sentiment: what was read before is read again by the next tick of `sentiment_due`, seconds later."""
