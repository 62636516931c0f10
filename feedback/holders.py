"""What this app holds about people; see consent.desk.personal_data."""

from __future__ import annotations

from consent.desk.personal_data import keeping, of_customer
from feedback.models import Outcome


HOLDERS = [
    keeping(
        Outcome,
        "What followed a campaign",
        of_customer(Outcome, "delivery__customer"),
        keeps="Sums of one number of an experiment: the results of past campaigns.",
    )
]
