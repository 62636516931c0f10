"""
The states of a campaign. Only states are set here; campaigns.tasks does what they ask for.

    DRAFT -> SCHEDULED -> RUNNING <-> PAUSED        RUNNING -> FINISHED
    DRAFT, SCHEDULED, RUNNING, PAUSED -> CANCELLED
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser

from campaigns import approval, rendering
from campaigns.enums import CampaignState
from campaigns.models import Campaign
from core.states import IllegalMoveError, StateMachine


MACHINE = StateMachine({
    CampaignState.DRAFT: frozenset({CampaignState.SCHEDULED, CampaignState.CANCELLED}),
    CampaignState.SCHEDULED: frozenset(
        {CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.CANCELLED}
    ),
    CampaignState.RUNNING: frozenset(
        {CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED}
    ),
    CampaignState.PAUSED: frozenset({CampaignState.RUNNING, CampaignState.CANCELLED}),
})  # fmt: skip


NOBODY = (
    "Audience: nobody would receive it now. “Who will receive it” says why; "
    "choose another segment, or wait until somebody has agreed."
)


class LifecycleError(ValueError):
    """What was asked cannot be done; the message says why."""


class NotReadyError(LifecycleError):
    """The campaign cannot be launched; `problems` says what to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def problems(campaign: Campaign) -> list[str]:
    """What keeps this campaign from being launched, in words; empty when nothing does."""
    found = rendering.problems(campaign)
    if not settings.SMTP_URL:
        found.append("Sending: COTERIE_SMTP_URL is not set, so there is no mail server to send to.")
    if settings.POSTAL_ADDRESS == settings.SAMPLE_POSTAL_ADDRESS and not _is_this_machine():
        found.append("Sending: COTERIE_POSTAL_ADDRESS is still the sample; set the shop's own.")
    if not settings.POSTAL_ADDRESS:
        found.append("Sending: COTERIE_POSTAL_ADDRESS is not set, and messages must show it.")
    return found


def schedule(
    campaign: Campaign,
    *,
    at: datetime,
    now: datetime,
    by: AbstractBaseUser | None = None,
    recipients: int = 0,
) -> None:
    """
    Let the campaign begin at `at`, at once if that is past; its audience is chosen then.

    Staff (`by`) may need an approval for so many `recipients`, and cannot launch to none. Raises NotReadyError; IllegalMoveError or LostRaceError (core.states) as every move here.
    """
    found = problems(campaign)
    if by is not None and not recipients:
        found.append(NOBODY)
    if by is not None and (refusal := approval.refusal(campaign, by=by, recipients=recipients)):
        found.append(refusal)
    if found:
        raise NotReadyError(found)
    MACHINE.move(
        campaign, CampaignState.SCHEDULED, scheduled_at=max(at, now), note="", launched_by=by
    )


def launch(campaign: Campaign, *, now: datetime) -> None:
    """Let the campaign begin at once. Raises as `schedule` does."""
    schedule(campaign, at=now, now=now)


def unschedule(campaign: Campaign, *, now: datetime) -> None:
    """Take a campaign that has not begun back into DRAFT."""
    MACHINE.move(campaign, CampaignState.DRAFT, scheduled_at=None)


def pause(campaign: Campaign, *, now: datetime, note: str = "Paused by staff.") -> None:
    """Hand nothing more over; when this has returned, only messages being handed over still go out."""
    MACHINE.move(campaign, CampaignState.PAUSED, note=note)


def resume(campaign: Campaign, *, now: datetime) -> None:
    """Go on where it stopped, with a new budget of errors."""
    if campaign.state != CampaignState.PAUSED:  # SCHEDULED may run too, but only by being frozen
        raise IllegalMoveError(f"{campaign} is not paused")
    MACHINE.move(campaign, CampaignState.RUNNING, note="", reputation_errors=0, budget_since=now)


def cancel(campaign: Campaign, *, now: datetime) -> None:
    """Never send what has not been sent; those rows become SKIPPED with the reason CANCELLED."""
    MACHINE.move(campaign, CampaignState.CANCELLED, note="Cancelled by staff.")


def _is_this_machine() -> bool:
    """The mail server is a sink or relay beside us: trying out, not mailing people."""
    url = urlsplit(settings.SMTP_URL)
    return not url.scheme.startswith("anymail+") and (url.hostname or "localhost") in {
        "localhost",
        "127.0.0.1",
        "::1",
    }
