"""What this app holds about people; see consent.personal_data."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from consent.personal_data import Person, deleting
from webhooks.enums import PostState
from webhooks.models import Message


def _told(person: Person) -> QuerySet[Any]:
    """Not what is still on its way: the receiver must learn of the withdrawal too."""
    messages = Message.objects.filter(customer__in=person.customer_ids)
    return messages.exclude(posts__state=PostState.PENDING)


HOLDERS = [deleting(Message, "News told to other systems", _told)]
