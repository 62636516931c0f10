"""Factories of permission. A customer of `MailableFactory` may be mailed."""

from __future__ import annotations

from typing import Any

import factory

from consent import ledger
from consent.enums import Channel, Purpose
from consent.models import Wording
from consent.purposes import channel_of
from consent.wordings import DEFAULT_VERSION
from customers.models import Customer
from tests.factories.customers import NOW, CustomerFactory


def default_wording(purpose: Purpose = Purpose.MARKETING) -> Wording:
    return Wording.objects.get(
        purpose=purpose, channel=channel_of(purpose), version=DEFAULT_VERSION, language="en"
    )


def agree(customer: Customer, purpose: Purpose = Purpose.MARKETING, **more: Any) -> None:
    ledger.grant(
        customer=customer,
        wording=default_wording(purpose),
        **{"method": "form", "now": NOW, **more},
    )


class MailableFactory(CustomerFactory):
    """A customer who agreed to marketing by e-mail."""

    class Meta:
        model = Customer
        skip_postgeneration_save = True

    @factory.post_generation
    def agreed(self, create: Any, extracted: Any, **kwargs: Any) -> None:
        agree(self)


MARKETING = {"purpose": Purpose.MARKETING, "channel": Channel.EMAIL, "wording": DEFAULT_VERSION}
"""The properties of a CONSENT_GIVEN event as a shop sends them."""
