"""Reasons that customers read are in their language, with their figures, and free of our jargon."""

from __future__ import annotations

import math
import re

import pytest

from segmentation import public_reasons
from segmentation.enums import SegmentKind, Task
from segmentation.explaining import Explanation, Lack
from segmentation.ml import public_names, wording
from segmentation.ml.features import FEATURES
from segmentation.models import ModelVersion, Segment
from tests.factories.segmentation import SegmentFactory


LANGUAGES = pytest.mark.parametrize("language", public_names.LANGUAGES)
OURS = re.compile(
    r"k-means|recency|cluster|herfindahl|deviation|polarity|sentiment|nan\b", re.IGNORECASE
)
KNOWN = {
    "recency_days": 771.0, "gap_mean_days": 41.0, "orders": 1_234.0, "orders_365d": 2.0,
    "tenure_days": 1.0, "overdue_days": -3.0, "orders_season_90d": 1.0, "rating_mean": 1.5,
    "net_revenue_cents": 1_234_560.0, "polarity_mean": -0.8, "last_order_discounted": 1.0,
    "weekend_share": 0.4, "favourite_weekday": 6.0,
}  # fmt: skip


@LANGUAGES
def test_every_factor_that_may_be_shown_has_a_sentence_in_each_language(language: str) -> None:
    for name in FEATURES:
        assert name in public_names.FACTORS, name
        for value in (math.nan, 0.0, 0.5, 1.0, 3.0):
            said = public_reasons.sentence(
                wording.topic_of(name), name, {name: value}, language=language
            )
            assert said, name
            assert not OURS.search(said), said
    assert set(public_names.FACTORS) <= set(FEATURES)


def test_no_factor_is_left_in_english() -> None:
    for name, said in public_names.FACTORS.items():
        assert len(set(said.values())) == len(public_names.LANGUAGES), name


@pytest.mark.parametrize("topic", sorted(wording.TOPICS))
def test_what_belongs_together_is_one_sentence_of_each_language(topic: str) -> None:
    first = wording.TOPICS[topic][0]
    said = {
        public_reasons.sentence(topic, first, KNOWN, language=one) for one in public_names.LANGUAGES
    }
    assert len(said) == len(public_names.LANGUAGES)
    assert not any(":" in one for one in said) or topic == "due"


@pytest.mark.parametrize(
    ("name", "language", "words"),
    [
        (
            "recency_days",
            "de",
            "Ihre letzte Bestellung war vor 771 Tagen; sonst liegen 41 Tage zwischen zwei Bestellungen",
        ),
        (
            "recency_days",
            "es",
            "Su último pedido fue hace 771 días; normalmente pasan 41 días entre pedidos",
        ),
        ("orders", "de", "Bisher 1.234 Bestellungen, davon 2 in den letzten 365 Tagen"),
        ("tenure_days", "en", "Your first order was 1 day ago"),
        ("rating_mean", "de", "Ihre durchschnittliche Bewertung: 1,5 von 5"),
        ("rating_mean", "es", "Su valoración media: 1,5 de 5"),
        (
            "net_revenue_cents",
            "de",
            "Für alle Bestellungen bezahlt, ohne Erstattungen: 12.346\N{NO-BREAK SPACE}€",
        ),
        ("polarity_mean", "en", "Mood of your reviews: rather bad"),
        ("last_order_discounted", "es", "El último pedido tuvo descuento: sí"),
        ("weekend_share", "en", "Orders on Saturday and Sunday: 40\N{NO-BREAK SPACE}%"),
        ("favourite_weekday", "de", "Tag, an dem Sie am meisten bestellen: Sonntag"),
        ("of_tomorrow", "de", "Etwas anderes an Ihren Bestellungen, Besuchen oder Bewertungen"),
    ],
)
def test_figures_are_the_readers(name: str, language: str, words: str) -> None:
    said = public_reasons.sentence(wording.topic_of(name), name, KNOWN, language=language)
    assert said == words


@LANGUAGES
@pytest.mark.parametrize("lack", list(Lack))
def test_who_has_no_reasons_is_told_why_in_their_language(lack: Lack, language: str) -> None:
    known = Explanation(
        task=Task.CHURN,
        version=ModelVersion(),
        reasons=(),
        told="For staff.",
        lack=lack,
        values=KNOWN,
    )
    (said,) = public_reasons.of_score(known, language=language)
    assert said != "For staff."
    assert (said == public_reasons.of_score(known, language="en")[0]) == (language == "en")


@LANGUAGES
@pytest.mark.parametrize("kind", ["RFM", "SCORE", "CLUSTER", "STATIC"])
def test_groups_say_by_what_in_each_language(kind: str, language: str) -> None:
    segment = Segment(kind=kind, description="Found by k-means on recency: €28 spent")
    (said,) = public_reasons.of_segment(segment, language=language)
    assert not OURS.search(said)
    assert (said == public_reasons.of_segment(segment, language="en")[0]) == (language == "en")


RULE = {
    "all": [
        {"field": "orders", "is": "at_least", "value": 2},
        {"any": [{"did_not": "VISIT", "within_days": 30}, {"segment": 7, "is": "in"}]},
    ]
}


@pytest.mark.django_db
def test_a_rule_names_what_it_looks_at_and_no_group_as_staff_call_it() -> None:
    segment = SegmentFactory(kind=SegmentKind.RULE, definition=RULE)
    (read,) = public_reasons.of_segment(segment, language="de")
    assert read == (
        "Die Regel achtet auf: Bestellungen bisher; Was Sie im Shop getan haben; "
        "Andere Gruppen, zu denen Sie gehören"
    )
    (said,) = public_reasons.of_segment(segment, language="en")
    assert said.startswith("The rule looks at: Orders so far")
