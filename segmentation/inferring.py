"""What segments and scores say of one customer, in words for that customer; see consent.public.inferences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import translation

from consent.public.inferences import Inference
from customers import display
from segmentation import explaining, public_reasons, public_segments
from segmentation.enums import Measure, SegmentKind, Task
from segmentation.models import Membership, Score


_SEGMENT = {
    "en": "You belong to the group",
    "de": "Sie gehören zur Gruppe",
    "es": "Pertenece al grupo",
}
_SCORES: dict[Task | Measure, dict[str, str]] = {
    Task.CHURN: {
        "en": "How likely it is that you order nothing in the next 90 days",
        "de": "Wie wahrscheinlich es ist, dass Sie in den nächsten 90 Tagen nichts bestellen",
        "es": "Probabilidad de que no haga ningún pedido en los próximos 90 días",
    },
    Task.PURCHASE: {
        "en": "How likely it is that you order within 30 days",
        "de": "Wie wahrscheinlich es ist, dass Sie innerhalb von 30 Tagen bestellen",
        "es": "Probabilidad de que haga un pedido en los próximos 30 días",
    },
    Task.RESPONSE: {
        "en": "How likely it is that you order after a message",
        "de": "Wie wahrscheinlich es ist, dass Sie nach einer Nachricht bestellen",
        "es": "Probabilidad de que haga un pedido después de un mensaje",
    },
    Task.UPLIFT: {
        "en": "By how much a message changes the chance that you order",
        "de": "Wie sehr eine Nachricht die Wahrscheinlichkeit ändert, dass Sie bestellen",
        "es": "Cuánto cambia un mensaje la probabilidad de que haga un pedido",
    },
    Task.LIFETIME: {
        "en": "What you will spend in the next 365 days, on average",
        "de": "Was Sie in den nächsten 365 Tagen im Durchschnitt ausgeben werden",
        "es": "Lo que gastará de media en los próximos 365 días",
    },
    Measure.ORDERS: {
        "en": "How many orders you will place in the next 365 days, on average",
        "de": "Wie viele Bestellungen Sie in den nächsten 365 Tagen im Durchschnitt aufgeben werden",
        "es": "Cuántos pedidos hará de media en los próximos 365 días",
    },
    Measure.NEXT_ORDER: {
        "en": "In how many days your next order is as likely to have come as not",
        "de": "In wie vielen Tagen Ihre nächste Bestellung mit gleicher Wahrscheinlichkeit da ist oder nicht",
        "es": "En cuántos días es tan probable como no que haya hecho su próximo pedido",
    },
}
_MODEL_OF: dict[Task | Measure, Task] = {
    Measure.ORDERS: Task.LIFETIME,
    Measure.NEXT_ORDER: Task.LIFETIME,
}
"""Whose reasons are those of a measure: one model says all three."""


_POINTS = {"en": "percentage points", "de": "Prozentpunkte", "es": "puntos porcentuales"}


def tell(
    customer_id: int, *, language: str, with_reasons: bool, now: datetime
) -> Sequence[Inference]:
    why = explaining.of_customer(customer_id, now=now) if with_reasons else {}
    scores = (
        Score.objects.filter(
            customer_id=customer_id, generation__is_current=True, generation__task__in=list(_SCORES)
        )
        .select_related("generation")
        .order_by("generation__task")
    )
    found = [
        Inference(
            what=_shown(code, row.value, language=language),
            meaning=_SCORES[code][language],
            why=public_reasons.of_score(why.get(str(_MODEL_OF.get(code, code))), language=language),
        )
        for row in scores
        for code in [_code(row.generation.task)]
    ]
    # that they are a customer is no conclusion
    members = Membership.objects.filter(customer_id=customer_id).exclude(
        segment__kind=SegmentKind.EVERYONE
    )
    groups = [
        Inference(
            what=public_segments.name_of(one.segment, language=language),
            meaning=_SEGMENT[language],
            why=public_reasons.of_segment(one.segment, language=language) if with_reasons else (),
        )
        for one in members.select_related("segment").order_by("segment__name")
    ]
    # two groups that read alike are one to the reader, unless the reasons tell them apart
    return found + list(dict.fromkeys(groups))


def _code(name: str) -> Task | Measure:
    return Measure(name) if name in Measure.values else Task(name)


def _shown(task: Task | Measure, value: float, *, language: str) -> str:
    """In the figures of `language`: 12.5 % or 12,5 %, and shares apart from their differences."""
    with translation.override(language):
        if task is Measure.NEXT_ORDER:
            return public_reasons.days(value, language=language)
        if task is Measure.ORDERS:
            return display.number(value, decimals=1)
        if task is Task.LIFETIME:
            return public_reasons.money(value, language=language)
        if task is Task.UPLIFT:
            sign = "+" if value > 0 else ""
            return f"{sign}{display.number(value * 100, decimals=1)} {_POINTS[language]}"
        return f"{display.number(value * 100)}\N{NO-BREAK SPACE}%"
