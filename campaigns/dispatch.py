"""
Sending: claim a chunk, declare the intent for a group, hand over one by one, write down the answers.

Any number of senders may run at once, and any of them may be killed at any moment: what that can
lose is the answer to the one message in flight, which is then UNKNOWN and never sent again by
itself. The sweeper brings the rest back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from django.db import connection

from campaigns import audience, handover, handover_lock, holding, limits, policy, recommended
from campaigns.channels import open_channel
from campaigns.channels.base import Channel, ChannelError, Letter, Verdict
from campaigns.enums import FINAL_STATES, CampaignState, DeliveryState, SkipReason
from campaigns.faults import crash_point, listen
from campaigns.handover import Intended, Outcome
from campaigns.journal import Journal, Reply
from campaigns.models import Campaign
from campaigns.rendering import CampaignTemplate, RenderError
from campaigns.returns import budget
from consent.interlock import hindrances, logbook
from core import statements
from core.garbage import uncollected
from core.registry import UnknownNameError


log = logging.getLogger(__name__)

CHUNK = 1000  # rows claimed at once; they can all go back
GROUP = 200  # rows in one intent; these can not, without the journal (docs/adr/0022)
# For a group, from its intent. Whoever of it withdraws waits so long, and for the last answer of a slow server.
HANDOVER_SECONDS = 2.0
# No message is begun later than that after its intent, whatever it took to prepare, reconnect and announce
# it: whoever withdraws waits for a second more (migration 0017).
LATEST_SECONDS = 4.0
CONNECT_ATTEMPTS = 3


def run(*, now: Callable[[], datetime], seconds: float, channel_url: str, journals: Path) -> int:
    """
    Freeze what is due and send for at most about `seconds`; returns the rows taken care of.

    `now` is asked for each message, because a run outlives a moment.
    """
    listen()
    close_cancelled()
    if words := hindrances.of_sending():
        log.error("%s", words)
        return 0
    for campaign in Campaign.objects.filter(
        state=CampaignState.SCHEDULED, scheduled_at__lte=now()
    ).order_by("scheduled_at", "pk"):
        if audience.freeze(campaign, now=now()):
            log.info("campaign %d: audience of %d frozen", campaign.pk, campaign.audience)
    running = _running()
    if not running:
        return 0
    try:
        bounds = holding.rules().limits
        channel = open_channel(channel_url)
    except (UnknownNameError, holding.HoldingError) as error:
        words = f"COTERIE_SMTP_URL names no way to send: {error}"
        for campaign in running:
            _pause(campaign, note=f"Paused: {words if isinstance(error, LookupError) else error}.")
        return 0
    deadline = time.monotonic() + seconds
    sender = _Sender(
        now=now, channel=channel, journal=Journal(journals), deadline=deadline, bounds=bounds
    )
    try:
        return sender.run()
    except logbook.BehindError as error:
        log.error("%s", error)  # noqa: TRY400 - in words; the sweeper gives back what was claimed
        return 0
    finally:
        sender.close()


def _running() -> list[Campaign]:
    return list(Campaign.objects.filter(state=CampaignState.RUNNING).order_by("frozen_at", "pk"))


class _Sender:
    """One connection, one journal, one name on the rows it holds."""

    def __init__(
        self, *, now: Callable[[], datetime], channel: Channel, journal: Journal, deadline: float,
        bounds: limits.Limits,
    ) -> None:  # fmt: skip
        self.now = now
        self.channel = channel
        self.journal = journal
        self.deadline = deadline
        self.bounds = bounds
        # seconds a message, a running mean; where limits are set only one is tried at first
        self.pace = limits.SLACK if bounds else 0.0
        self.preparing = (
            0.0  # seconds a message from the intent to the first hand-over, the last time
        )
        self.held_back = False  # the limits had nothing for the group before
        self.unwritten = False  # the journal knows something that the database does not
        self.marked_by: object = None  # the connection to the database at the first mark

    def close(self) -> None:
        keep = True
        try:
            self.channel.close()
            # by another connection nobody can say that a crash of the database has taken no marks back
            if not self.unwritten and self.marked_by in {None, connection.connection}:
                handover.release(owner=self.journal.owner)
                handover.make_durable()
                keep = False
        finally:
            self.journal.close(keep=keep)

    def run(self) -> int:
        """A chunk of each running campaign in turn, until time is up or nothing is due."""
        total = 0
        while time.monotonic() < self.deadline:
            done = 0
            for campaign in _running():
                if time.monotonic() < self.deadline:
                    with uncollected():
                        done += self.chunk(campaign)
            if done == 0:
                break
            total += done
        return total

    def chunk(self, campaign: Campaign) -> int:
        """Send up to CHUNK messages of one campaign; returns the rows taken care of."""
        if note := budget.is_spent(campaign):
            _pause(campaign, note=note)
            return 0
        crash_point("before-claim")
        claimed = handover.claim(campaign_id=campaign.pk, owner=self.journal.owner, limit=CHUNK)
        if not claimed:
            finish(campaign, now=self.now())
            return 0
        crash_point("after-claim")
        done = 0
        try:
            statements.plan_anew()
            template = CampaignTemplate(campaign)
            while done < len(claimed) and time.monotonic() <= self.deadline:
                connect(self.channel)
                crash_point("after-connect")
                group = claimed[done : done + self.size()]
                # whatever fails from here on: by the journal the sweeper sees that nothing was handed over
                self.unwritten = True
                intended = handover.intend(
                    campaign_id=campaign.pk, owner=self.journal.owner, group=group, now=self.now()
                )
                if not intended and not _still_running(campaign):
                    self.unwritten = False
                    break
                began = time.monotonic()
                self.held_back = not intended
                crash_point("after-intent")
                self.group(template, recommended.with_products(template, intended), began=began)
                done += len(group)
        except RenderError as error:
            _pause(campaign, note=f"Paused: the message cannot be made. {error}")
        except ChannelError as error:
            _pause(campaign, note=f"Paused: the mail server cannot be reached. {error.reply}")
        finally:
            handover_lock.let_go(owner=self.journal.owner)
        if done < len(claimed):
            handover.release(owner=self.journal.owner)
        return done

    def size(self) -> int:
        """Rows for an intent: as many as can leave before their time or their grants are over."""
        each = self.pace + self.preparing
        if self.held_back or not each:
            return GROUP
        seconds = limits.SLACK if self.bounds else HANDOVER_SECONDS
        return max(1, min(GROUP, int(seconds / each)))

    def in_time(self, intended: Sequence[Intended]) -> Sequence[Intended]:
        """With new grants where locks or products took longer than the old ones were good for."""
        moment = time.monotonic()
        late = {row.id: row.until for row in intended if row.until and moment > row.until.ends}
        if not late:
            return intended
        again = limits.renew(self.bounds, late)
        return [replace(row, until=again.get(row.id, row.until)) for row in intended]

    def group(
        self, template: CampaignTemplate, intended: Sequence[Intended], *, began: float
    ) -> None:
        """
        Hand over what is SENDING and write down the answers; raises what stops the campaign.

        began: when the intent was there, of time.monotonic().
        """
        intended = self.in_time(intended)
        letters = _Letters(template, intended, dated=self.now())
        outcomes: list[Outcome] = []
        stopped = self.slow_preparation(intended, seconds=time.monotonic() - began)
        about_us = 0  # refusals of us as a sender: not all of a group need to be refused
        for place, row in enumerate(intended):
            begun = time.monotonic()
            until = began + (HANDOVER_SECONDS if place else LATEST_SECONDS)  # one at least
            ends = min(until, row.until.ends) if row.until else until
            if (
                stopped or policy.over_budget(about_us) or begun > ends
            ):  # not handed over: it goes back
                outcomes.append(Outcome(id=row.id, epoch=row.epoch, attempt=row.attempt))
                continue
            outcome = self.one(row, letters, place, by=began + LATEST_SECONDS)
            outcomes.append(outcome)
            self.pace += (time.monotonic() - begun - self.pace) / 4
            about_us += handover.is_about_us(outcome)
            if outcome.reply and outcome.reply.verdict == Verdict.UNREACHABLE:
                stopped = ChannelError(outcome.reply.reply, verdict=Verdict.UNREACHABLE)
        handover_lock.let_go(owner=self.journal.owner)
        marked = handover.mark(
            owner=self.journal.owner, outcomes=outcomes, now=self.now(), durable=False
        )
        self.unwritten = False
        self.marked_by = self.marked_by or connection.connection
        stayed = {outcome.id for outcome in outcomes if outcome.reply is None}
        limits.give_back(row.until for row in intended if row.until and row.id in stayed)
        crash_point("after-mark")
        if marked < len(outcomes):
            log.warning("%d deliveries were taken over by somebody else", len(outcomes) - marked)
        if stopped:
            raise stopped

    def slow_preparation(
        self, intended: Sequence[Intended], *, seconds: float
    ) -> ChannelError | RenderError | None:
        """What stops a campaign of whose messages not even one can be prepared in time."""
        self.preparing = seconds / max(1, len(intended))
        if len(intended) == 1 and seconds > LATEST_SECONDS:
            return RenderError(f"What goes into it took {seconds:.0f} seconds to look up.")
        return None

    def one(self, row: Intended, letters: _Letters, place: int, *, by: float) -> Outcome:
        letter = letters.at(place)
        if not isinstance(letter, Letter):
            return Outcome(
                id=row.id, epoch=row.epoch, attempt=row.attempt, unrenderable=str(letter)
            )
        self.journal.started(row.id, row.epoch)
        crash_point("before-handover")
        verdict, enhanced = "", ""
        try:
            reply = self.channel.send(
                letter, following=letters.following(place),
                meanwhile=lambda: letters.at(place + 2), by=by,
            )  # fmt: skip
        except ChannelError as error:
            reply, verdict, enhanced = error.reply, error.verdict.value, error.enhanced
        crash_point("after-handover")
        answer = Reply(
            delivery_id=row.id, epoch=row.epoch, verdict=verdict, reply=reply, enhanced=enhanced,
            at=self.now(),
        )  # fmt: skip
        self.journal.replied(answer)
        crash_point("after-journal")
        return Outcome(id=row.id, epoch=row.epoch, attempt=row.attempt, reply=answer)


class _Letters:
    """The letters of a group, each made when it is first asked for: while the server has the one before."""

    def __init__(
        self, template: CampaignTemplate, intended: Sequence[Intended], *, dated: datetime
    ) -> None:
        self.template, self.intended, self.dated = template, intended, dated
        self.made: list[Letter | RenderError] = []

    def at(self, place: int) -> Letter | RenderError | None:
        """That of the row at `place` and all before it; None where there is no such row."""
        while len(self.made) <= place < len(self.intended):
            try:
                self.made.append(
                    self.template.letter(self.intended[len(self.made)].recipient, now=self.dated)
                )
            except RenderError as error:
                self.made.append(error)
        return self.made[place] if place < len(self.made) else None

    def following(self, place: int) -> Letter | None:
        """What will be sent after the row at `place`, if that is sure enough."""
        letter = self.at(place + 1)
        if not isinstance(letter, Letter):
            return None
        # what a limit has granted may have run out by then
        return None if self.intended[place + 1].until else letter


def connect(channel: Channel) -> None:
    """Connect with some patience: a relay that restarts is no reason to stop. Raises ChannelError."""
    for attempt in range(1, CONNECT_ATTEMPTS + 1):
        try:
            channel.connect()
        except ChannelError:
            if attempt == CONNECT_ATTEMPTS:
                raise
            time.sleep(0.5 * attempt)
        else:
            return


def finish(campaign: Campaign, *, now: datetime) -> bool:
    """Make a running campaign FINISHED if every delivery is in a final state."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_campaign SET state = %s, finished_at = %s
               WHERE id = %s AND state = %s AND NOT EXISTS (
                   SELECT 1 FROM campaigns_delivery
                   WHERE campaign_id = campaigns_campaign.id AND state = ANY(%s))""",
            [CampaignState.FINISHED.value, now, campaign.pk, CampaignState.RUNNING.value,
             [state.value for state in DeliveryState if state not in FINAL_STATES]],
        )  # fmt: skip
        return bool(cursor.rowcount)


def close_cancelled() -> int:
    """Skip what a cancelled campaign has not sent; what is being handed over ends by itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_delivery
                SET state = '{DeliveryState.SKIPPED}', reason = '{SkipReason.CANCELLED}',
                    owner = '', leased_until = NULL
                WHERE state IN ('{DeliveryState.PLANNED}', '{DeliveryState.DEFERRED}',
                                '{DeliveryState.CLAIMED}')
                  AND campaign_id IN (SELECT id FROM campaigns_campaign
                                      WHERE state = '{CampaignState.CANCELLED}')"""
        )
        return int(cursor.rowcount)


def _still_running(campaign: Campaign) -> bool:
    return Campaign.objects.filter(pk=campaign.pk, state=CampaignState.RUNNING).exists()


def _pause(campaign: Campaign, *, note: str) -> None:
    log.error("campaign %d: %s", campaign.pk, note)
    Campaign.objects.filter(pk=campaign.pk, state=CampaignState.RUNNING).update(
        state=CampaignState.PAUSED, note=note
    )
