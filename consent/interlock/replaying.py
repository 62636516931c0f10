"""
Doing again what a restored database has forgotten, by the logbook: erasures, suppressions, withdrawals.

Everything may be done twice: a replay that was killed is begun anew, and the gate opens only at its end.
Where the logbook and the database may mean different people by one number (numbers are given anew after
a restore), a withdrawal is taken for both; an erasure needs the shop's number or the address to agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from consent import ledger, peppers
from consent.accountability import probing
from consent.desk import requests, restricting
from consent.desk.people import gather
from consent.enums import Act, RequestKind, SuppressionReason
from consent.interlock import entries, logbook, reading
from consent.interlock.logbook_models import LogbookMark
from consent.models import ConsentEvent
from customers.models import Customer


METHOD = "replayed"
MARGIN = timedelta(hours=1)
"""Looked at from so long before the backup: a dump takes a while, and clocks differ."""

Fact = Mapping[str, Any]


class ReplayError(Exception):
    """It cannot be replayed; the message says what is missing and what to do."""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """
    What the database lacks. `since` is about the moment of the backup; None: it knows nothing at all.

    `sent` is read from the files each time it is gone through.
    """

    tokens: Mapping[str, datetime]
    since: datetime | None
    acts: Sequence[Fact]
    sent: Iterable[Fact]


def find(*, despite_damage: bool = False, despite_gap: bool = False) -> Missing:
    """What is to be replayed. Raises ReplayError when the files do not tell all of it."""
    if logbook.is_lost():
        raise ReplayError(logbook.IS_MISSING)
    told = reading.read()
    if told.damaged and not despite_damage:
        raise ReplayError(
            f"{told.damaged} lines of {logbook.folder()} cannot be read. What they told cannot be "
            "replayed; --despite-damage goes on without them."
        )
    lacking = logbook.missing(told.committed)
    tokens = {token: at for token, at in told.committed.items() if token in lacking}
    if not tokens:
        return Missing(tokens={}, since=None, acts=[], sent=[])
    known = LogbookMark.objects.filter(at__lt=min(tokens.values())).exclude(token=logbook.HORIZON)
    since = known.order_by("-at").values_list("at", flat=True).first()
    if told.begins is not None and (since is None or since < told.begins) and not despite_gap:
        raise ReplayError(
            f"{logbook.folder() / told.lost} is missing: this backup is "
            f"{f'of about {since:%Y-%m-%d %H:%M}' if since else 'older than the logbook'}, and the "
            f"files tell only of what happened since {told.begins:%Y-%m-%d %H:%M}. Put the file back, or "
            "take a younger backup; --despite-gap replays what there is, and you answer for the rest."
        )
    here = set(LogbookMark.objects.values_list("token", flat=True))
    from_on = since - MARGIN if since else None
    # of a customer who never was: their number may be somebody's by now
    probes = peppers.hmacs(probing.ADDRESS)
    return Missing(
        tokens=tokens, since=since,
        acts=[
            fact for fact in told.acts
            # not known to have committed: perhaps rolled back, perhaps not; the strict reading wins
            if (fact["t"] in tokens
                or (fact["t"] not in told.committed and fact["t"] not in here
                    and _is_since(fact, from_on)))
            and fact.get("address") not in probes
        ],
        sent=replace(
            told.sent, wanted=lambda fact: told.sent.wanted(fact) and _is_since(fact, from_on)
        ),
    )  # fmt: skip


def _is_since(fact: Fact, moment: datetime | None) -> bool:
    return moment is None or datetime.fromisoformat(fact["at"]) >= moment


def replay(missing: Missing, *, now: datetime) -> dict[str, int]:
    """Do the acts again, erasures last: what they empty need not be right. Counts, in words."""
    done: Counter[str] = Counter()
    for fact in _by(missing.acts, entries.SUPPRESSED):
        ledger.suppress(
            address_hmac=fact["address"], reason=SuppressionReason(fact["reason"]),
            detail=fact["detail"], now=datetime.fromisoformat(fact["happened"]),
        )  # fmt: skip
        done["addresses suppressed"] += 1
    for fact in _by(missing.acts, entries.ENDED):
        done["consents ended"] += _end(fact, now=now)
    for fact in _by(missing.acts, entries.RESTRICTED):
        done["people restricted or free again"] += _restrict(fact, now=now)
    for fact in _by(missing.acts, entries.ERASED):
        done["people erased"] += _erase(fact, now=now)
    return dict(done)


def finish(missing: Missing) -> None:
    """Everything has been done again: the database knows what the files know, and the gate opens."""
    with transaction.atomic():
        LogbookMark.objects.bulk_create(
            (LogbookMark(token=token, at=at) for token, at in missing.tokens.items()),
            ignore_conflicts=True, batch_size=5_000,
        )  # fmt: skip
    logbook.open_again()


def begin_anew() -> None:
    """Without the old logbook: what it told is lost, and the gate opens. Marks stay: who lives goes by them."""
    logbook.begin()
    logbook.open_again()


def _by(facts: Iterable[Fact], act: str) -> Iterable[Fact]:
    return (fact for fact in facts if fact["act"] == act)


def meant(fact: Fact) -> list[Customer]:
    """Whom a fact may be about: the number, and everybody who has the address."""
    theirs = Q(pk=fact["customer"])
    if fact["address"]:
        theirs |= Q(email_hmac__in=peppers.same(fact["address"]))
    return list(Customer.objects.filter(theirs, erased_at=None).order_by("pk"))


def _end(fact: Fact, *, now: datetime) -> int:
    at = min(datetime.fromisoformat(fact["happened"]), now)
    count = 0
    for customer in meant(fact):
        place = {"customer": customer, "purpose": fact["purpose"], "channel": fact["channel"]}
        if ConsentEvent.objects.filter(
            **place, act__in=[Act.WITHDRAWN, Act.OBJECTED], happened_at=at
        ).exists():
            continue
        ledger.end(
            customer=customer, purpose=fact["purpose"], channel=fact["channel"], act=Act(fact["how"]),
            method=METHOD, happened_at=at, now=now, evidence={"logbook": fact["t"]},
        )  # fmt: skip
        count += 1
    return count


def _restrict(fact: Fact, *, now: datetime) -> int:
    keys = [one.pk for one in meant(fact)]
    if fact["on"]:
        return restricting.restrict(customer_ids=keys, ground=fact["reason"], now=now)
    return restricting.lift(customer_ids=keys, now=now)


def _erase(fact: Fact, *, now: datetime) -> int:
    numbers = dict(fact["customers"])
    same = [
        customer.pk
        for customer in Customer.objects.filter(pk__in=numbers).order_by("pk")
        if numbers[customer.pk] in entries.identities(customer)
    ]
    person = gather(customer_ids=same, address_hmacs=fact["addresses"])
    living = Customer.objects.filter(pk__in=person.customer_ids, erased_at=None)
    count = living.count()
    if not count:
        return 0
    request = requests.ask(
        kind=RequestKind.ERASURE, customer=living.first(), requested_by=METHOD, now=now
    )
    request.result = {
        "known_by": {
            "customers": list(person.customer_ids), "address_hmacs": sorted(person.address_hmacs),
        }
    }  # fmt: skip
    request.save(update_fields=["result"])
    requests.carry_out(request, now=now)
    return count
