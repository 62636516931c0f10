"""The products in a message: looked up for a group of recipients at once, right before it is handed over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from campaigns import mime
from campaigns.handover import Intended
from campaigns.models import Campaign
from campaigns.rendering import CampaignTemplate, RenderError
from customers import display
from customers.models import Customer
from segmentation.recommending import stored
from segmentation.recommending.stored import Suggestion


def with_products(template: CampaignTemplate, intended: Sequence[Intended]) -> Sequence[Intended]:
    """
    `intended` with what each recipient is recommended now, where the template asks for it.

    The lists were computed before; what was bought since is taken out at this moment.
    """
    if not template.uses_recommendations or not intended:
        return intended
    shelves = stored.of_customers([row.recipient.customer_id for row in intended])
    return [
        replace(
            row,
            recipient=replace(
                row.recipient,
                recommendations=_values(shelves[row.recipient.customer_id].suggestions),
            ),
        )
        for row in intended
    ]


def of_customer(campaign: Campaign, customer: Customer) -> tuple[Mapping[str, Any], ...]:
    """For the preview; nothing where the message asks for no products or cannot be made."""
    try:
        asks = CampaignTemplate(campaign).uses_recommendations
    except RenderError:
        return ()
    return _values(stored.of_customer(customer.pk).suggestions) if asks else ()


def _values(suggestions: Sequence[Suggestion]) -> tuple[Mapping[str, Any], ...]:
    """Plain text for a template; an address that is no web address is none."""
    return tuple(
        {
            "name": mime.clean(one.name),
            "category": mime.clean(one.category),
            "price": "" if one.price_cents is None else display.money(one.price_cents),
            "reason": mime.clean(one.reason),
            "url": _web(one.url),
            "image_url": _web(one.image_url),
        }
        for one in suggestions
    )


def _web(address: str) -> str:
    # a blank would end the value of an attribute that a template wrote without quotes
    return address if re.fullmatch(r"https?://[^\s\x00-\x1f\x7f]+", address) else ""
