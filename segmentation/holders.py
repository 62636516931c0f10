"""What this app holds about people; see consent.desk.personal_data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import F, QuerySet

from consent.desk.personal_data import Person, deleting, keeping, of_customer
from customers.models import Product
from segmentation.ml.recommend.wording import in_words
from segmentation.models import (
    DirtyCustomer,
    FirstPurchase,
    Membership,
    MembershipChange,
    Recommendation,
    ReviewAspect,
    ReviewSentiment,
    Score,
    SegmentFlip,
    SuppressedCategory,
)
from segmentation.registry import JudgedCase


def _sentiments(person: Person) -> QuerySet[Any]:
    return ReviewSentiment.objects.filter(review__customer__in=person.customer_ids)


def _aspects(person: Person) -> QuerySet[Any]:
    return ReviewAspect.objects.filter(review__customer__in=person.customer_ids)


def _scores(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    """With what each predicts, and by which version of a model."""
    for score in rows.select_related("generation__version").order_by("pk"):
        generation = score.generation
        yield {
            "predicts": generation.version.get_task_display(),
            "value": score.value,
            "standard_deviation": score.sd,
            "as_of": generation.as_of,
            "model": str(generation.version),
            "algorithm": generation.version.algorithm,
            "in_use": generation.is_current,
        }


def _segments(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by("pk").values(
        "joined_at", name=F("segment__name"), meaning=F("segment__description")
    )


def _changes(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by("pk").values("changed_at", "joined", name=F("segment__name"))


def _flips(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by("pk").values("flips_at", name=F("segment__name"))


def _first_purchases(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    for row in rows.select_related("generation__version").order_by("pk"):
        names = row.generation.version.metrics.get("segments", [])
        yield {
            "first_order_cents": row.first_order_cents,
            "shares_of_segments": dict(zip(names, row.shares, strict=False)),
            "as_of": row.generation.as_of,
            "model": str(row.generation.version),
        }


def _cases(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    for row in rows.select_related("version").order_by("pk"):
        yield {
            "predicted": row.probability,
            "ordered": row.ordered,
            "model": str(row.version),
        }


def _recommendations(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    """With the reason of each, as the customer may read it."""
    for row in rows.select_related("run__version").order_by("pk"):
        names = {
            product.pk: str(product)
            for product in Product.objects.filter(pk__in={*row.products, *row.because})
        }
        yield {
            "products": [
                {
                    "name": names.get(key, "a product that was removed"),
                    "reason": in_words(code, product=names.get(because, ""), days=days),
                }
                for key, code, because, days in zip(
                    row.products, row.reasons, row.because, row.days, strict=True
                )
            ],
            "as_of": row.run.as_of,
            "model": str(row.run.version),
        }


def _suppressed(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by("pk").values("category", "until", "learned")


HOLDERS = [
    deleting(Score, "Predictions", of_customer(Score), show=_scores),
    deleting(
        FirstPurchase,
        "What the first order leads to",
        of_customer(FirstPurchase),
        show=_first_purchases,
    ),
    deleting(
        JudgedCase,
        "Examples of what models predicted",
        of_customer(JudgedCase),
        show=_cases,
    ),
    deleting(
        Recommendation,
        "What is recommended",
        of_customer(Recommendation),
        show=_recommendations,
    ),
    deleting(
        SuppressedCategory,
        "What is not recommended for a while",
        of_customer(SuppressedCategory),
        show=_suppressed,
    ),
    deleting(Membership, "Segments", of_customer(Membership), show=_segments),
    deleting(MembershipChange, "History of segments", of_customer(MembershipChange), show=_changes),
    deleting(
        SegmentFlip,
        "Moments at which segments are looked at again",
        of_customer(SegmentFlip),
        show=_flips,
    ),
    deleting(ReviewSentiment, "What was read out of reviews", _sentiments),
    deleting(ReviewAspect, "What reviews speak of", _aspects),
    keeping(
        DirtyCustomer,
        "Marks that something of them changed",
        of_customer(DirtyCustomer),
        keeps="It makes scores and segments forget them too, within seconds, and goes then.",
    ),
]
