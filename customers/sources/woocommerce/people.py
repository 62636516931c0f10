"""
Customers and guests, and the consent in the box whose key the marketer mapped.

WooCommerce has no field of consent. `consent_meta_key` names the box of a plug-in, and with that the
marketer says what it means. Ticked at a checkout it is a grant: the order tells when and where. On a
customer it is without a time, so a yes is a claim; a no is a withdrawal in any form.
"""

from __future__ import annotations

from collections.abc import Iterator

from customers.enums import EventKind
from customers.intake.translation import Person, Row
from customers.sources.segment.calls import address, bounded
from customers.sources.segment.fields import Fields, fields, ident, text
from customers.sources.webhooks import Webhook, required_id
from customers.sources.woocommerce.values import answer, gmt, meta, shop_id


METHOD = "woocommerce"


def customer(webhook: Webhook) -> Iterator[Row]:
    said = webhook.body
    customer_id = required_id(shop_id(said.get("id")))
    billing = fields(said.get("billing"))
    email = address(said.get("email")) or address(billing.get("email"))
    person = Person(user_id=customer_id, email=email)
    changed_at = webhook.time(said.get("date_modified_gmt"), said.get("date_created_gmt"))
    traits = {
        name: said[name]
        for name in ("role", "is_paying_customer")
        if isinstance(said.get(name), str | bool)
    }
    yield webhook.row(
        "customers",
        {
            **_named(said, billing),
            "email": email,
            "traits": bounded(traits) if traits else None,
            "joined_at": gmt(said, "date_created") or changed_at or webhook.received,
            "changed_at": changed_at or webhook.received,
        },
        person=person,
    )
    told = answer(meta(said, _key(webhook)))
    if told is not None:
        at = changed_at or webhook.received
        yield webhook.consent(
            EventKind.CONSENT_CLAIMED if told else EventKind.CONSENT_WITHDRAWN, person=person,
            # a yes once; a no each time that it is said, for it must also end what came between
            external_id=f"consent:customer:{customer_id}:" + ("yes" if told else f"no:{at}"),
            happened_at=at, method=METHOD, form=_key(webhook), state="yes" if told else "no",
        )  # fmt: skip


def buyer(order: Fields) -> Person | None:
    """Whose an order is. A guest (customer 0) is known by the address alone; None without one."""
    customer_id = ident(shop_id(order.get("customer_id")))
    email = address(fields(order.get("billing")).get("email"))
    return Person(user_id=customer_id, email=email) if customer_id or email else None


def told_by_an_order(webhook: Webhook, *, person: Person, placed_at: int | None) -> Iterator[Row]:
    """
    The person as an order bills them: true when the order was placed, and not at its last change.

    What `customer.updated` says later stands; the order may be changed long after.
    """
    billing = fields(webhook.body.get("billing"))
    at = webhook.received if placed_at is None else min(placed_at, webhook.received)
    yield webhook.row(
        "customers",
        {**_named({}, billing), "email": person.email, "joined_at": at, "changed_at": at},
        person=person,
    )
    order_id = ident(webhook.body.get("id"))
    if placed_at is not None and answer(meta(webhook.body, _key(webhook))):
        yield webhook.consent(
            EventKind.CONSENT_GIVEN, person=person, external_id=f"consent:order:{order_id}",
            happened_at=at, method=METHOD, form=_key(webhook), order=order_id,
        )  # fmt: skip


def _named(said: Fields, billing: Fields) -> dict[str, str]:
    return {
        "first_name": text(said.get("first_name") or billing.get("first_name"), limit=200),
        "last_name": text(said.get("last_name") or billing.get("last_name"), limit=200),
        "country": text(billing.get("country"), limit=100),
        "phone": text(billing.get("phone"), limit=50),
    }


def _key(webhook: Webhook) -> str:
    return text(webhook.settings.get("consent_meta_key"), limit=200)


def deleted(webhook: Webhook) -> Iterator[Row]:
    """The account is gone, and with it the consent. It is no request for erasure: orders stay."""
    customer_id = required_id(shop_id(webhook.body.get("id")))
    yield webhook.consent(
        EventKind.CONSENT_WITHDRAWN, person=Person(user_id=customer_id),
        external_id=f"consent:customer:{customer_id}:deleted:{webhook.received}",
        happened_at=webhook.received, method=METHOD, state="customer deleted",
    )  # fmt: skip
