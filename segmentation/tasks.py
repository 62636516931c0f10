"""Celery's way in: fetch, one domain call, log."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from celery.signals import task_success

from core import bell, clock
from customers.queries import known_until
from customers.tasks import read_inbound
from segmentation import dynamic, first_purchases, refreshing, reviews, sentiment_training
from segmentation.recommending import refreshing as recommending


logger = logging.getLogger(__name__)


# as long as training may take: a shop of a million must not be cut off at every tick; a lock keeps others out
@shared_task(soft_time_limit=3600, time_limit=3900)
def refresh_due(**kwargs: Any) -> None:
    """Recompute scores and segments once a day of the shop's time, or when a new champion serves."""
    # as of the moment up to which the shop's data is complete, lest a gap in it looks like a silence
    done = refreshing.refresh_if_due(now=known_until(now=clock.now()))
    if done is not None:
        logger.info(
            "refreshed %d customers, %d reviews, scores %s",
            done.customers,
            done.reviews,
            done.scores,
        )


@shared_task(soft_time_limit=3600, time_limit=3900)
def refresh_dirty(**kwargs: Any) -> None:
    """Recompute the customers of whom something changed since the last time."""
    done = refreshing.refresh_dirty(now=known_until(now=clock.now()))
    if done is not None:
        logger.info("refreshed %d changed customers, scores %s", done.customers, done.scores)


@task_success.connect(sender=read_inbound)
def follow_what_was_read(result: int = 0, **kwargs: Any) -> None:
    """Customers of whom something was just read need not wait for the next tick."""
    if result:
        bell.ring(refresh_dirty.name)


@shared_task(soft_time_limit=3600, time_limit=3900)
def compute_rules_due(**kwargs: Any) -> None:
    """Compute the rule segments whose rule was changed, and those built on them."""
    done = dynamic.compute_due(now=known_until(now=clock.now()))
    if done:
        logger.info("computed segments %s", done)


@shared_task(soft_time_limit=3600, time_limit=3900)
def first_purchases_due(**kwargs: Any) -> None:
    """Tell once a day, of customers with one order, which segment they will belong to; learn it every 28 days."""
    done = first_purchases.refresh_if_due(now=known_until(now=clock.now()))
    if done is not None:
        logger.info("%s predicts for %d first orders", done.version, done.customers)


@shared_task(soft_time_limit=3600, time_limit=3900)
def recommend_due(**kwargs: Any) -> None:
    """Compute once a day, or oftener while it is cheap, what each customer is recommended and what is not; learn how every 28 days."""
    done = recommending.refresh_if_due(now=known_until(now=clock.now()))
    if done is not None:
        logger.info("%s recommends to %d customers", done.version, done.customers)


@shared_task(soft_time_limit=3600, time_limit=3900)
def sentiment_due(**kwargs: Any) -> None:
    """Learn sentiment from the shop's stars when it is time, and read anew what another model has read."""
    now = known_until(now=clock.now())
    version = sentiment_training.train_if_due(now=now)
    if version is not None:
        logger.info("%s: %s", version, version.reason)
    again = reviews.score_again(now=now)
    if again:
        logger.info("read %d reviews again", again)
