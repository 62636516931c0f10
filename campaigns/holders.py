"""What this app holds about people; see consent.personal_data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from campaigns.enums import DeliveryState
from campaigns.models import Delivery
from consent.personal_data import Holder, Person, of_customer


_rows = of_customer(Delivery)


def _erase(person: Person, now: datetime) -> int:
    """A mail server repeats the address in what it answers. What was not sent yet, the gate refuses."""
    return _rows(person).exclude(reply="").update(reply="")


def _being_handed_over(person: Person) -> int:
    return _rows(person).filter(state=DeliveryState.SENDING).count()


def _show(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by("pk").values(
        "arm", "state", "reason", "accepted_at", "message_id", "reply", "predicted_profit_cents",
        campaign_name=F("campaign__name"), subject=F("campaign__subject"),
    )  # fmt: skip


HOLDERS = [
    Holder(
        model=Delivery,
        what="Messages",
        rows=_rows,
        erase=_erase,
        show=_show,
        waits=_being_handed_over,
        keeps="Which group of the experiment a number was in: the results of past campaigns.",
    )
]
