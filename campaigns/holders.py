"""What this app holds about people; see consent.desk.personal_data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from campaigns.enums import DeliveryState
from campaigns.models import Delivery, DeliveryReport
from consent.desk.personal_data import Holder, Person, blanking, of_customer


_rows = of_customer(Delivery)


def _erase(person: Person, now: datetime) -> int:
    """A mail server repeats the address in what it answers. What was not sent yet, the gate refuses."""
    return _rows(person).exclude(reply="", address_hmac="").update(reply="", address_hmac="")


def _reports(person: Person) -> QuerySet[Any]:
    """Also those that match no delivery yet and name an address of this person."""
    return DeliveryReport.objects.filter(
        Q(delivery__customer__in=person.customer_ids)
        | Q(address_hmac__in=person.address_hmacs - {""})
    )


def _being_handed_over(person: Person) -> int:
    return _rows(person).filter(state=DeliveryState.SENDING).count()


def _show(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by("pk").values(
        "arm", "state", "reason", "accepted_at", "message_id", "reply", "predicted_profit_cents",
        campaign_name=F("campaign__name"), subject=F("campaign__subject"),
    )  # fmt: skip


def _show_reports(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by("pk").values(
        "kind", "bounce", "status", "detail", "happened_at", message_id=F("delivery__message_id")
    )


HOLDERS = [
    Holder(
        model=Delivery,
        what="Messages",
        rows=_rows,
        erase=_erase,
        show=_show,
        waits=_being_handed_over,
        keeps="Which group of the experiment a number was in: the results of past campaigns.",
    ),
    blanking(
        DeliveryReport,
        "What came back about messages",
        _reports,
        fields={"detail": "", "address_hmac": ""},
        show=_show_reports,
        keeps="That a message bounced or was reported as spam: the counts of past campaigns.",
    ),
]
