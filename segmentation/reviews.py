"""What reviews say: product reviews, mentions of the brand, and what customer service was told, all alike."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction

from customers.special import finding
from segmentation import queries, versions
from segmentation.bulk import as_array, copy_columns
from segmentation.enums import Task
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.sentiment import model
from segmentation.ml.sentiment.model import Sentiment, SentimentModel


logger = logging.getLogger(__name__)

SHIPPED = 0
"""The number of the model that comes with the program."""

_TEXT = (
    "SELECT r.id, concat_ws('. ', nullif(r.title, ''), r.text), r.language FROM customers_review r"
)
_NEW = (
    _TEXT
    + """
    LEFT JOIN segmentation_reviewsentiment s ON s.review_id = r.id
    WHERE s.id IS NULL AND (%(whose)s::bigint[] IS NULL OR r.customer_id = ANY(%(whose)s::bigint[]))
    ORDER BY r.id LIMIT %(at_most)s"""
)
# ranges of two indexes: what was read by another model than the one that serves, or searched by other word lists
_OUTDATED = """
    DELETE FROM segmentation_reviewsentiment WHERE id IN (
        (SELECT id FROM segmentation_reviewsentiment WHERE model_number < %(serving)s
         ORDER BY model_number LIMIT %(at_most)s)
        UNION ALL
        (SELECT id FROM segmentation_reviewsentiment WHERE model_number > %(serving)s
         ORDER BY model_number LIMIT %(at_most)s)
        UNION ALL
        (SELECT id FROM segmentation_reviewsentiment WHERE lexicon < %(lexicon)s
         ORDER BY lexicon LIMIT %(at_most)s)
        UNION ALL
        (SELECT id FROM segmentation_reviewsentiment WHERE lexicon > %(lexicon)s
         ORDER BY lexicon LIMIT %(at_most)s)
        LIMIT %(at_most)s)
    RETURNING review_id"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('review sentiment'))"

_kept: dict[str, SentimentModel] = {}


def serving() -> tuple[int, SentimentModel]:
    """The number of the model that reads reviews now, and the model; the shipped one where the shop's cannot be read."""
    champion = queries.champion(Task.SENTIMENT)
    if champion is None:
        return SHIPPED, model.shipped()
    if champion.artefact not in _kept:
        try:
            read = SentimentModel.from_files(versions.load(champion).files)
        except ArtifactError as error:
            # the message says what to do; the reviews read by it keep what they were given
            logger.error("%s cannot read reviews: %s", champion, error)  # noqa: TRY400
            return champion.number, model.shipped()
        _kept.clear()
        _kept[champion.artefact] = read
    return champion.number, _kept[champion.artefact]


def score_new(
    *, now: datetime, at_most: int = 20_000, customer_ids: list[int] | None = None
) -> int:
    """Score up to `at_most` reviews (of these customers) that have no sentiment yet; returns how many were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        whose = None if customer_ids is None else as_array(np.asarray(customer_ids, dtype=np.int64))
        cursor.execute(_NEW, {"whose": whose, "at_most": at_most})
        return _score(cursor.fetchall(), now=now)


def score_again(*, now: datetime, at_most: int = 20_000) -> int:
    """Score up to `at_most` reviews that another model than the serving one has read, or that other word lists than
    today's were used for; returns how many were.
    """
    number, _ = serving()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        cursor.execute(
            _OUTDATED, {"serving": number, "lexicon": finding.VERSION, "at_most": at_most}
        )
        outdated = [row[0] for row in cursor.fetchall()]
        if not outdated:
            return 0
        cursor.execute(
            "DELETE FROM segmentation_reviewaspect WHERE review_id = ANY(%s)", [outdated]
        )
        cursor.execute(_TEXT + " WHERE r.id = ANY(%s) ORDER BY r.id", [outdated])
        return _score(cursor.fetchall(), now=now)


def _score(rows: list[tuple[int, str, str]], *, now: datetime) -> int:
    if not rows:
        return 0
    number, reader = serving()
    scored = reader.read(
        [text for _, text, _ in rows], languages=[language or None for *_, language in rows]
    )
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    withheld = [finding.is_special(text) for _, text, _ in rows]
    copy_columns(
        "segmentation_reviewsentiment",
        [
            "review_id", "label", "polarity", "subjectivity", "negative", "neutral", "positive",
            "language", "model_number", "reason", "scored_at", "withheld", "lexicon",
        ],
        ["int8", "varchar", *["float8"] * 5, "varchar", "int4", "varchar", "timestamptz", "bool", "int2"],
        [
            ids,
            np.array([one.label.value for one in scored]),
            *(
                np.array([getattr(one, name) for one in scored], dtype=np.float64)
                for name in ("polarity", "subjectivity", "negative", "neutral", "positive")
            ),
            np.array([one.language for one in scored]),
            np.full(len(scored), number),
            np.array([one.reason[:100] for one in scored]),
            np.array([now] * len(scored), dtype=object),
            np.array(withheld),
            np.full(len(scored), finding.VERSION),
        ],
    )  # fmt: skip
    shown = [at for at, is_special in enumerate(withheld) if not is_special]
    _write_aspects(ids[shown].tolist(), [scored[at] for at in shown])
    return len(rows)


def _write_aspects(ids: list[int], scored: list[Sentiment]) -> None:
    rows: list[tuple[Any, ...]] = [
        (review_id, one.name[:40], one.polarity, one.begin, one.end)
        for review_id, its in zip(ids, scored, strict=True)
        for one in its.aspects
    ]
    if rows:
        reviews, names, polarities, begins, ends = zip(*rows, strict=True)
        copy_columns(
            "segmentation_reviewaspect",
            ["review_id", "aspect", "polarity", "begins", "ends"],
            ["int8", "varchar", "float8", "int4", "int4"],
            [np.array(reviews), np.array(names), np.array(polarities), np.array(begins), np.array(ends)],
        )  # fmt: skip
