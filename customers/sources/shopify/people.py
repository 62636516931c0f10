"""Customers, their tags, and two numbers that turned out to be one person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from customers.enums import EventKind
from customers.intake.translation import Person, Row, SamePerson
from customers.sources.segment.calls import address, bounded
from customers.sources.segment.fields import Fields, Refused, fields, pick, text
from customers.sources.shopify import consents
from customers.sources.shopify.values import header, number_of
from customers.sources.webhooks import Webhook, required_id


def customer(webhook: Webhook) -> Iterator[Row]:
    said = webhook.body
    customer_id = required_id(number_of(said.get("id")))
    yield from _told(webhook, said, person=Person(user_id=customer_id, email=_email(said)))


def buyer(order: Fields) -> Person | None:
    """Whose an order or a checkout is; None for one at the till, of which nobody's name was asked."""
    said = fields(order.get("customer"))
    customer_id = number_of(said.get("id"))
    email = _email(said) or address(order.get("email")) or address(order.get("contact_email"))
    return Person(user_id=customer_id, email=email) if customer_id or email else None


def told_by_an_order(webhook: Webhook, *, person: Person, placed_at: int | None) -> Iterator[Row]:
    """The customer as an order or a checkout names them."""
    order = webhook.body
    said = fields(order.get("customer"))
    billed = fields(order.get("billing_address")) or fields(order.get("shipping_address"))
    filled = {
        **said,
        "email": person.email,
        "default_address": fields(said.get("default_address")) or billed,
        "first_name": said.get("first_name") or billed.get("first_name"),
        "last_name": said.get("last_name") or billed.get("last_name"),
        "locale": order.get("customer_locale"),
    }
    # without a date of its own it is of the order's age, not of the order's last change
    yield from _told(webhook, filled, person=person, otherwise=placed_at)


def _told(
    webhook: Webhook, said: Fields, *, person: Person, otherwise: int | None = None
) -> Iterator[Row]:
    changed_at = webhook.time(said.get("updated_at")) or otherwise or webhook.received
    where = fields(said.get("default_address"))
    locale = text(said.get("locale"), limit=20).replace("_", "-")
    traits = _traits(said)
    yield webhook.row(
        "customers",
        {
            "email": person.email,
            "first_name": text(said.get("first_name"), limit=200),
            "last_name": text(said.get("last_name"), limit=200),
            "country": text(where.get("country_code") or where.get("country"), limit=100),
            "language": locale.partition("-")[0].lower(),
            "phone": text(said.get("phone") or where.get("phone"), limit=50),
            "traits": bounded(traits) if traits else None,
            "joined_at": webhook.time(said.get("created_at")) or changed_at,
            "changed_at": changed_at,
        },
        person=person,
    )
    yield from consents.acts(webhook, said, person=person, told_at=changed_at)


def _traits(said: Fields) -> dict[str, Any]:
    """Notes and tax numbers are not taken: nothing of ours needs them."""
    found: dict[str, Any] = {}
    if state := text(said.get("state"), limit=30):
        found["account_state"] = state
    if isinstance(said.get("verified_email"), bool):
        found["verified_email"] = said["verified_email"]
    if isinstance(said.get("tags"), str | list):  # until 2025-01
        found["tags"] = _tags(said["tags"])
    for name in ("orders_count", "total_spent"):  # until 2025-01
        if text(said.get(name), limit=50):
            found[name] = said[name]
    return found


def deleted(webhook: Webhook) -> Iterator[Row]:
    """
    The shop no longer has the person, so nobody asked them anything for us any more: consent ends.

    It is no request for erasure; that comes as `customers/redact`.
    """
    customer_id = required_id(number_of(webhook.body.get("id")))
    at = _told_at(webhook)
    for channel in ("EMAIL", "SMS"):
        yield webhook.consent(
            EventKind.CONSENT_WITHDRAWN, person=Person(user_id=customer_id),
            external_id=f"consent:{channel}:{customer_id}:deleted:{at}", happened_at=at,
            method=consents.METHOD, channel=channel, state="customer deleted",
        )  # fmt: skip


def merged(webhook: Webhook) -> Iterator[SamePerson] | None:
    """None while Shopify is still at it, or when it failed."""
    said = webhook.body
    kept = number_of(said.get("admin_graphql_api_customer_kept_id"))
    gone = number_of(said.get("admin_graphql_api_customer_deleted_id"))
    if not kept or not gone:
        raise Refused("missing_id")
    status = text(said.get("status"), limit=30).lower() or "completed"
    if kept == gone or status != "completed":
        return None
    found = SamePerson(
        item=webhook.index, absorbed=Person(user_id=gone), survivor=Person(user_id=kept)
    )
    return iter([found])


def purchasing_summary(webhook: Webhook) -> Iterator[Row]:
    """Kept beside what we count ourselves: the shop may have sold before it told us."""
    said = webhook.body
    spent = fields(pick(said, "amount_spent"))
    traits = {
        "orders_count": pick(said, "number_of_orders") or said.get("orders_count"),
        "total_spent": spent.get("amount") or said.get("total_spent"),
    }
    known = {name: value for name, value in traits.items() if text(value, limit=50)}
    yield _traits_only(webhook, known)


def tags_added(webhook: Webhook) -> Iterator[Row]:
    return _tagged(webhook, added=True)


def tags_removed(webhook: Webhook) -> Iterator[Row]:
    return _tagged(webhook, added=False)


def _tagged(webhook: Webhook, *, added: bool) -> Iterator[Row]:
    """
    Each tag becomes a trait of its own, `tag:vip` true or false.

    These topics tell the difference, not the whole: only so need nobody know what was there before.
    """
    tags = _tags(webhook.body.get("tags"))
    row = _traits_only(webhook, {f"tag:{tag}": added for tag in tags})
    yield row
    at, name = _told_at(webhook), "Customer Tags Added" if added else "Customer Tags Removed"
    said = hashlib.sha256("\n".join(sorted(tags)).encode()).hexdigest()[:16]
    if row.person is not None and tags:
        yield webhook.event(
            EventKind.OTHER, name=name, person=row.person, properties={"tags": tags},
            external_id=f"{name}:{row.person.user_id}:{at}:{said}", happened_at=at,
        )  # fmt: skip


def _traits_only(webhook: Webhook, traits: Fields) -> Row:
    customer_id = required_id(
        number_of(pick(webhook.body, "customer_id") or webhook.body.get("id"))
    )
    values = {
        "traits": bounded(traits) if traits else None,
        "joined_at": _told_at(webhook),
        # not dated: these messages go beside the customer's own, in no order with them
        "changed_at": None,
    }
    return webhook.row("customers", values, person=Person(user_id=customer_id))


def _told_at(webhook: Webhook) -> int:
    return (
        webhook.time(pick(webhook.body, "occurred_at"), header(webhook.headers, "triggered-at"))
        or webhook.received
    )


def _tags(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list):
        return []
    found = [text(one, limit=100) for one in parts if isinstance(one, str)]
    return list(dict.fromkeys(tag for tag in found if tag))


def _email(said: Fields) -> str:
    return address(said.get("email"))
