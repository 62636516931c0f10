"""
How much may go wrong before a campaign is stopped and a human asked.

Mailbox providers treat 0.3 % of complaints as a spammer's share; 5 % of dead addresses is a list that
nobody asked. Counted since staff last resumed the campaign: having looked, they get a new budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import F

from campaigns import policy
from campaigns.enums import BounceClass, CampaignState, DeliveryState, ReportKind
from campaigns.models import Campaign


COMPLAINT_RATE = 0.003
COMPLAINTS_FROM = 500  # messages; below, one complaint would already be too many
HARD_RATE = 0.05
HARD_FROM = 100
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Returns:
    """Messages handed over and what came back, each delivery once a kind."""

    messages: int
    hard: int = 0
    soft: int = 0
    reputation: int = 0
    complaints: int = 0
    delivered: int = 0
    autoreplies: int = 0

    @property
    def hard_rate(self) -> float | None:
        return self.hard / self.messages if self.messages else None

    @property
    def complaint_rate(self) -> float | None:
        return self.complaints / self.messages if self.messages else None

    @property
    def rows(self) -> list[tuple[str, str, int, float | None]]:
        """(kind or class, words, messages, share of those handed over), for a table."""
        told = [
            (
                "COMPLAINED",
                f"Reported as spam (pauses at {_percent(COMPLAINT_RATE, 1)})",
                self.complaints,
            ),
            (
                "HARD",
                f"Bounced: the address does not exist (pauses at {_percent(HARD_RATE, 0)})",
                self.hard,
            ),
            ("SOFT", "Bounced: mailbox full or not reachable for days", self.soft),
            ("REPUTATION", "Bounced because of us as a sender", self.reputation),
            ("AUTOREPLY", "Answered by a machine", self.autoreplies),
            ("DELIVERED", "Delivered, says the recipient's server", self.delivered),
        ]
        return [
            (code, words, number, number / self.messages if self.messages else None)
            for code, words, number in told
        ]

    @property
    def note(self) -> str | None:
        """Why to stop, in words; None while all is well."""
        if self.messages >= COMPLAINTS_FROM and (self.complaint_rate or 0) >= COMPLAINT_RATE:
            return (
                f"Paused: {self.complaints} of {self.messages:,} recipients reported the message as spam "
                f"({_percent(self.complaint_rate, 2)}; the limit is {_percent(COMPLAINT_RATE, 1)}). Going on would harm "
                "every later campaign. Look at whom it goes to and why they would not want it."
            )
        if self.messages >= HARD_FROM and (self.hard_rate or 0) >= HARD_RATE:
            return (
                f"Paused: {self.hard} of {self.messages:,} addresses do not exist ({_percent(self.hard_rate, 1)}; "
                f"the limit is {_percent(HARD_RATE, 0)}). Look where these addresses come from, then resume."
            )
        return None


def _percent(share: float | None, digits: int) -> str:
    return f"{100 * (share or 0):.{digits}f}\u00a0%"


def returns_of(campaign: Campaign, *, since: datetime | None = None) -> Returns:
    """What came back of a campaign's messages, of all or of those handed over after `since`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT report.kind, report.bounce, count(DISTINCT report.delivery_id)
               FROM campaigns_deliveryreport report
               JOIN campaigns_delivery delivery ON delivery.id = report.delivery_id
               WHERE report.campaign_id = %s AND delivery.intent_at > %s
               GROUP BY report.kind, report.bounce""",
            [campaign.pk, since or _EVER],
        )
        counts = {(kind, bounce): int(number) for kind, bounce, number in cursor.fetchall()}
        cursor.execute(
            f"""SELECT count(*) FROM campaigns_delivery
                WHERE campaign_id = %s AND intent_at > %s AND state IN ('{DeliveryState.SENT}',
                      '{DeliveryState.FAILED}', '{DeliveryState.UNKNOWN}')""",
            [campaign.pk, since or _EVER],
        )
        (messages,) = cursor.fetchone()
    bounced = ReportKind.BOUNCED
    return Returns(
        messages=messages,
        hard=counts.get((bounced, BounceClass.HARD), 0),
        soft=counts.get((bounced, BounceClass.SOFT), 0),
        reputation=counts.get((bounced, BounceClass.REPUTATION), 0),
        complaints=counts.get((ReportKind.COMPLAINED, ""), 0),
        delivered=counts.get((ReportKind.DELIVERED, ""), 0),
        autoreplies=counts.get((ReportKind.AUTOREPLY, ""), 0),
    )


def is_spent(campaign: Campaign) -> str | None:
    """The note to pause a running campaign with, or None. Cheap while little has come back."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT EXISTS (SELECT 1 FROM campaigns_deliveryreport WHERE campaign_id = %s
                               AND (kind = '{ReportKind.COMPLAINED}' OR bounce = '{BounceClass.HARD}'))""",
            [campaign.pk],
        )
        (anything,) = cursor.fetchone()
    return returns_of(campaign, since=campaign.budget_since).note if anything else None


def count_reputation(campaign_id: int, refusals: int) -> None:
    """Add refusals that are about us as a sender; too many pause the campaign."""
    if refusals == 0:
        return
    found = Campaign.objects.filter(pk=campaign_id)
    found.update(reputation_errors=F("reputation_errors") + refusals)
    note = policy.over_budget(found.values_list("reputation_errors", flat=True).get())
    if note:
        found.filter(state=CampaignState.RUNNING).update(state=CampaignState.PAUSED, note=note)
