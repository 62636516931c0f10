"""What segments and scores say of one customer, in words for that customer; see consent.inferences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from consent.inferences import Inference
from customers import display
from segmentation import explaining
from segmentation.enums import Task
from segmentation.models import Membership, Score


_SEGMENT = {
    "en": "You belong to the group",
    "de": "Sie gehören zur Gruppe",
    "es": "Pertenece al grupo",
}
_SCORES = {
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
}


def tell(
    customer_id: int, *, language: str, with_reasons: bool, now: datetime
) -> Sequence[Inference]:
    why = explaining.of_customer(customer_id, now=now) if with_reasons else {}
    found = [
        Inference(
            what=_shown(Task(task), row.value), meaning=_SCORES[Task(task)][language],
            why=_reasons(why.get(task)),
        )
        for row in Score.objects.filter(
            customer_id=customer_id, generation__is_current=True, generation__task__in=list(_SCORES)
        ).select_related("generation").order_by("generation__task")
        for task in [row.generation.task]
    ]  # fmt: skip
    members = Membership.objects.filter(customer_id=customer_id).select_related("segment")
    return found + [
        Inference(
            what=f"“{one.segment.name}”", meaning=_SEGMENT[language],
            why=(one.segment.description,) if with_reasons and one.segment.description else (),
        )
        for one in members.order_by("segment__name")
    ]  # fmt: skip


def _shown(task: Task, value: float) -> str:
    if task is Task.LIFETIME:
        return display.money(value, decimals=0)
    return display.percent(value, decimals=1 if task is Task.UPLIFT else 0)


def _reasons(known: explaining.Explanation | None) -> tuple[str, ...]:
    if known is None:
        return ()
    return tuple(reason.words for reason in known.reasons[:3]) or (known.told,)
