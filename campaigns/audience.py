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
from segmentation import experiences, queries, targeting


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
    excluded: list[tuple[int, str]]  # customer id, SkipReason
    eligible: npt.NDArray[np.int64]  # customer ids
    plan: targeting.Plan


def preview(campaign: Campaign, *, now: datetime) -> AudiencePreview:
    """What freezing the audience would do now; changes nothing."""
    decision = _decide(campaign, now=now)
    reasons = Counter(reason for _, reason in decision.excluded)
    arms = Counter(decision.plan.arm.tolist())
    expected = decision.plan.predicted_profit_cents[decision.plan.arm == Arm.TREATED]
    known = expected[~np.isnan(expected)]
    return AudiencePreview(
        in_segment=len(decision.excluded) + len(decision.eligible),
        steps=[(code, label, reasons[code]) for code, label in SkipReason.choices if reasons[code]],
        eligible=len(decision.eligible),
        holdout=arms[Arm.HOLDOUT],
        not_targeted=arms[Arm.NOT_TARGETED],
        will_receive=arms[Arm.TREATED],
        examples=tuple(decision.eligible[decision.plan.arm == Arm.TREATED][:EXAMPLES].tolist()),
        expected_profit_cents=float(known.sum()) if len(known) else None,
        note=decision.plan.note,
    )


def freeze(campaign: Campaign, *, now: datetime) -> bool:
    """
    Write the deliveries and let the campaign run, in one transaction.

    After a crash nothing is there and it is simply done again. Returns False when the campaign is
    no longer SCHEDULED, somebody else is freezing it, or it has outgrown its approval (it is a DRAFT then).
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
        recipients = int((decision.plan.arm == Arm.TREATED).sum())
        if approval.outgrown(locked, recipients=recipients):
            note = f"Not begun: it would reach {recipients:,} customers, approved were {locked.approved_people:,}."
            MACHINE.move(locked, CampaignState.DRAFT, scheduled_at=None, note=note)
            return False
        _write(locked, decision)
        Link.objects.bulk_create(
            Link(campaign=locked, position=number, url=url)
            for number, url in enumerate(links.number_links(locked.body_html).urls, start=1)
        )
        MACHINE.move(
            locked, CampaignState.RUNNING, frozen_at=now, note=decision.plan.note,
            audience=len(decision.excluded) + len(decision.eligible),
            model_version_id=decision.plan.model_version_id,
        )  # fmt: skip
    campaign.refresh_from_db()
    return True


def _decide(campaign: Campaign, *, now: datetime) -> _Decision:
    members, parameters = queries.member_ids_sql(campaign.segment)
    bad, of_bad = experiences.bad_sql(
        since=now - timedelta(days=campaign.rest_after_bad_days), until=now
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH judged AS (
                SELECT customer.id, customer.email_hmac, {gate.REFUSAL} AS refusal
                FROM ({members}) member
                JOIN customers_customer customer ON customer.id = member.customer_id
                {gate.joins(purpose="%s", soft_opt_in="%s")}
            )
            SELECT id, CASE
                WHEN refusal IS NOT NULL THEN refusal
                WHEN id > min(id) OVER (PARTITION BY refusal IS NULL, email_hmac)
                    THEN '{SkipReason.DUPLICATE_ADDRESS}'
                WHEN id IN ({bad}) THEN '{SkipReason.BAD_EXPERIENCE}'
                WHEN id IN (SELECT customer_id FROM campaigns_delivery
                            WHERE accepted_at > %s
                               -- they may have got it: then it counts
                               OR state IN ('{DeliveryState.SENDING}', '{DeliveryState.UNKNOWN}')
                                  AND intent_at > %s
                               -- or they will: another campaign has them in its audience
                               OR state IN ('{DeliveryState.PLANNED}', '{DeliveryState.CLAIMED}',
                                            '{DeliveryState.DEFERRED}') AND %s
                                  AND campaign_id IN (SELECT id FROM campaigns_campaign WHERE state IN
                                      ('{CampaignState.RUNNING}', '{CampaignState.PAUSED}')))
                    THEN '{SkipReason.FREQUENCY}'
            END FROM judged ORDER BY id
            """,
            [
                *parameters,
                # the joins name the purpose twice, and then whether a soft opt-in is enough
                *[campaign.purpose] * 2,
                settings.SOFT_OPT_IN and campaign.with_soft_opt_ins,
                *of_bad,
                *[now - timedelta(days=campaign.min_days_between)] * 2,
                campaign.min_days_between > 0,
            ],
        )
        rows = cursor.fetchall()
    eligible = np.array([key for key, reason in rows if reason is None], dtype=np.int64)
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
    return _Decision(
        excluded=[(key, reason) for key, reason in rows if reason is not None],
        eligible=eligible,
        plan=plan,
    )


def _write(campaign: Campaign, decision: _Decision) -> None:
    plan = decision.plan
    with (
        connection.cursor() as cursor,
        cursor.copy(
            """COPY campaigns_delivery (campaign_id, customer_id, arm, assignment_probability,
                   predicted_profit_cents, state, reason, owner, epoch, attempt, message_id, reply)
               FROM STDIN"""
        ) as copy,
    ):
        for key, reason in decision.excluded:
            copy.write_row(
                (campaign.pk, key, Arm.EXCLUDED.value, None, None,
                 DeliveryState.SKIPPED.value, reason, "", 0, 0, "", "")
            )  # fmt: skip
        for key, arm, probability, profit in zip(
            decision.eligible.tolist(), plan.arm.tolist(), plan.probability.tolist(),
            plan.predicted_profit_cents.tolist(), strict=True,
        ):  # fmt: skip
            planned = arm == Arm.TREATED
            copy.write_row(
                (campaign.pk, key, arm, probability, None if np.isnan(profit) else profit,
                 DeliveryState.PLANNED.value if planned else DeliveryState.SKIPPED.value,
                 # HOLDOUT and NOT_TARGETED are arms and reasons alike
                 "" if planned else arm, "", 0, 0, "", "")
            )  # fmt: skip
