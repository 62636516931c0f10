"""The shop's own model of sentiment: learned from the stars of its reviews once there are enough of them.

Judged on the newest fifth of the rated reviews, which neither it nor the shop's model before it has learned
from, against the model that serves: the shop's, else the shipped one. What cannot be judged does not serve. Only reviews of customers who agreed to profiling teach anything, and those of nobody known; what may tell of health or the like teaches nothing, whatever they agreed to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection

from consent.enums import Purpose
from customers.special import finding
from segmentation import attempts, promotion, queries, reviews, training, versions
from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts
from segmentation.ml.sentiment import learning
from segmentation.ml.sentiment.judging import judge
from segmentation.ml.sentiment.model import SentimentModel
from segmentation.ml.tables import Bools, Floats, Ints
from segmentation.models import ModelVersion


TASK = Task.SENTIMENT
AGAIN = timedelta(days=28)
GROWN = 1.1
MOST = 30_000
"""The newest so many are learned from: what more would add is less than what they cost."""
TEST_SHARE = 0.2
FEWEST_JUDGES = 50

_TAUGHT = """
    FROM customers_review r
    WHERE r.rating IS NOT NULL AND r.text <> '' AND r.written_at < %(now)s
        AND NOT EXISTS (SELECT FROM segmentation_reviewsentiment s WHERE s.review_id = r.id AND s.withheld)
        AND"""
_AGREED = """ (r.customer_id IS NULL OR EXISTS (
        SELECT FROM consent_consentstate c
        WHERE c.customer_id = r.customer_id AND c.purpose = %(purpose)s AND c.is_granted))"""


@dataclass(frozen=True, kw_only=True)
class _Rated:
    """Texts, stars (n,), languages and when they were written, in epoch seconds (n,), the oldest first."""

    texts: list[str]
    stars: Ints
    languages: list[str | None]
    written_at: Ints

    def of(self, rows: Bools) -> _Rated:
        chosen = np.flatnonzero(rows).tolist()
        return _Rated(
            texts=[self.texts[i] for i in chosen],
            stars=self.stars[rows],
            languages=[self.languages[i] for i in chosen],
            written_at=self.written_at[rows],
        )


def due(*, now: datetime) -> bool:
    """There are enough stars and nothing was learned yet, or four weeks and a tenth more of them are gone by."""
    newest = ModelVersion.objects.filter(task=TASK).order_by("-number").first()
    if newest is not None and now - (queries.last_decided(TASK) or newest.trained_at) < AGAIN:
        return False
    least = learning.LEAST if newest is None else int(GROWN * newest.rows)
    return _count(now=now, at_most=min(least, MOST)) >= min(least, MOST)


def train_if_due(*, now: datetime) -> ModelVersion | None:
    """Train when due; None when it is not, or when another process is at it."""
    if not due(now=now):
        return None
    return attempts.alone(TASK, lambda: train(now=now), now=now)


def train(*, now: datetime) -> ModelVersion:
    """Learn, judge and record; what cannot be learned is a recorded refusal."""
    rated, excluded = _read(now=now)
    newest = np.arange(len(rated.texts)) >= (1 - TEST_SHARE) * len(rated.texts)
    champion = queries.champion(TASK)
    if champion is not None and champion.window_ends_at is not None:
        # what the champion has learned from says nothing about it
        newest &= rated.written_at >= int(champion.window_ends_at.timestamp())
    is_stale = champion is not None and training.is_stale(champion, now=now)
    judged: dict[str, Any] = {}
    decision, reason = None, ""
    taught = _learn(rated)
    if taught.rows:
        old = _learn(rated.of(~newest), share=1 - TEST_SHARE)
        taught = _judged_alone(taught, old)
    if taught.rows:
        judged, decision = _judge(old.model, rated.of(~newest), rated.of(newest), is_stale=is_stale)
    else:
        reason = "; ".join(f"{its}: {why}" for its, why in taught.skipped.items())
        reason = f"Nothing could be learned: {reason or 'no text in a language that can be told'}."
    rows = sum(taught.rows.values())
    version = versions.record(
        task=TASK,
        status=ModelStatus.CHALLENGER if decision else ModelStatus.REFUSED,
        algorithm="lexicons and n-grams" if decision else "",
        reason=decision.reason if decision else reason,
        as_of=now,
        now=now,
        rows=len(rated.texts),
        positives=int((rated.stars >= 4).sum()),
        metrics={**judged, "languages": taught.rows, "skipped": taught.skipped},
        files=taught.model.to_files() if decision else None,
        provenance=artifacts.Provenance(
            task=TASK,
            estimator="sentiment",
            features=("text",),
            data_from=int(rated.written_at.min()),
            data_until=int(rated.written_at.max()) + 1,
            rows=rows,
            seed=training.SEED,
            details={
                "excluded_without_consent": excluded,
                "aspects": sorted(set(taught.model.learned.values())),
            },
        )
        if decision
        else None,
    )
    if decision:
        training.settle(version, decision, now=now)
    return version


def _judged_alone(taught: learning.Learned, old: learning.Learned) -> learning.Learned:
    """Without the languages of which the older texts alone are too few: nobody would know how good it is at them."""
    why = "the older four fifths of its texts are too few to judge by the newest"
    kept = {its: stack for its, stack in taught.model.own.items() if its in old.rows}
    return learning.Learned(
        model=replace(taught.model, own=kept),
        rows={its: rows for its, rows in taught.rows.items() if its in kept},
        skipped=taught.skipped | {its: why for its in taught.rows if its not in kept},
    )


def _judge(
    challenger: SentimentModel, old: _Rated, new: _Rated, *, is_stale: bool
) -> tuple[dict[str, Any], promotion.Decision]:
    """
    What the newest stars say of what was learned from the older texts alone.

    A language that one of the two models does not read is given the usual shares there.
    """
    number, serving = reviews.serving()
    classes = learning.classes_of(new.stars)
    said, others = _shares(challenger, new), _shares(serving, new)
    scored = ~(np.isnan(said[:, 0]) & np.isnan(others[:, 0]))
    if scored.sum() < FEWEST_JUDGES:
        stays = "the shipped model" if number == reviews.SHIPPED else "the champion"
        return {}, promotion.Decision(
            promote=False,
            reason=f"{int(scored.sum())} new texts to judge it by; {FEWEST_JUDGES} are needed. "
            f"{stays.capitalize()} goes on.",
        )
    usual = np.bincount(learning.classes_of(old.stars), minlength=3) + 1.0
    usual = usual / usual.sum()
    classes = classes[scored]
    said, others = (np.where(np.isnan(its), usual, its) for its in (said[scored], others[scored]))
    decision = promotion.decide(
        challenger=_losses(said, classes),
        baseline=_losses(np.tile(usual, (len(classes), 1)), classes),
        champion=_losses(others, classes),
        metric="log loss",
        champion_stale=is_stale,
        seed=training.SEED,
    )
    if number == reviews.SHIPPED:
        words = decision.reason.replace("the champion", "the shipped model")
        decision = replace(decision, reason=words)
    measures = judge(shares=said, classes=classes, seed=training.SEED)
    before = judge(shares=others, classes=classes, seed=training.SEED)
    return {
        "model": _flat(measures),
        "baseline": _flat(before),
        "newest_fifth": measures,
        "served_before": before,
    }, decision


def _flat(judged: dict[str, Any]) -> dict[str, float]:
    """The measures by the names that the page of models has a line for."""
    three, two = judged.get("three_classes", {}), judged.get("good_against_bad", {})
    named = {
        "accuracy": three.get("accuracy", two.get("accuracy")),
        "macro_f1": three.get("macro_f1"),
        "macro_f1_good_bad": two.get("macro_f1"),
        "auc": two.get("auc"),
    }
    return {name: value for name, value in named.items() if value is not None}


def _learn(rated: _Rated, *, share: float = 1.0) -> learning.Learned:
    return learning.learn(
        rated.texts,
        rated.stars.tolist(),
        languages=rated.languages,
        share=share,
        seed=training.SEED,
    )


def _shares(model: SentimentModel, rated: _Rated) -> Floats:
    read = model.read(rated.texts, languages=rated.languages, with_aspects=False)
    shares: Floats = np.array(
        [[one.negative, one.neutral, one.positive] for one in read], dtype=np.float64
    ).reshape(-1, 3)
    return shares


def _losses(shares: Floats, classes: Ints) -> Floats:
    losses: Floats = -np.log(np.clip(shares[np.arange(len(classes)), classes], 1e-6, 1.0))
    return losses


def _count(*, now: datetime, at_most: int) -> int:
    """Counted no further than `at_most`: this is asked every half minute."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT {_TAUGHT}{_AGREED} LIMIT %(at_most)s) AS counted",
            {"purpose": Purpose.PROFILING, "now": now, "at_most": at_most},
        )
        return int(cursor.fetchone()[0])


