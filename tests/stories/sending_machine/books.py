"""What the mail server got, what the database says and what the model knows, compared after each sender."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings

from campaigns.enums import CampaignState, DeliveryState, SkipReason
from campaigns.models import Campaign, Delivery
from core import ids
from tests.stories.sending_machine.model import Person, World


HELD = (DeliveryState.CLAIMED, DeliveryState.SENDING)


class Books:
    mail_server: ClassVar[Any]
    sent: ClassVar[int] = 0
    unknown: ClassVar[int] = 0

    def open_books(self) -> None:
        self.world = World()
        self.planned: dict[int, set[Person]] = {}  # by campaign: who is still to be mailed
        self.running: dict[int, bool] = {}
        self.mailed: set[tuple[int, int]] = set()  # campaign, customer
        self.mailed_at: dict[tuple[int, str], Person] = {}  # campaign, address
        self.deliveries: list[int] = []
        self.a_sender_is_dead = False

    def _look(self, *, died: bool) -> None:
        """Compare what the mail server got, what the database says, and what we know."""
        if died:
            self.mail_server.settle()
        arrived = self.mail_server.arrived()
        known = Delivery.objects.filter(message_id__in=[one["message_id"] for one in arrived]).only(
            "campaign", "customer", "message_id"
        )
        deliveries = {delivery.message_id: delivery for delivery in known}
        for message in arrived:
            delivery = deliveries[message["message_id"]]
            person = next(one for one in self.world.people if one.key == delivery.customer_id)
            assert self.running[delivery.campaign_id], "a campaign that does not run sends nothing"
            assert self.world.may_be_mailed(person), f"{person} was mailed"
            assert message["recipient"] == person.address
            key = (delivery.campaign_id, person.key)
            assert key not in self.mailed, f"{person} was mailed twice"
            before = self.mailed_at.get((delivery.campaign_id, person.address))
            # of the erased it is not known any more what they got
            assert before is None or before.is_erased, f"{person} and {before} are one address"
            self.mailed_at[delivery.campaign_id, person.address] = person
            assert person in self.planned[delivery.campaign_id]
            self.mailed.add(key)
            self.deliveries.append(delivery.pk)
            type(self).sent += 1
        waiting = [
            (campaign, person)
            for campaign, planned in self.planned.items()
            for person in sorted(planned, key=lambda one: one.key)
        ]
        rows = {
            (row.campaign_id, row.customer_id): row
            for row in Delivery.objects.filter(
                campaign__in={campaign for campaign, _ in waiting},
                customer__in={person.key for _, person in waiting},
            ).only("campaign", "customer", "state", "reason")
        }
        for campaign, person in waiting:
            if self._has_ended(campaign, person, rows[campaign, person.key], died=died):
                self.planned[campaign].discard(person)

    def _is_excused(self, person: Person, reason: str) -> bool:
        """Somebody may be left out who may not be mailed, or whose address was stopped before."""
        return not self.world.may_be_mailed(person) or (
            reason == SkipReason.SUPPRESSED and person.address in self.world.stopped_once
        )

    @staticmethod
    def _is_a_copy(person: Person, row: Delivery) -> bool:
        """Somebody else's message was for the address that this person has come to since the freeze."""
        hashed = ids.address_hmac(person.address, pepper=settings.SUPPRESSION_PEPPER)
        others = Delivery.objects.filter(campaign=row.campaign_id, address_hmac=hashed)
        return row.reason == SkipReason.DUPLICATE_ADDRESS and others.exclude(pk=row.pk).exists()

    def _has_ended(self, campaign: int, person: Person, row: Delivery, *, died: bool) -> bool:
        key, state = (campaign, person.key), row.state
        if state == DeliveryState.SENT:
            assert key in self.mailed
            return True
        if state == DeliveryState.UNKNOWN:
            assert died
            type(self).unknown += 1
            return True
        if state == DeliveryState.SKIPPED:
            is_cancelled = Campaign.objects.get(pk=campaign).state == CampaignState.CANCELLED
            assert (
                is_cancelled or self._is_excused(person, row.reason) or self._is_a_copy(person, row)
            ), f"{person} was left out"
            return True
        if state in HELD:
            assert self.a_sender_is_dead
            return False
        assert key not in self.mailed, "what has arrived is not planned again"
        # nobody who may be mailed stays behind where a sender has done its work
        assert died or self.a_sender_is_dead or not self.running[campaign]
        return False
