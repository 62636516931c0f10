"""identify and alias: who somebody is, what is said of them, and the consent in a mapped trait."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from customers.enums import EventKind
from customers.intake.translation import Person, Row, SamePerson, Seen
from customers.sources.segment.calls import Call, bounded
from customers.sources.segment.fields import Fields, Refused, fields, ident, moment, pick, text


CONSENT_TRAIT = "email_marketing_consent"
_SECRET = ("password", "passwd", "token", "secret", "cardnumber", "cvv")
"""Traits whose name holds one of these are never kept."""
_YES = frozenset({"subscribed", "true", "yes", "1", "opted_in", "granted"})
_NO = frozenset({"unsubscribed", "false", "no", "0", "opted_out", "denied", "redacted"})


def identify(call: Call, *, settings: Fields) -> Iterator[Row | Seen]:
    """
    A customer's row and events of consent. A visitor's traits are not kept: nobody is there to have them.

    A browser key links the visitor to a user id and nothing else, since anybody can read it.
    """
    person = call.person
    if not call.trusted or not (person.user_id or person.email):
        yield Seen(item=call.index, person=person)
        return
    said = {**fields(call.context.get("traits")), **fields(call.body.get("traits"))}
    mapped = str(settings.get("consent_trait", CONSENT_TRAIT))
    known, unknown = _sorted_out({name: v for name, v in said.items() if name != mapped})
    first, last = known.get("firstname", ""), known.get("lastname", "")
    if not first and not last:
        first, _, last = known.get("name", "").partition(" ")
    where = fields(said.get("address"))
    language = known.get("language") or known.get("locale") or text(
        call.context.get("locale"), limit=20
    )  # fmt: skip
    yield Row(
        entity="customers",
        item=call.index,
        person=person,
        values={
            "email": person.email,
            "first_name": first[:200],
            "last_name": last.strip()[:200],
            "country": known.get("country") or text(where.get("country"), limit=100),
            "language": language.replace("_", "-").partition("-")[0].lower()[:20],
            "phone": known.get("phone", ""),
            "traits": bounded(unknown) if unknown else None,
            "joined_at": _created(known, latest=call.happened_at),
            "changed_at": call.happened_at,
        },
    )
    if mapped in said:
        yield from _consent(call, said[mapped])


_KNOWN = {
    "email": 320, "firstname": 200, "lastname": 200, "name": 400, "phone": 50, "country": 100,
    "language": 20, "locale": 20, "createdat": 40,
}  # fmt: skip


def _sorted_out(said: Fields) -> tuple[dict[str, str], dict[str, Any]]:
    """Traits that have a column, by name without case and underscores, and the others as they are."""
    known: dict[str, str] = {}
    unknown: dict[str, Any] = {}
    for name, value in said.items():
        key = name.replace("_", "").lower()
        if key in _KNOWN and isinstance(value, str | int | float):
            known[key] = text(value, limit=_KNOWN[key])
        elif not any(word in key for word in _SECRET):
            unknown[name] = value
    return known, unknown


def _created(known: dict[str, str], *, latest: int) -> int:
    """When they joined: `createdAt` where it makes sense, else when we heard of them."""
    try:
        created = moment(known.get("createdat"))
    except Refused:
        created = None
    return latest if created is None or not 631152000 <= created <= latest else created


def _consent(call: Call, said: Any) -> Iterator[Row]:
    """
    Consent needs a time and a state; anything less is a claim. A no is a no in any form.

    `pending`, `not_subscribed` and `invalid` say neither.
    """
    answer = fields(said)
    state = _state(answer.get("state") if answer else said)
    told = {"purpose": "MARKETING", "channel": "EMAIL", "provenance": "trait", "state": state}
    for name in ("opt_in_level", "consent_updated_at"):
        if value := text(pick(answer, name), limit=50):
            told[name] = value
    told["method"] = told.get("opt_in_level", "trait")
    try:
        at = moment(pick(answer, "consent_updated_at"))
    except Refused:
        at = None
    at = None if at is None else min(at, call.happened_at)
    if state in _NO:
        kind = EventKind.CONSENT_WITHDRAWN
    elif state == "subscribed" and at is not None:
        kind = EventKind.CONSENT_GIVEN
    elif state in _YES:
        kind = EventKind.CONSENT_CLAIMED
    else:
        return
    external_id = ""
    if at is not None:
        # the same answer comes with every identify: once is enough
        person = f"{call.person.user_id}\n{call.person.email}\n{at}\n{state}"
        external_id = f"consent:{hashlib.sha256(person.encode()).hexdigest()}"
    yield call.event(
        kind, name="", properties=told, suffix=":consent", external_id=external_id, happened_at=at
    )


def _state(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return text(value, limit=30).lower().replace(" ", "_")


def alias(call: Call) -> SamePerson | Seen:
    """`previousId` (else the anonymous id) and `userId` are one person. Raises Refused."""
    if not call.trusted:
        raise Refused("browser_key_may_not")
    user = call.person.user_id
    previous = ident(pick(call.body, "previous_id")) or call.person.anonymous_id
    if not user or not previous:
        raise Refused("no_person")
    if user == previous:
        return Seen(item=call.index, person=call.person)
    return SamePerson(
        item=call.index, absorbed=Person(user_id=previous), survivor=Person(user_id=user)
    )
