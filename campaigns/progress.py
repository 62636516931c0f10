"""How far a launched campaign has come, for the page that is watched."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns import queries
from campaigns.enums import FINAL_STATES, CampaignState, DeliveryState, SkipReason
from campaigns.models import Campaign
from campaigns.returns import budget
from consent.interlock import hindrances


IN_ORDER = (
    DeliveryState.PLANNED,
    DeliveryState.CLAIMED,
    DeliveryState.SENDING,
    DeliveryState.DEFERRED,
    DeliveryState.SENT,
    DeliveryState.FAILED,
    DeliveryState.UNKNOWN,
)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """
    `states` and `skips` are (code, label, customers); together they are everybody in the segment.

    `share` is the part of the messages whose fate is known, 0 to 1, None before there are any.
    """

    audience: int
    states: list[tuple[str, str, int]]
    skips: list[tuple[str, str, int]]
    messages: int
    done: int
    sent: int
    skipped: int
    share: float | None
    is_live: bool
    returns: budget.Returns
    shut: str  # why nothing goes out, though it runs

    @property
    def width(self) -> int:
        """Of the bar, out of 600."""
        return round(600 * (self.share or 0))


def progress_of(campaign: Campaign) -> Progress:
    by_state = queries.counts_by_state(campaign)
    by_reason = queries.skips_by_reason(campaign)
    messages = sum(by_state.get(state, 0) for state in IN_ORDER)
    done = sum(by_state.get(state, 0) for state in FINAL_STATES if state != DeliveryState.SKIPPED)
    is_live = campaign.state in {
        CampaignState.SCHEDULED,
        CampaignState.RUNNING,
        CampaignState.PAUSED,
    }
    return Progress(
        audience=sum(by_state.values()),
        states=[(state.value, state.label, by_state.get(state, 0)) for state in IN_ORDER],
        skips=[
            (reason.value, reason.label, by_reason[reason])
            for reason in SkipReason
            if by_reason.get(reason)
        ],
        messages=messages,
        done=done,
        sent=by_state.get(DeliveryState.SENT, 0),
        skipped=by_state.get(DeliveryState.SKIPPED, 0),
        share=done / messages if messages else None,
        is_live=is_live,
        returns=budget.returns_of(campaign),
        shut=hindrances.of_sending() if is_live else "",
    )
