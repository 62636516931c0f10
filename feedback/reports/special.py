"""How many texts may tell of health and the like, by category: counted when somebody asks, and kept nowhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db import connection

from customers.enums import ReviewKind
from customers.special import finding
from customers.special.finding import LABELS, Special


AT_MOST = 50_000
"""Marked texts that are looked through for the page, the newest: some seconds."""


@dataclass(frozen=True, kw_only=True)
class CategoryRow:
    """Texts of a category; one may stand in several."""

    category: str
    texts: int
    reviews: int
    mentions: int
    service: int


@dataclass(frozen=True, kw_only=True)
class SpecialData:
    """Of all texts: searched, waiting for it, withheld; `is_whole` where every one of these was counted."""

    texts: int
    waiting: int
    withheld: int
    rows: list[CategoryRow]
    is_whole: bool

    @property
    def share(self) -> float:
        return self.withheld / (self.texts - self.waiting) if self.texts > self.waiting else 0.0


def special_data() -> SpecialData:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*), count(*) FILTER (WHERE coalesce(s.lexicon, 0) <> %s),
                count(*) FILTER (WHERE s.withheld AND s.lexicon = %s)
            FROM customers_review r LEFT JOIN segmentation_reviewsentiment s ON s.review_id = r.id""",
            [finding.VERSION, finding.VERSION],
        )
        texts, waiting, withheld = cursor.fetchone()
        cursor.execute(
            """SELECT r.kind, concat_ws('. ', nullif(r.title, ''), r.text)
            FROM segmentation_reviewsentiment s JOIN customers_review r ON r.id = s.review_id
            WHERE s.withheld AND s.lexicon = %s ORDER BY r.id DESC LIMIT %s""",
            [finding.VERSION, AT_MOST],
        )
        found: Counter[tuple[Special, str]] = Counter()
        for kind, text in cursor.fetchall():
            found.update((category, kind) for category in finding.categories(text))
    return SpecialData(
        texts=texts,
        waiting=waiting,
        withheld=withheld,
        rows=[_row(category, found) for category in Special],
        is_whole=withheld <= AT_MOST,
    )


def _row(category: Special, found: Counter[tuple[Special, str]]) -> CategoryRow:
    return CategoryRow(
        category=LABELS[category],
        texts=sum(count for (one, _), count in found.items() if one == category),
        reviews=found[category, ReviewKind.REVIEW],
        mentions=found[category, ReviewKind.MENTION],
        service=found[category, ReviewKind.SERVICE],
    )
