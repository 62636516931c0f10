"""What customers say of the brand or a product: over time, of what, where words and stars part, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from customers.enums import ReviewKind
from customers.special import finding
from feedback.lift import wilson
from segmentation import queries
from segmentation.enums import Task
from segmentation.ml.sentiment import change
from segmentation.ml.sentiment.aspects import NEUTRAL_BAND
from segmentation.ml.sentiment.change import Change


MONTHS = 12
NEWEST = 8
PRODUCTS = 12
FEWEST = 5
"""Reviews of a product before it is listed."""

_OF = """
    FROM customers_review r JOIN segmentation_reviewsentiment s ON s.review_id = r.id
    WHERE r.written_at >= %(since)s AND r.written_at < %(now)s
      AND (%(product)s::bigint IS NULL OR r.product_id = %(product)s)
      AND (%(kind)s = '' OR r.kind = %(kind)s)"""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Of which reviews: up to `now`, since a year ago, of one product or kind or of all."""

    now: datetime
    product: int | None = None
    kind: str = ""

    def parameters(self, *, days: float = 30.4375 * MONTHS) -> dict[str, Any]:
        return {
            "since": self.now - timedelta(days=days), "now": self.now,
            "product": self.product, "kind": self.kind,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many of how many, and the bounds of the share (Wilson, 95 %)."""

    count: int
    of: int

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        return wilson(converted=self.count, customers=self.of)


@dataclass(frozen=True, kw_only=True)
class Month:
    begins_at: datetime
    positive: Share
    negative: Share


@dataclass(frozen=True, kw_only=True)
class AspectRow:
    """name; how often it is spoken of, how well on the average, and how often badly now and before."""

    name: str
    mentions: int
    polarity: float
    negative: Share
    recent: Share
    change: Change | None


@dataclass(frozen=True, kw_only=True)
class StarRow:
    """What the words say of the reviews with so many stars."""

    stars: int
    reviews: int
    positive: float
    neutral: float
    negative: float


@dataclass(frozen=True, kw_only=True)
class ProductRow:
    id: int
    name: str
    negative: Share
    stars: float | None


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A review in short; `aspects` are those it speaks badly of."""

    review_id: int
    sentiment_id: int
    written_at: datetime
    rating: int | None
    kind: str
    product: str
    product_id: int | None
    text: str
    polarity: float
    aspects: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """Everything on the page."""

    reviews: int
    unscored: int
    positive: Share
    negative: Share
    months: list[Month]
    aspects: list[AspectRow]
    stars: list[StarRow]
    kinder_words: int
    harsher_words: int
    rated: int
    stars_since: datetime | None
    products: list[ProductRow]
    newest: list[Quote]
    change: Change | None


def said(asked: Asked) -> Said:
    """What was said in the last twelve months."""
    total, unscored, positive, negative = _rows(
        f"""SELECT count(*), count(*) FILTER (WHERE s.label = 'NOT_SCORED'),
            count(*) FILTER (WHERE s.label = 'POSITIVE'), count(*) FILTER (WHERE s.label = 'NEGATIVE') {_OF}""",
        asked.parameters(),
    )[0]
    stars, kinder, harsher, rated = _stars(asked)
    return Said(
        reviews=total,
        unscored=unscored,
        positive=Share(count=positive, of=total - unscored),
        negative=Share(count=negative, of=total - unscored),
        months=_months(asked),
        aspects=_aspects(asked),
        stars=stars,
        kinder_words=kinder,
        harsher_words=harsher,
        rated=rated,
        stars_since=_unseen_since(),
        products=[] if asked.product else _products(asked),
        newest=_newest(asked),
        change=abrupt_change(asked),
    )


def abrupt_change(asked: Asked) -> Change | None:
    """Whether the newest weeks are worse than the half year before, beyond chance and the shop's own unrest."""
    rows = _rows(
        f"""SELECT {_WEEK}, count(*) FILTER (WHERE s.label = 'NEGATIVE'), count(*)
            {_OF} AND s.label <> 'NOT_SCORED' GROUP BY 1""",
        asked.parameters(days=_LOOKED_AT),
    )
    return change.worse(*_weekly(rows))


def aspect_changes(asked: Asked) -> dict[str, Change]:
    """The aspects that are abruptly spoken of worse, by name."""
    rows = _rows(
        f"""SELECT a.aspect, {_WEEK}, count(*) FILTER (WHERE a.polarity < {-NEUTRAL_BAND}), count(*)
            {_ASPECTS} GROUP BY 1, 2""",
        asked.parameters(days=_LOOKED_AT),
    )
    by_name: dict[str, list[tuple[int, int, int]]] = {}
    for name, week, bad, count in rows:
        by_name.setdefault(name, []).append((week, bad, count))
    found = {name: change.worse(*_weekly(its)) for name, its in by_name.items()}
    # every aspect is a test of its own: the error is shared among them
    return {name: one for name, one in found.items() if one and one.p < change.LEVEL / len(by_name)}


_LOOKED_AT = 7.0 * (change.WEEKS_BEFORE + max(change.WINDOWS))
_WEEK = "floor(extract(epoch FROM %(now)s - r.written_at) / 604800)::int"
# what may tell of health or the like is neither taken apart nor quoted
_ASPECTS = _OF.replace(
    "WHERE",
    "JOIN segmentation_reviewaspect a ON a.review_id = r.id\n    WHERE NOT s.withheld AND",
    1,
)


def _weekly(rows: Sequence[tuple[int, int, int]]) -> tuple[list[int], list[int]]:
    weeks = change.WEEKS_BEFORE + max(change.WINDOWS)
    bad, count = [0] * weeks, [0] * weeks
    for week, its_bad, its_count in rows:
        if 0 <= week < weeks:
            bad[week], count[week] = its_bad, its_count
    return bad, count


def _months(asked: Asked) -> list[Month]:
    rows = _rows(
        f"""SELECT date_trunc('month', r.written_at), count(*) FILTER (WHERE s.label = 'POSITIVE'),
            count(*) FILTER (WHERE s.label = 'NEGATIVE'), count(*)
            {_OF} AND s.label <> 'NOT_SCORED' GROUP BY 1 ORDER BY 1""",
        asked.parameters(),
    )
    return [
        Month(
            begins_at=month,
            positive=Share(count=positive, of=count),
            negative=Share(count=negative, of=count),
        )
        for month, positive, negative, count in rows
    ]


def _aspects(asked: Asked) -> list[AspectRow]:
    rows = _rows(
        f"""SELECT a.aspect, count(*), avg(a.polarity),
            count(*) FILTER (WHERE a.polarity < {-NEUTRAL_BAND}),
            count(*) FILTER (WHERE r.written_at >= %(now)s - interval '30 days'),
            count(*) FILTER (WHERE r.written_at >= %(now)s - interval '30 days' AND a.polarity < {-NEUTRAL_BAND})
            {_ASPECTS} GROUP BY 1 ORDER BY 2 DESC, 1""",
        asked.parameters(),
    )
    changes = aspect_changes(asked)
    return [
        AspectRow(
            name=name,
            mentions=count,
            polarity=polarity,
            negative=Share(count=bad, of=count),
            recent=Share(count=recent_bad, of=recent),
            change=changes.get(name),
        )
        for name, count, polarity, bad, recent, recent_bad in rows
    ]


def _unseen_since() -> datetime | None:
    """
    From when on the shop's own model has learned from no text; None while the shipped one reads.

    A model that was taught a text's stars says what its stars say.
    """
    champion = queries.champion(Task.SENTIMENT)
    return champion.window_ends_at if champion else None


def _stars(asked: Asked) -> tuple[list[StarRow], int, int, int]:
    """
    By stars, from five; how many words are kinder than the stars, how many harsher, and of how many.

    Of texts that the model which reads them has not learned from.
    """
    parameters = asked.parameters()
    if unseen := _unseen_since():
        parameters["since"] = max(parameters["since"], unseen)
    rows = _rows(
        f"""SELECT r.rating, count(*), count(*) FILTER (WHERE s.label = 'POSITIVE'),
            count(*) FILTER (WHERE s.label = 'NEUTRAL'), count(*) FILTER (WHERE s.label = 'NEGATIVE')
            {_OF} AND s.label <> 'NOT_SCORED' AND r.rating IS NOT NULL GROUP BY 1 ORDER BY 1 DESC""",
        parameters,
    )
    return (
        [
            StarRow(
                stars=stars, reviews=count, positive=good / count, neutral=neither / count, negative=bad / count
            )
            for stars, count, good, neither, bad in rows
        ],
        sum(good for stars, _, good, _, _ in rows if stars <= 2),
        sum(bad for stars, _, _, _, bad in rows if stars >= 4),
        sum(count for _, count, *_ in rows),
    )  # fmt: skip


def _products(asked: Asked) -> list[ProductRow]:
    rows = _rows(
        f"""SELECT p.id, p.name, bad, scored, stars FROM (
            SELECT r.product_id, count(*) FILTER (WHERE s.label = 'NEGATIVE') AS bad, count(*) AS scored,
                avg(r.rating) AS stars
            {_OF} AND s.label <> 'NOT_SCORED' AND r.product_id IS NOT NULL
            GROUP BY 1 HAVING count(*) >= {FEWEST}
        ) found JOIN customers_product p ON p.id = found.product_id""",
        asked.parameters(),
    )
    listed = [
        ProductRow(
            id=key, name=name, negative=Share(count=bad, of=scored), stars=float(stars) if stars else None
        )
        for key, name, bad, scored, stars in rows
    ]  # fmt: skip
    # by what is certainly bad: two of five weigh less than forty of a hundred
    return sorted(listed, key=lambda one: (-one.negative.bounds[0], -one.negative.of, one.id))[
        :PRODUCTS
    ]


def _newest(asked: Asked) -> list[Quote]:
    rows = _rows(
        f"""SELECT r.id, s.id, r.written_at, r.rating, r.kind, coalesce(p.name, ''), p.id,
            concat_ws(' · ', nullif(r.title, ''), r.text), s.polarity,
            coalesce((SELECT string_agg(a.aspect, ', ' ORDER BY a.polarity)
                FROM segmentation_reviewaspect a
                WHERE a.review_id = r.id AND a.polarity < {-NEUTRAL_BAND}), '')
            {_OF.replace("WHERE", "LEFT JOIN customers_product p ON p.id = r.product_id WHERE", 1)}
            AND s.label = 'NEGATIVE' AND NOT s.withheld ORDER BY r.written_at DESC, r.id DESC LIMIT {NEWEST}""",
        asked.parameters(),
    )
    return [
        Quote(
            review_id=row[0], sentiment_id=row[1], written_at=row[2], rating=row[3],
            kind="" if row[4] == ReviewKind.REVIEW else str(ReviewKind(row[4]).label),
            product=row[5], product_id=row[6], text=row[7], polarity=row[8], aspects=row[9],
        )
        for row in rows
        # its words may have changed since they were searched
        if not finding.is_special(row[7])
    ]  # fmt: skip


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
