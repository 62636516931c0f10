"""
Offers to who bought and did not refuse: article 13(2) of the ePrivacy directive, in no other case.

It is no consent. It counts only while COTERIE_SOFT_OPT_IN is on, for campaigns that say that they offer
own products like those bought, never for a newsletter; and any word of the person's own, or of somebody
with the same address, outweighs it for good. Only a shop that names the sale and the conditions can
record it: no import and no event does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from consent import ledger
from consent.enums import DECISIVE, Act, Channel, Provenance, Purpose
from consent.models import ConsentEvent
from customers.enums import OrderStatus
from customers.models import Customer, Order


METHOD = "soft opt-in"


class ConditionError(ValueError):
    """A condition of the law is not met; nothing is recorded. `field` and `code` name it for programs."""

    def __init__(self, field: str, code: str, words: str) -> None:
        super().__init__(words)
        self.field, self.code = field, code


@transaction.atomic
def record(
    *,
    customer: Customer,
    sale: str,
    own_similar_products: bool,
    opt_out_offered: bool,
    happened_at: datetime,
    now: datetime,
    evidence: Mapping[str, Any] | None = None,
) -> ConsentEvent:
    """Record that `customer` bought (`sale` is the shop's number of the order) and did not refuse."""
    if not own_similar_products:
        raise ConditionError(
            "own_similar_products", "required", "It allows offers of own similar products only."
        )
    if not opt_out_offered:
        raise ConditionError(
            "opt_out_offered", "required",
            "They must have been able to refuse, free of charge, when the address was collected.",
        )  # fmt: skip
    if not _is_sale(customer, sale):
        raise ConditionError("order", "unknown_order", "It is no order that this customer placed.")
    if _has_refused(customer):
        raise ConditionError(
            "customer", "has_refused", "Somebody of this address has withdrawn or objected."
        )
    return ledger.record_sale(
        customer=customer, method=METHOD, now=now, happened_at=happened_at, provenance=Provenance.API,
        evidence={**(evidence or {}), "sale": sale, "own_similar_products": True,
                  "opt_out_offered": True},
    )  # fmt: skip


def _is_sale(customer: Customer, sale: str) -> bool:
    orders = Order.objects.filter(customer=customer, external_id=sale, status=OrderStatus.PLACED)
    return bool(sale) and orders.exists()


def _has_refused(customer: Customer) -> bool:
    """Under any number with this address; a later consent is no reason for a sale to count."""
    people = Customer.objects.filter(pk=customer.pk)
    if customer.email_hmac:
        people |= Customer.objects.filter(email_hmac=customer.email_hmac)
    ended = [act for act in DECISIVE if act not in {Act.GRANTED, Act.SOFT_OPT_IN}]
    return ConsentEvent.objects.filter(
        customer__in=people, purpose=Purpose.MARKETING, channel=Channel.EMAIL, act__in=ended
    ).exists()
