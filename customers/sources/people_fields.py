"""What columns of people are called, and what the words in them mean for consent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from customers.sources.base import SourceError
from customers.sources.layouts import Field


# Our field to the spellings under which Klaviyo, Mailchimp, Shopify and plain exports know it; the
# first that a file has is taken.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "id": ("customer id", "customer_id", "external_id", "external id", "klaviyo id", "leid", "id"),
    "email": ("email", "e-mail", "email address", "e-mail address", "email_address"),
    "first_name": ("first name", "first_name", "firstname", "fname"),
    "last_name": ("last name", "last_name", "lastname", "lname", "surname"),
    "phone": ("phone", "phone number", "phone_number", "default address phone"),
    "country": ("country code", "country", "default address country code", "cc"),
    "language": ("language", "locale"),
    "created": ("created_at", "created at", "date added", "profile created on", "joined_at"),
    "tags": ("tags",),
    "birthday": ("birthday", "birthdate", "birth date", "date of birth", "date_of_birth"),
    "age": ("age",),
    "consent": (
        "email marketing consent", "email_marketing_consent", "accepts email marketing",
        "accepts marketing", "consent", "status", "subscription status",
    ),
    "consent_at": (
        "email marketing consent timestamp", "consent_at", "consented_at", "consent timestamp",
        "confirm_time", "optin_time",
    ),
    "consent_source": ("consent_source", "consent source", "custom_source", "consent method", "source"),
    "consent_wording": ("consent_wording", "wording"),
    "consent_ip": ("consent_ip", "confirm_ip", "optin_ip"),
    "withdrawn_at": ("unsubscribed_at", "unsub_time"),
    "cleaned_at": ("clean_time", "cleaned_at", "bounced_at"),
    "sms_consent": ("sms marketing consent", "accepts sms marketing", "sms_consent"),
    "sms_consent_at": ("sms marketing consent timestamp", "sms_consent_at"),
}  # fmt: skip

MEANINGS = {
    "id": "the shop's number of the person",
    "email": "needed where there is no number",
    "consent": "subscribed, unsubscribed, yes, no …",
    "consent_at": "when they agreed: without it a consent is only claimed",
    "consent_source": "where they agreed, such as “newsletter form”",
    "consent_wording": "the version of the text they agreed to, if it is recorded here",
    "withdrawn_at": "when they unsubscribed",
    "cleaned_at": "when their address was given up because mail came back: nobody is mailed there",
    "created": "since when the shop knows them",
    "birthday": "year, month and day: children get no promotions",
    "age": "in years, where there is no birthday",
}
FIELDS = tuple(Field(name=name, meaning=MEANINGS.get(name, "")) for name in SPELLINGS)

GIVEN = (
    "subscribed", "yes", "y", "true", "1", "opted in", "opted-in", "opt-in", "optin", "confirmed",
    "granted", "accepted", "active", "1.0", "t",
)  # fmt: skip
WITHDRAWN = (
    "unsubscribed", "no", "n", "false", "0", "opted out", "opted-out", "opt-out", "optout",
    "cleaned", "bounced", "complained", "suppressed", "withdrawn", "redacted",
    "0.0", "f", "unsubscribe", "nein", "non", "nee",
)  # fmt: skip
SILENT = (
    "", "never_subscribed", "never subscribed", "not_subscribed", "not subscribed", "pending",
    "unknown", "invalid", "non-subscribed", "transactional", "unconfirmed",
)  # fmt: skip
"""Says neither yes nor no. Nobody becomes mailable by it, and nobody who agreed elsewhere stops being."""


def columns(names: Sequence[str], mapping: Mapping[str, Any] | None) -> dict[str, str]:
    """Our fields to the file's columns, by a mapping or by their names; raises SourceError."""
    known = {name.strip().lower(): name for name in names}
    if mapping is not None:
        return _mapped(known, names, mapping)
    found = {
        field: next(known[spelling] for spelling in spellings if spelling in known)
        for field, spellings in SPELLINGS.items()
        if any(spelling in known for spelling in spellings)
    }
    _require_a_name(found, names)
    return found


def _mapped(
    known: Mapping[str, str], names: Sequence[str], mapping: Mapping[str, Any]
) -> dict[str, str]:
    wanted = mapping.get("columns")
    if not isinstance(wanted, dict) or not all(isinstance(v, str) for v in wanted.values()):
        raise SourceError(
            'A mapping of people is a JSON object such as {"columns": {"email": "Address"}}.'
        )
    for field, column in wanted.items():
        if field not in SPELLINGS:
            raise SourceError(
                f"The mapping has an unknown field {field!r}; known: {', '.join(SPELLINGS)}."
            )
        if column.strip().lower() not in known:
            raise SourceError(
                f"The mapping names a column {column!r} that the file does not have (it has:"
                f" {', '.join(names)})."
            )
    found = {field: known[column.strip().lower()] for field, column in wanted.items()}
    _require_a_name(found, names)
    return found


def _require_a_name(found: Mapping[str, str], names: Sequence[str]) -> None:
    if "email" not in found and "id" not in found:
        raise SourceError(
            f"No column of the file names the people: neither a number nor an e-mail address (it has:"
            f' {", ".join(names)}). Name it in a mapping, as in {{"columns": {{"email": "..."}}}}.'
        )