def _read(*, now: datetime) -> tuple[_Rated, int]:
    """The newest rated texts that may teach, and how many may not."""
    asked: dict[str, Any] = {"purpose": Purpose.PROFILING, "now": now, "most": MOST}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT concat_ws('. ', nullif(r.title, ''), r.text), r.rating, r.language, r.written_at"
            f"{_TAUGHT}{_AGREED} ORDER BY r.written_at DESC, r.id DESC LIMIT %(most)s",
            asked,
        )
        # searched here as well: what came a moment ago is not marked yet
        rows = [row for row in cursor.fetchall()[::-1] if not finding.is_special(row[0])]
        cursor.execute(
            f"SELECT count(*) {_TAUGHT} NOT {_AGREED}",
            asked,
        )
        excluded = int(cursor.fetchone()[0])
    return _Rated(
        texts=[row[0] for row in rows],
        stars=np.array([row[1] for row in rows], dtype=np.int64),
        languages=[row[2] or None for row in rows],
        written_at=np.array([int(row[3].timestamp()) for row in rows], dtype=np.int64),
    ), excluded


def enough(*, now: datetime) -> tuple[int, int]:
    """How many rated texts a model of the shop's own needs, and how many there are (counted no further)."""
    return learning.LEAST, _count(now=now, at_most=learning.LEAST)
