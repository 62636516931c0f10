"""What followed a campaign, and what was decided from it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from campaigns.models import Campaign, Delivery
from feedback.enums import Metric, Verdict
from segmentation.enums import Task
from segmentation.models import ModelVersion


class OutcomeWindow(models.Model):
    """A campaign's outcome window: opened when the audience was frozen, closed once, explicitly."""

    campaign = models.OneToOneField(Campaign, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    customers = models.PositiveIntegerField(default=0)
    round_number = models.PositiveIntegerField(null=True, unique=True)
    after_bad = models.JSONField(
        null=True,
        help_text="Sums of those with and without a bad experience before it (reports/after_bad.py); once it is closed.",
    )

    def __str__(self) -> str:
        return f"window of {self.campaign_id}"


class Outcome(models.Model):
    """What one customer of the experiment did in the window, mailed or not; one row a delivery."""

    delivery = models.OneToOneField(Delivery, on_delete=models.PROTECT, related_name="+")
    window = models.ForeignKey(OutcomeWindow, on_delete=models.PROTECT, related_name="outcomes")
    orders = models.PositiveIntegerField()
    revenue_cents = models.BigIntegerField(help_text="Net of refunds within the window.")
    margin_cents = models.BigIntegerField(help_text="Net of refunds within the window.")
    profit_cents = models.BigIntegerField(
        help_text="Margin less the cost of contact and of an unsubscribe."
    )
    clicked = models.BooleanField()
    unsubscribed = models.BooleanField()
    first_order_days = models.FloatField(
        null=True,
        help_text="Days from the freeze to the first order of the window; empty without one.",
    )
    attributed_orders = models.PositiveIntegerField(
        default=0, help_text="Orders after a click, by the last-click rule; never counted as lift."
    )
    attributed_revenue_cents = models.BigIntegerField(
        default=0, help_text="What those orders came to, before refunds."
    )

    def __str__(self) -> str:
        return f"outcome of {self.delivery_id}"


class LiftEstimate(models.Model):
    """
    The campaign as it was run against mailing nobody, with a 95 % interval (lift.py).

    `treated` is everybody of the experiment who was not held out, whatever the policy decided for
    them; the metric MAILED alone counts those chosen for a message there. Bounds are NaN where a
    group is too small to have any.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+")
    metric = models.CharField(max_length=12, choices=Metric.choices)
    treated = models.PositiveIntegerField()
    held_out = models.PositiveIntegerField()
    treated_mean = models.FloatField()
    holdout_mean = models.FloatField()
    difference = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    total = models.FloatField(help_text="Difference times the number treated.")
    sample_ratio_p = models.FloatField()
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    sentence = models.TextField()
    estimated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "metric"], name="lift_campaign_metric")
        ]

    def __str__(self) -> str:
        return self.sentence


class RetrainingDecision(models.Model):
    """Why a newly trained model serves, or does not."""

    task = models.CharField(max_length=10, choices=Task.choices)
    decided_at = models.DateTimeField()
    trigger = models.CharField(max_length=200, help_text="What asked for the training.")
    champion = models.ForeignKey(
        ModelVersion, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    challenger = models.ForeignKey(
        ModelVersion, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    promoted = models.BooleanField()
    reason = models.TextField()
    evidence = models.JSONField(default=dict)
    rounds = models.PositiveIntegerField(default=0, help_text="Closed campaigns it learned from.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Who put an earlier version back; empty where a training decided.",
    )

    def __str__(self) -> str:
        return self.reason


class TrainingRequest(models.Model):
    """Somebody or something asks for a training; the next run takes it."""

    task = models.CharField(max_length=10, choices=Task.choices)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    why = models.CharField(max_length=200)
    taken_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["task"], condition=models.Q(taken_at=None), name="one_open_training_request"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task}: {self.why}"


class DriftCheck(models.Model):
    """Once a week: has what comes in, what is predicted or what follows changed more than chance and habit explain?"""

    checked_at = models.DateTimeField()
    as_of = models.DateTimeField(help_text="No row later than this was seen.")
    alarms = models.PositiveIntegerField(default=0)
    words = models.TextField()
    findings = models.JSONField(default=list, help_text="One entry a quantity that was looked at.")

    def __str__(self) -> str:
        return self.words
