"""What reviews say: product reviews, mentions of the brand, and what customer service was told, all alike."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from django.db import connection, transaction

from customers.special import finding
from segmentation import queries, versions
from segmentation.bulk import as_array, copy_columns
from segmentation.enums import Task
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.sentiment import model
from segmentation.ml.sentiment.model import Sentiment, SentimentModel
from segmentation.ml.tables import Ints


logger = logging.getLogger(__name__)

SHIPPED = 0
"""The number of the model that comes with the program."""

_WORDS = "concat_ws('. ', nullif(r.title, ''), r.text)"
_PRINT = f"hashtextextended(r.language || ' ' || {_WORDS}, 0)"
_TEXT = f"SELECT r.id, {_WORDS}, r.language, {_PRINT} FROM customers_review r"
# A change that is not committed yet is not waited for: it may be waiting for us.
_HELD = f"""
    SELECT r.id, {_PRINT} FROM customers_review r WHERE r.id = ANY(%s::bigint[])
    FOR SHARE SKIP LOCKED"""
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


class _Review(NamedTuple):
    """A review as it was read; `print` tells its words from others."""

    id: int
    text: str
    language: str
    print: int


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
    """
    Score up to `at_most` reviews (of these customers) that have no sentiment yet; returns how many were.

    One whose words change meanwhile is left for the next time.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        whose = None if customer_ids is None else as_array(np.asarray(customer_ids, dtype=np.int64))
        cursor.execute(_NEW, {"whose": whose, "at_most": at_most})
        return _score([_Review(*row) for row in cursor.fetchall()], now=now)


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
        return _score([_Review(*row) for row in cursor.fetchall()], now=now)


def _score(rows: list[_Review], *, now: datetime) -> int:
    if not rows:
        return 0
    number, reader = serving()
    read = reader.read([row.text for row in rows], languages=[row.language or None for row in rows])
    withheld = [finding.is_special(row.text) for row in rows]
    same = _unchanged(rows)
    _write(
        np.array([rows[at].id for at in same], dtype=np.int64), [read[at] for at in same],
        withheld=[withheld[at] for at in same], number=number, now=now,
    )  # fmt: skip
    return len(same)


def _unchanged(rows: list[_Review]) -> list[int]:
    """
    The places of those whose words are still the ones that were read, until the transaction ends.

    Whoever changes them from now on waits for us, and then has what we write deleted (see rereading).
    """
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [as_array(np.array([row.id for row in rows], dtype=np.int64))])
        held = dict(cursor.fetchall())
    return [at for at, row in enumerate(rows) if held.get(row.id) == row.print]


def _write(
    ids: Ints, scored: list[Sentiment], *, withheld: list[bool], number: int, now: datetime
) -> None:
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
