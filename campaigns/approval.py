"""
Four eyes on large campaigns: above COTERIE_APPROVE_ABOVE somebody else approves what is said, and to how many.

An approval is of the campaign as it was; a change of anything but its name voids it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser

from campaigns.enums import CampaignState
from campaigns.models import Campaign


_NOT_APPROVED = {
    "id", "name", "state", "created_at", "created_by", "scheduled_at", "frozen_at", "finished_at",
    "salt", "model_version", "audience", "note", "reputation_errors", "budget_since", "approved_by",
    "approved_at", "approved_people", "approved_digest", "launched_by",
}  # fmt: skip
"""What is no part of an approval; every other field is, those to come too."""
_ROOM = 1.1
"""An audience may grow by a tenth between the approval and the beginning."""


class ApprovalError(ValueError):
    """It cannot be approved; the message says why."""


def is_needed(recipients: int) -> bool:
    return bool(settings.APPROVE_ABOVE) and recipients > settings.APPROVE_ABOVE


def digest(campaign: Campaign) -> str:
    """A fingerprint of what is approved."""
    fields = [one for one in Campaign._meta.concrete_fields if one.name not in _NOT_APPROVED]
    said = json.dumps({one.name: str(getattr(campaign, one.attname)) for one in fields})
    return hashlib.sha256(said.encode()).hexdigest()


def is_approved(campaign: Campaign, *, recipients: int) -> bool:
    """Whether somebody has approved the campaign as it is now, to about so many recipients."""
    return (
        campaign.approved_at is not None
        and campaign.approved_digest == digest(campaign)
        and recipients <= campaign.approved_people * _ROOM
    )


def approve(campaign: Campaign, *, by: AbstractBaseUser, recipients: int, now: datetime) -> None:
    """Raises ApprovalError for a campaign that was launched already."""
    drafts = Campaign.objects.filter(pk=campaign.pk, state=CampaignState.DRAFT)
    if not drafts.update(
        approved_by=by,
        approved_at=now,
        approved_people=recipients,
        approved_digest=digest(campaign),
    ):
        raise ApprovalError("Only a draft can be approved.")


def refusal(campaign: Campaign, *, by: AbstractBaseUser, recipients: int) -> str:
    """Why `by` may not launch the campaign to so many; empty when they may."""
    if not is_needed(recipients):
        return ""
    limit = f"more than {settings.APPROVE_ABOVE:,} recipients"
    if not is_approved(campaign, recipients=recipients):
        return (
            f"Approval: {limit} need the approval of somebody else, of the campaign as it is now."
        )
    if campaign.approved_by_id == by.pk:
        return f"Approval: {limit}: who has approved a campaign cannot launch it too."
    return ""


def outgrown(campaign: Campaign, *, recipients: int) -> bool:
    """Whether a campaign that staff launched has become larger than what it may begin with."""
    by_staff = campaign.launched_by_id is not None
    return by_staff and is_needed(recipients) and not is_approved(campaign, recipients=recipients)
