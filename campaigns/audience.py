"""
Who gets a campaign, and for everybody else in the segment the one reason why not.

`preview` shows exactly what `freeze` would do at the same moment: both ask `_decide`. Chance and
model decide only about people who may be mailed, so that the holdout can be compared with them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import connection, transaction

from campaigns import approval, links
from campaigns.enums import Arm, CampaignState, DeliveryState, SkipReason, Targeting
from campaigns.lifecycle import MACHINE
from campaigns.models import Campaign, Link
from consent import gate
from segmentation import bulk, experiences, queries, targeting


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EXAMPLES = 500


@dataclass(frozen=True, kw_only=True)
class AudiencePreview:
    """Counts of people; in_segment = the steps + eligible, eligible = the other three."""

    in_segment: int
    steps: list[tuple[str, str, int]]  # SkipReason code, label, how many
    eligible: int
    holdout: int
    not_targeted: int
    will_receive: int
    examples: tuple[int, ...]  # keys of some who will receive it, the lowest first
    expected_profit_cents: float | None  # of those who will receive; None while no model says
    note: str


@dataclass(frozen=True, kw_only=True)
class _Decision:
    excluded: dict[str, Ints]  # SkipReason to customer ids
    plan: targeting.Plan

    @property
    def audience(self) -> int:
        return sum(map(len, self.excluded.values())) + len(self.plan.customer_ids)


def preview(campaign: Campaign, *, now: datetime) -> AudiencePreview:
    """What freezing the audience would do now; changes nothing."""
    decision = _decide(campaign, now=now)
    arms: Counter[str] = Counter()
    examples: list[int] = []
    expected: list[float] = []
    for part in decision.plan.parts():
        arms.update(part.arm.tolist())
        treated = part.arm == Arm.TREATED
        examples += part.customer_ids[treated][: EXAMPLES - len(examples)].tolist()
        known = part.predicted_profit_cents[treated]
        known = known[~np.isnan(known)]
        expected += [float(known.sum())] if len(known) else []
    return AudiencePreview(
        in_segment=decision.audience,
        steps=[
            (code, label, len(decision.excluded[code]))
            for code, label in SkipReason.choices
            if code in decision.excluded
        ],
        eligible=len(decision.plan.customer_ids),
        holdout=arms[Arm.HOLDOUT],
        not_targeted=arms[Arm.NOT_TARGETED],
        will_receive=arms[Arm.TREATED],
        examples=tuple(examples),
        expected_profit_cents=sum(expected) if expected else None,
        note=decision.plan.note,
    )


def freeze(campaign: Campaign, *, now: datetime) -> bool:
    """
    Write the deliveries and let the campaign run, in one transaction.

    After a crash nothing is there and it is simply done again. Returns False when the campaign is
    no longer SCHEDULED, somebody else is freezing it, or its approval is void (it is a DRAFT then).
    """
    with transaction.atomic():
        locked = (
            Campaign.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(pk=campaign.pk, state=CampaignState.SCHEDULED)
            .first()
        )
        if locked is None:
            return False
        decision = _decide(locked, now=now)
        recipients = sum(int((part.arm == Arm.TREATED).sum()) for part in decision.plan.parts())
        if note := approval.void(locked, recipients=recipients):
            MACHINE.move(locked, CampaignState.DRAFT, scheduled_at=None, note=note)
            return False
        _write(locked, decision)
        Link.objects.bulk_create(
            Link(campaign=locked, position=number, url=url)
            for number, url in enumerate(links.number_links(locked.body_html).urls, start=1)
        )
        MACHINE.move(
            locked, CampaignState.RUNNING, frozen_at=now, note=decision.plan.note,
            audience=decision.audience,
            model_version_id=decision.plan.model_version_id,
        )  # fmt: skip
    campaign.refresh_from_db()
    return True


def _decide(campaign: Campaign, *, now: datetime) -> _Decision:
    eligible, excluded = _judge(campaign, now=now)
    plan = targeting.plan(
        customer_ids=eligible,
        economics=targeting.Economics(
            contact_cost_cents=campaign.contact_cost_cents,
            unsubscribe_cost_cents=campaign.unsubscribe_cost_cents,
            discount_percent=campaign.discount_percent,
            outcome_days=campaign.outcome_days,
        ),
        holdout_share=campaign.holdout_share,
        explore_share=campaign.explore_share,
        salt=campaign.salt,
        everyone=campaign.targeting == Targeting.EVERYONE,
    )
    return _Decision(excluded=excluded, plan=plan)


# Who was mailed lately is looked up a person (or hashed) by EXISTS: of IN the planner would make a list
# that is gone through for each person as soon as it expects more of them than its memory holds.
def _judge_sql(*, members: str, bad: str) -> str:
    return f"""
    WITH judged AS (
        SELECT customer.id, customer.email_hmac, {gate.REFUSAL} AS refusal
        FROM ({members}) member
        JOIN customers_customer customer ON customer.id = member.customer_id
        {gate.joins(purpose="%s", soft_opt_in="%s")}
    ), reasoned AS (
        SELECT id, CASE
            WHEN refusal IS NOT NULL THEN refusal
            WHEN id > min(id) OVER (PARTITION BY refusal IS NULL, email_hmac)
                THEN '{SkipReason.DUPLICATE_ADDRESS}'
            WHEN id IN ({bad}) THEN '{SkipReason.BAD_EXPERIENCE}'
            WHEN EXISTS (
                SELECT FROM campaigns_delivery delivery
                WHERE delivery.customer_id = judged.id AND (
                    accepted_at > %s
                    -- they may have got it: then it counts
                    OR state IN ('{DeliveryState.SENDING}', '{DeliveryState.UNKNOWN}')
                       AND intent_at > %s
                    -- or they will: another campaign has them in its audience
                    OR state IN ('{DeliveryState.PLANNED}', '{DeliveryState.CLAIMED}',
                                 '{DeliveryState.DEFERRED}') AND %s
                       AND campaign_id IN (SELECT id FROM campaigns_campaign WHERE state IN
                           ('{CampaignState.RUNNING}', '{CampaignState.PAUSED}'))))
                THEN '{SkipReason.FREQUENCY}'
        END AS reason FROM judged
    )
    -- the number of the reason, 0 for none; one that we do not know is NULL, which nobody reads as none
    SELECT id, CASE WHEN reason IS NULL THEN 0 ELSE array_position(%s::text[], reason) END::bigint
    FROM reasoned ORDER BY id"""


def _judge(campaign: Campaign, *, now: datetime) -> tuple[Ints, dict[str, Ints]]:
    """Who may be mailed, and the others by their reason; ids ascend."""
    members, of_members = queries.member_ids_sql(campaign.segment)
    bad, of_bad = experiences.bad_sql(
        since=now - timedelta(days=campaign.rest_after_bad_days), until=now
    )
    rows = bulk.read_parts(
        _judge_sql(members=members, bad=bad),
        ["int8", "int8"],
        [
            *of_members,
            # the joins name the purpose twice, and then whether a soft opt-in is enough
            *[campaign.purpose] * 2,
            settings.SOFT_OPT_IN and campaign.with_soft_opt_ins,
            *of_bad,
            *[now - timedelta(days=campaign.min_days_between)] * 2,
            campaign.min_days_between > 0,
            SkipReason.values,
        ],
    )
    found: dict[str, list[Ints]] = {}
    for ids, numbers in rows:
        for number in np.unique(numbers).tolist():
            code = SkipReason.values[number - 1] if number else ""
            found.setdefault(code, []).append(ids[numbers == number].astype(np.int64, copy=False))
    excluded = {code: np.concatenate(parts) for code, parts in found.items()}
    return excluded.pop("", np.empty(0, dtype=np.int64)), excluded


def _write(campaign: Campaign, decision: _Decision) -> None:
    for code, ids in decision.excluded.items():
        for start in range(0, len(ids), targeting.PART):
            _insert(campaign, ids[start : start + targeting.PART], arm=Arm.EXCLUDED, reason=code)
    for part in decision.plan.parts():
        for arm in np.unique(part.arm).tolist():
            chosen = part.arm == arm
            _insert(
                campaign, part.customer_ids[chosen], arm=arm,
                # HOLDOUT and NOT_TARGETED are arms and reasons alike
                reason="" if arm == Arm.TREATED else arm,
                probability=part.probability[chosen], profit=part.predicted_profit_cents[chosen],
            )  # fmt: skip


def _insert(
    campaign: Campaign,
    ids: Ints,
    *,
    arm: str,
    reason: str,
    probability: Floats | None = None,
    profit: Floats | None = None,
) -> None:
    """Deliveries of one arm and reason; of who has none, the messages are planned."""
    unknown = np.full(len(ids), np.nan)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO campaigns_delivery (campaign_id, customer_id, arm, assignment_probability,
                   predicted_profit_cents, state, reason, owner, epoch, attempt, message_id, reply)
               SELECT %s, customer_id, %s, probability, profit, %s, %s, '', 0, 0, '', ''
               FROM unnest(%s::bigint[], %s::float8[], %s::float8[])
                        AS told (customer_id, probability, profit)""",
            [
                campaign.pk, arm, DeliveryState.SKIPPED if reason else DeliveryState.PLANNED, reason,
                bulk.as_array(ids),
                bulk.as_array(unknown if probability is None else probability),
                bulk.as_array(unknown if profit is None else profit),
            ],
        )  # fmt: skip
