"""
Everything that decides whether somebody is mailed, in any order, against the real database and a mail server.

Each example is a transaction that is taken back. A sender dies as by `kill -9`: what it held open is
closed and nothing else is done for it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from django.conf import settings
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from campaigns import audience, dispatch, faults, lifecycle, sweeper
from campaigns.channels import smtp
from campaigns.enums import CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from consent import ledger
from consent.desk import requests, restricting
from consent.enums import Provenance, Purpose, RequestKind, SuppressionReason
from consent.public import choosing
from core import ids
from customers import events, identity, ingest
from customers.enums import EventKind, MergeReason
from customers.models import Customer
from customers.sources.base import ShopBatch
from segmentation.models import Membership
from tests.customers.batches import table
from tests.factories.campaigns import CampaignFactory
from tests.factories.consent import MARKETING, agree
from tests.factories.customers import NOW, CustomerFactory, SourceFactory
from tests.factories.segmentation import SegmentFactory
from tests.stories.sending_machine.books import HELD, Books
from tests.stories.sending_machine.model import NO, YES, Person


BODY = "<p>{{ shop.postal_address }} <a href='{{ unsubscribe_url }}'>Unsubscribe</a></p>"
ADDRESSES = [f"{name}@example.com" for name in ("ada", "bob", "cyd", "dee", "eve")]
someone, anyone = st.integers(0, 5), st.integers(0, 7)
addresses = st.sampled_from(ADDRESSES)


class DiedError(BaseException):
    """`kill -9`, as far as one process can do it to itself."""


class Sending(Books, RuleBasedStateMachine):
    examples: ClassVar[int] = 0
    steps: ClassVar[int] = 0
    crashes: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        # a database that is taken back is older than what lies outside of it, as after a restore
        type(self).examples += 1
        settings.LOGBOOK = str(settings.HOME / f"logbook-{self.examples}")
        self.time = 0
        self.open_books()

    @property
    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.time)

    @initialize()
    def people(self) -> None:
        self.source = SourceFactory()
        self.segment = SegmentFactory()
        for number in range(4):
            self._welcome(
                CustomerFactory(
                    source=self.source, external_id=f"p{number}", email=ADDRESSES[number]
                )
            )
            if number:
                self.agrees(number)

    def _welcome(self, customer: Customer) -> Person:
        Membership.objects.create(segment=self.segment, customer=customer, joined_at=NOW)
        person = Person(customer.pk, customer.email)
        self.world.people.append(person)
        return person

    def _one(self, number: int) -> Person:
        """Somebody who lives; where there is nobody, somebody new comes."""
        living = self.world.living() or [self._welcome(self._newcomer())]
        return living[number % len(living)]

    def _newcomer(self) -> Customer:
        number = f"new-{len(self.world.people)}"
        found: Customer = CustomerFactory(
            source=self.source, external_id=number, email=f"{number}@example.com"
        )
        return found

    def _new_friends(self) -> None:
        """Where nobody may be mailed any more, two come who may."""
        if not any(self.world.may_be_mailed(person) for person in self.world.people):
            for _ in range(2):
                person = self._welcome(self._newcomer())
                agree(self._row(person), now=self.now)
                self.world.agree(person, at=self.time)

    @staticmethod
    def _row(person: Person) -> Customer:
        return Customer.objects.get(pk=person.key)

    def _tick(self) -> None:
        self.time += 1

    # ------------------------------------------------------------ what people do
    @rule(who=someone)
    def agrees(self, who: int) -> None:
        self._tick()
        person = self._one(who)
        agree(self._row(person), now=self.now)
        self.world.agree(person, at=self.time)

    @rule(who=someone, objects=st.booleans())
    def withdraws(self, who: int, *, objects: bool) -> None:
        self._tick()
        person = self._one(who)
        act = ledger.object_to if objects else ledger.withdraw
        act(customer=self._row(person), purpose=Purpose.MARKETING, method="form", now=self.now)
        self.world.refuse(person, at=self.time)

    @rule(who=anyone)
    def unsubscribes(self, who: int) -> None:
        """Also by the link of somebody who is a part of somebody else by now."""
        self._tick()
        people = [person for person in self.world.people if not person.is_erased]
        person = people[who % len(people)] if people else self._one(who)
        ledger.unsubscribe(customer_id=person.key, method="one-click", now=self.now)
        self.world.unsubscribe(person.part_of or person, at=self.time)

    @rule(who=someone)
    def wants_nothing(self, who: int) -> None:
        self._tick()
        person = self._one(who)
        choosing.agree_to_nothing(self._row(person), now=self.now)
        self.world.unsubscribe(person, at=self.time)
        if person.agrees:
            self.world.refuse(person, at=self.time)

    @rule(who=someone)
    def objects_to_profiling(self, who: int) -> None:
        """Which says nothing about being mailed."""
        self._tick()
        row = self._row(self._one(who))
        ledger.object_to(customer=row, purpose=Purpose.PROFILING, method="form", now=self.now)

    @rule(who=someone, away=st.booleans())
    def asks_for_a_pause(self, who: int, *, away: bool) -> None:
        self._tick()
        person = self._one(who)
        until = self.now + timedelta(days=30) if away else None
        choosing.wish(self._row(person), at_most_a_month=None, paused_until=until, now=self.now)
        person.is_away = away

    @rule(who=someone)
    def is_erased(self, who: int) -> None:
        self._tick()
        person = self._one(who)
        request = requests.ask(
            kind=RequestKind.ERASURE, customer=self._row(person), requested_by="olga", now=self.now
        )
        requests.carry_out(request, now=self.now)
        self.world.erase(person, at=self.time)

    @precondition(lambda self: self.deliveries)
    @rule(which=st.integers(0, 9))
    def complains(self, which: int) -> None:
        self._tick()
        delivery = Delivery.objects.get(pk=self.deliveries[which % len(self.deliveries)])
        person = next(one for one in self.world.people if one.key == delivery.customer_id)
        self.deliveries.remove(delivery.pk)
        if person.is_erased or person.part_of:
            return
        ledger.complain(
            customer_id=person.key, address_hmac=delivery.address_hmac, happened_at=self.now,
            now=self.now, campaign_id=delivery.campaign_id, delivery_id=delivery.pk,
        )  # fmt: skip
        self.world.complain(person, about=self._address_of(delivery), at=self.time)

    def _address_of(self, delivery: Delivery) -> str:
        """To which it went, whatever address the person has now."""
        news = (f"new-{number}@example.com" for number in range(len(self.world.people)))
        return next(
            address for address in (*ADDRESSES, *news)
            if ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER) == delivery.address_hmac
        )  # fmt: skip

    @rule(who=someone, on=st.booleans())
    def is_restricted(self, who: int, *, on: bool) -> None:
        self._tick()
        person = self._one(who)
        if on:
            restricting.restrict(customer_ids=[person.key], ground="CLAIMS", now=self.now)
        else:
            restricting.lift(customer_ids=[person.key], now=self.now)
        person.is_restricted = on

    # ------------------------------------------------------------ what the shop and staff do
    @rule(who=someone, agrees=st.booleans())
    def the_shop_tells(self, who: int, *, agrees: bool) -> None:
        self._tick()
        person = self._one(who)
        events.record(
            source=self.source, customer_id=person.key, happened_at=self.now, arrived_at=self.now,
            kind=EventKind.CONSENT_GIVEN if agrees else EventKind.CONSENT_WITHDRAWN,
            external_id=f"told-{self.time}", properties=MARKETING,
        )  # fmt: skip
        self.world.tell(person, YES if agrees else NO, at=self.time)

    @rule(who=st.integers(0, 6), address=addresses, says=st.sampled_from([YES, NO, ""]))
    def a_file_is_imported(self, who: int, address: str, says: str) -> None:
        """With a new address for somebody, or with somebody new, and what the file says of consent."""
        self._tick()
        living = self.world.living()
        person = living[who] if who < len(living) else None
        number = self._row(person).external_id if person else f"new-{len(self.world.people)}"
        kind = {YES: EventKind.CONSENT_GIVEN, NO: EventKind.CONSENT_WITHDRAWN}.get(says)
        happened = {"happened_at": int(self.now.timestamp())}
        said = {"purpose": "MARKETING", "channel": "EMAIL", "provenance": Provenance.IMPORT}
        told = {
            "external_id": f"file-{self.time}", "customer_external_id": number, "kind": kind,
            "properties": json.dumps(said), **happened,
        }  # fmt: skip
        batch = ShopBatch(
            customers=table("customers", {"external_id": number, "email": address}),
            **({"events": table("events", told)} if kind else {}),
        )
        report = ingest.load(batch, source=self.source, now=self.now)
        assert not report.rejected
        if person is None:
            person = self._welcome(Customer.objects.get(external_id=number))
        person.address = address
        if says:
            self.world.tell(person, says, at=self.time, by_file=True)

    @rule()
    def the_ledger_is_read(self) -> None:
        self._tick()
        ledger.absorb(now=self.now)
        self.world.read()

    @rule(first=someone, second=someone)
    def two_are_one(self, first: int, second: int) -> None:
        self._tick()
        survivor, absorbed = self._one(first), self._one(second)
        if survivor is absorbed:
            return
        identity.merge(
            survivor=self._row(survivor), absorbed=self._row(absorbed), reason=MergeReason.STAFF,
            source=None, now=self.now,
        )  # fmt: skip
        self.world.merge(survivor, absorbed, at=self.time)

    @rule(address=addresses)
    def staff_stop_an_address(self, address: str) -> None:
        self._tick()
        hashed = ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER)
        ledger.suppress(address_hmac=hashed, reason=SuppressionReason.MANUAL, now=self.now)
        self.world.stop(address, at=self.time, for_good=True)

    # ------------------------------------------------------------ campaigns
    @rule()
    def a_campaign_is_frozen(self) -> None:
        self._tick()
        self._new_friends()
        campaign = CampaignFactory(
            segment=self.segment, holdout_share=0.0, min_days_between=0, body_html=BODY
        )
        lifecycle.launch(campaign, now=self.now)
        assert audience.freeze(campaign, now=self.now)
        planned: dict[str, Person] = {}
        for person in sorted(self.world.people, key=lambda one: one.key):
            if self.world.may_be_mailed(person):
                planned.setdefault(person.address, person)
        rows = Delivery.objects.filter(campaign=campaign)
        found = rows.filter(state=DeliveryState.PLANNED).values_list("customer_id", flat=True)
        reasons = dict(rows.values_list("customer_id", "reason"))
        assert set(found) <= {person.key for person in planned.values()}, (planned, reasons)
        for person in planned.values():
            assert person.key in found or self._is_excused(person, reasons[person.key]), person
        assert reasons.keys() >= {person.key for person in self.world.living()}
        self.planned[campaign.pk] = {one for one in planned.values() if one.key in found}
        self.running[campaign.pk] = True

    @precondition(lambda self: self.running)
    @rule(
        which=st.integers(0, 2),
        what=st.sampled_from(["pause", "resume", "pause", "resume", "cancel"]),
    )
    def a_campaign_is_moved(self, which: int, what: str) -> None:
        self._tick()
        keys = sorted(self.running)
        campaign = Campaign.objects.get(pk=keys[which % len(keys)])
        if campaign.state != (CampaignState.PAUSED if what == "resume" else CampaignState.RUNNING):
            return
        getattr(lifecycle, what)(campaign, now=self.now)
        self.running[campaign.pk] = what == "resume"

    @rule()
    def a_sender_runs(self) -> None:
        self._send()

    @rule(
        who=someone,
        act=st.sampled_from(
            [
                "withdraws",
                "wants_nothing",
                "is_erased",
                "asks_for_a_pause",
                "is_paused",
                "is_cancelled",
            ]
        ),
    )
    def a_sender_is_overtaken(self, who: int, act: str) -> None:
        """By people and staff, who change their mind after it has claimed rows and before it hands any over."""
        acts: dict[str, Callable[[], None]] = {
            "withdraws": partial(self.withdraws, who, objects=True),
            "wants_nothing": partial(self.wants_nothing, who),
            "is_erased": partial(self.is_erased, who),
            "asks_for_a_pause": partial(self.asks_for_a_pause, who, away=True),
            "is_paused": partial(self.a_campaign_is_moved, who, "pause"),
            "is_cancelled": partial(self.a_campaign_is_moved, who, "cancel"),
        }
        self._send(between=acts[act])

    @rule(point=st.sampled_from(faults.POINTS))
    def a_sender_dies(self, point: str) -> None:
        self._send(dies_at=point)

    @rule()
    def the_sweeper_comes(self) -> None:
        self._tick()
        sweeper.sweep(now=self.now, journals=settings.HOME / "journals")
        self._look(died=True)
        self.a_sender_is_dead = False
        assert not Delivery.objects.filter(state__in=HELD).exists()

    # ------------------------------------------------------------ how it is sent
    def _send(self, *, between: Callable[[], None] | None = None, dies_at: str = "") -> None:
        if not any(
            self.running[campaign] and planned for campaign, planned in self.planned.items()
        ):
            self.a_campaign_is_frozen()
        self._tick()
        todo = [between] if between else []

        def at_point(name: str, *, first: Callable[[], object] | None = None) -> None:
            if name == "after-claim" and todo:
                todo.pop()()
            if name == dies_at:
                if first is not None:
                    first()
                raise DiedError

        died = False
        dispatch.crash_point = smtp.crash_point = at_point
        try:
            dispatch.run(
                now=lambda: self.now, seconds=30, channel_url=self.mail_server.url,
                journals=settings.HOME / "journals",
            )  # fmt: skip
        except DiedError:
            died = self.a_sender_is_dead = True
            type(self).crashes += 1
        finally:
            dispatch.crash_point = smtp.crash_point = faults.crash_point
        self._look(died=died)

    @invariant()
    def count(self) -> None:
        type(self).steps += 1

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)
        for folder in (settings.HOME / "journals", settings.LOGBOOK):
            shutil.rmtree(folder, ignore_errors=True)
