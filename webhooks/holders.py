"""What this app holds about people; see consent.desk.personal_data."""

from __future__ import annotations

from consent.desk.personal_data import deleting, of_customer
from webhooks.models import Message


HOLDERS = [
    deleting(
        Message, "Webhooks that told the shop's systems of them", of_customer(Message, "customer")
    ),
]
