from __future__ import annotations

from collections.abc import Iterable

from django.apps import AppConfig

from consent import mail_purposes
from consent.desk import personal_data
from customers import masking
from segmentation import usage


def _senders() -> Iterable[str]:
    from campaigns.models import Campaign  # noqa: PLC0415 - models are not loaded when apps are

    return set(Campaign.objects.values_list("from_email", flat=True))


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        personal_data.declare("campaigns.holders")
        usage.declare("campaigns.usage")
        mail_purposes.declare("campaigns.queries")
        masking.OWN.append(_senders)
