"""
Four eyes on large campaigns: above COTERIE_APPROVE_ABOVE somebody else approves what is said, and to how many.

An approval is of the campaign as it was, and of the rule by which its segment's members are found; a
change of anything but its name voids it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser

from campaigns.enums import CampaignState
from campaigns.models import Campaign
from segmentation import rulebook
from segmentation.models import Segment, SegmentVersion


_NOT_APPROVED = {
    "id", "name", "state", "created_at", "created_by", "scheduled_at", "frozen_at", "finished_at",
    "salt", "model_version", "audience", "note", "reputation_errors", "budget_since", "approved_by",
    "approved_at", "approved_people", "approved_digest", "approved_rules", "launched_by",
}  # fmt: skip
"""What is no part of an approval; every other field is, those to come too."""
_ROOM = 1.1
"""An audience may grow by a tenth between the approval and the beginning."""


class ApprovalError(ValueError):
    """It cannot be approved; the message says why."""


@dataclass(frozen=True, kw_only=True)
class ApprovedRule:
    """What the rule of a segment said in one version, as a sentence."""

    segment: str
    version: int
    words: str


def is_needed(recipients: int) -> bool:
    return bool(settings.APPROVE_ABOVE) and recipients > settings.APPROVE_ABOVE


def digest(campaign: Campaign) -> str:
    """A fingerprint of what is approved: the campaign, and the rules behind its segment as they are now."""
    fields = [one for one in Campaign._meta.concrete_fields if one.name not in _NOT_APPROVED]
    said: dict[str, Any] = {one.name: str(getattr(campaign, one.attname)) for one in fields}
    if rules := rules_behind(campaign):
        said["rules"] = rules
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def rules_behind(campaign: Campaign) -> dict[str, int]:
    """The rules that say who is in the campaign's segment: segment ids, as JSON has them, to versions."""
    return {str(key): version for key, version in sorted(rulebook.behind(campaign.segment).items())}


def in_words(rules: Mapping[str, int]) -> list[ApprovedRule]:
    """What `rules` (see `rules_behind`) say, by the segments' names."""
    found = SegmentVersion.objects.filter(segment__in=map(int, rules))
    return [
        ApprovedRule(segment=name, version=number, words=words)
        for key, name, number, words in found.order_by("segment__name", "number").values_list(
            "segment_id", "segment__name", "number", "words"
        )
        if rules[str(key)] == number
    ]


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
        approved_rules=rules_behind(campaign),
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


def void(campaign: Campaign, *, recipients: int) -> str:
    """Why a campaign that staff launched may not begin as it is now, in words; "" when it may."""
    by_staff = campaign.launched_by_id is not None
    if not by_staff or not is_needed(recipients) or is_approved(campaign, recipients=recipients):
        return ""
    if campaign.approved_at is None:
        return f"Not begun: it would reach {recipients:,} customers, and nobody has approved it."
    if changed := _changed_rules(campaign):
        return (
            f"Not begun: the rule of {changed} has changed since it was approved, so other people would "
            "be mailed. See who will receive it, and have it approved again."
        )
    if campaign.approved_digest != digest(campaign):
        return "Not begun: it was changed after it was approved. Have it approved again."
    return (
        f"Not begun: it would reach {recipients:,} customers, approved were "
        f"{campaign.approved_people:,}."
    )


def _changed_rules(campaign: Campaign) -> str:
    """The segments whose rules are not those that were approved, by name."""
    approved, now = campaign.approved_rules, rules_behind(campaign)
    changed = [key for key in {*approved, *now} if approved.get(key) != now.get(key)]
    names = (
        Segment.everything.filter(pk__in=changed).order_by("name").values_list("name", flat=True)
    )
    return " and ".join(f"“{name}”" for name in names)
