"""
What Shopify says about a person's consent to marketing, as acts for the layer above.

Only `subscribed` with the time of the consent is a grant; `subscribed` without is a claim. A state that
is not told says nothing at all: since 2025-01 customers come without it. A state told again is the same
act, since its id is made of the person, the state and the time.
"""

from __future__ import annotations

from collections.abc import Iterator

from customers.enums import EventKind
from customers.intake.translation import Person, Row
from customers.sources.segment.calls import address
from customers.sources.segment.fields import Fields, Refused, fields, ident, text
from customers.sources.shopify.values import number_of
from customers.sources.webhooks import Webhook


METHOD = "shopify"
_CHANNELS = {"email_marketing_consent": "EMAIL", "sms_marketing_consent": "SMS"}
_ENDED = frozenset({"unsubscribed", "redacted", "invalid"})
# Said of everybody who was never asked; with a time it ends what was before. A confirmation may carry
# the same time as the double opt-in it answers, and of two acts at one moment the withdrawal wins:
# so these are dated a second earlier.
_NOT_YET = frozenset({"pending", "not_subscribed"})


def of_email(webhook: Webhook) -> Iterator[Row]:
    """`customers_email_marketing_consent/update`; it may come before the customer does, and makes one."""
    email = address(webhook.body.get("email_address"))
    return _of_one_channel(webhook, email=email, name="email_marketing_consent")


def of_sms(webhook: Webhook) -> Iterator[Row]:
    """`customers_marketing_consent/update`."""
    email = address(webhook.body.get("email"))
    return _of_one_channel(webhook, email=email, name="sms_marketing_consent")


def _of_one_channel(webhook: Webhook, *, email: str, name: str) -> Iterator[Row]:
    said = webhook.body
    customer_id = number_of(said.get("customer_id") or said.get("id"))
    if not customer_id and not email:
        raise Refused("no_person")
    person = Person(user_id=customer_id, email=email)
    at = webhook.time(fields(said.get(name)).get("consent_updated_at"))
    yield webhook.row(
        "customers",
        {
            "email": email,
            "phone": text(said.get("phone"), limit=50),
            "joined_at": at or webhook.received,
            # of the consent's age, so that an address told since is not lost
            "changed_at": at,
        },
        person=person,
    )
    yield from acts(webhook, said, person=person, told_at=webhook.received)


def acts(webhook: Webhook, said: Fields, *, person: Person, told_at: int) -> Iterator[Row]:
    """The acts in an object that may carry a consent for each channel; none where it is absent or null."""
    who = person.user_id or person.email
    for name, channel in _CHANNELS.items():
        consent = fields(said.get(name))
        state = text(consent.get("state"), limit=30).lower()
        at = webhook.time(consent.get("consent_updated_at"))
        if state == "subscribed":
            kind = EventKind.CONSENT_CLAIMED if at is None else EventKind.CONSENT_GIVEN
        elif state in _ENDED or (state in _NOT_YET and at is not None):
            kind = EventKind.CONSENT_WITHDRAWN
        else:
            continue
        happened_at = told_at if at is None else at
        yield webhook.consent(
            kind,
            person=person,
            external_id=f"consent:{channel}:{who}:{state}:{at or f'told {told_at}'}",
            happened_at=happened_at - 1 if state in _NOT_YET else happened_at,
            method=METHOD,
            channel=channel,
            state=state,
            opt_in_level=text(consent.get("opt_in_level"), limit=30),
            consent_updated_at=text(consent.get("consent_updated_at"), limit=50),
            collected_from=ident(consent.get("consent_collected_from")),
        )
