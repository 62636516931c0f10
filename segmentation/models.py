"""Segments, model versions and scores."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from customers.models import Customer, Review
from segmentation.enums import (
    Measure,
    ModelStatus,
    SegmentKind,
    SegmentStatus,
    Sentiment,
    Task,
)
from segmentation.marks import DirtyCustomer, SegmentFlip
from segmentation.recommendation_models import (
    CategoryRule,
    ExpectedDemand,
    Recommendation,
    RecommendationRun,
    SuppressedCategory,
)
from segmentation.registry import JudgedCase, SensitiveField, TrainingAttempt


class LivingSegments(models.Manager["Segment"]):
    """All but the deleted, of which only name and history are kept."""

    def get_queryset(self) -> models.QuerySet[Segment]:
        return super().get_queryset().filter(deleted_at=None)

    def in_use(self) -> models.QuerySet[Segment]:
        """Not archived either: what rules, campaigns and lists choose from."""
        return self.filter(archived_at=None)


class EverySegment(models.Manager["Segment"]):
    """The deleted too."""


class Segment(models.Model):
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=SegmentKind.choices)
    definition = models.JSONField(default=dict, blank=True)
    description = models.TextField(blank=True)
    public_names = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text='What its members read, by language: {"en": "…"}; see public_segments.py.',
    )
    created_at = models.DateTimeField()
    refreshed_at = models.DateTimeField(null=True, blank=True)
    size = models.PositiveIntegerField(default=0)
    rule_version = models.PositiveIntegerField(
        default=0, help_text="Of a rule: its newest SegmentVersion; 0 for what the code defines."
    )
    status = models.CharField(
        max_length=10, choices=SegmentStatus.choices, default=SegmentStatus.OK
    )
    status_since = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(
        blank=True,
        help_text="Why the last computation failed, or what the nightly check found, in words.",
    )
    cutoffs = models.JSONField(
        default=list,
        blank=True,
        help_text="What the best n per cent started at when everybody was last looked at: field, n, value.",
    )
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="Nobody is in it from then on; it can be brought back."
    )
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="Only its name and who was in it when are kept."
    )

    objects = LivingSegments()
    everything = EverySegment()

    class Meta:
        permissions = [
            ("export_segment", "Can export who is in a segment"),
            ("export_addresses", "Can export the e-mail addresses of who is in a segment"),
        ]

    def __str__(self) -> str:
        return self.name


class SegmentVersion(models.Model):
    """What a rule said from a moment on; append-only, a trigger refuses the rest."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    words = models.TextField(help_text="The rule as a sentence.")
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["segment", "number"], name="segment_version_number")
        ]

    def __str__(self) -> str:
        return f"{self.segment_id} v{self.number}"


class Membership(models.Model):
    """A customer in a segment now."""

    derived = True  # computed from the shop's data: goes with the row when an import is undone

    # found by the key that it begins: no index of its own
    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["segment", "customer"], name="membership_key")
        ]
        # the segments of thousands of customers are asked at once: answered without the rows, which lie by segment
        indexes = [
            models.Index(fields=["customer"], include=["segment"], name="membership_customer")
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"


class MembershipChange(models.Model):
    """Who joined or left a segment, and when; append-only."""

    derived = True  # computed from the shop's data: goes with the row when an import is undone

    # no constraints in the database: two look-ups a row would be half of the cost of writing a segment, and each
    # row is written in the statement or under the lock of a membership, which has them
    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="changes", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    joined = models.BooleanField(help_text="False: left.")
    changed_at = models.DateTimeField()
    rule_version = models.PositiveIntegerField(
        null=True, help_text="The version of the rule that decided; none where there is no rule."
    )

    class Meta:
        indexes = [
            models.Index(fields=["customer", "changed_at"], name="membership_change_customer"),
            models.Index(fields=["segment", "changed_at"], name="membership_change_segment"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} {'joined' if self.joined else 'left'} {self.segment_id}"


class ModelVersion(models.Model):
    """One trained (or refused) model with everything needed to judge it."""

    task = models.CharField(max_length=10, choices=Task.choices)
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=ModelStatus.choices)
    algorithm = models.CharField(max_length=100, blank=True)
    trained_at = models.DateTimeField()
    as_of = models.DateTimeField(help_text="No row later than this was seen.")
    window_starts_at = models.DateTimeField(null=True)
    window_ends_at = models.DateTimeField(null=True)
    rows = models.PositiveBigIntegerField(default=0)
    positives = models.PositiveBigIntegerField(default=0)
    metrics = models.JSONField(default=dict)
    manifest = models.JSONField(default=dict)
    artefact = models.CharField(
        max_length=255, blank=True, help_text="Folder under COTERIE_HOME/models."
    )
    reason = models.TextField(blank=True, help_text="Why it has this status, in words.")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="model_version_number"),
            models.UniqueConstraint(
                fields=["task"],
                condition=models.Q(status=ModelStatus.CHAMPION),
                name="one_champion_a_task",
            ),
        ]
        permissions = [
            ("train_modelversion", "Can ask for a training"),
            ("rollback_modelversion", "Can put an earlier model version back into service"),
        ]

    def __str__(self) -> str:
        return f"{self.task.lower()} v{self.number}"


class ScoreGeneration(models.Model):
    """All scores of one model run; one generation a task is current, flipped when complete."""

    task = models.CharField(
        max_length=10,
        choices=[*Task.choices, *Measure.choices],
        help_text="The version's task, or what else its model says.",
    )
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="generations")
    as_of = models.DateTimeField()
    written_at = models.DateTimeField()
    rows = models.PositiveIntegerField(default=0)
    is_current = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["task"], condition=models.Q(is_current=True), name="one_current_generation"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.as_of:%Y-%m-%d}"


class Score(models.Model):
    """
    A narrow row written by COPY. Meaning and unit of `value` depend on the generation's task.

    The table lies in parts, one a generation; see score_partitions. `id` is not stored but made of generation
    and customer, of whom each generation has one row.
    """

    derived = True  # computed from the shop's data: goes with the row when an import is undone

    # no constraints in the database: two look-ups a row would be most of the cost of a million
    generation = models.ForeignKey(
        ScoreGeneration,
        on_delete=models.CASCADE,
        related_name="scores",
        db_constraint=False,
        db_index=False,
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    value = models.FloatField()
    sd = models.FloatField(null=True, help_text="Standard deviation of the estimate, where known.")
    median = models.FloatField(null=True, help_text="As likely to be passed as not, where known.")
    low = models.FloatField(
        null=True, help_text="From low to high: where four in five such customers end."
    )
    high = models.FloatField(null=True)

    def __str__(self) -> str:
        return f"{self.value:.4f}"


class FirstPurchase(models.Model):
    """Which segment a customer's first order leads to; the expected spend is the score of the same generation."""

    derived = True  # computed from the shop's data: goes with the row when an import is undone

    generation = models.ForeignKey(
        ScoreGeneration, on_delete=models.CASCADE, related_name="first_purchases"
    )
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    first_order_cents = models.BigIntegerField()
    shares = models.JSONField(
        help_text="A probability a segment, in the order of the version's metrics."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "generation"], name="first_purchase_key")
        ]

    def __str__(self) -> str:
        return f"{max(self.shares, default=0) * 100:.0f}\u00a0%"


class ReviewSentiment(models.Model):
    """What a review's words say, by the model of sentiment that served when it was read."""

    derived = True  # computed from the shop's data: goes with the row when an import is undone

    review = models.OneToOneField(Review, on_delete=models.CASCADE, related_name="+")
    label = models.CharField(max_length=10, choices=Sentiment.choices)
    polarity = models.FloatField(null=True, help_text="−1 (negative) to 1 (positive).")
    subjectivity = models.FloatField(null=True, help_text="0 (facts) to 1 (opinion).")
    negative = models.FloatField(null=True, help_text="Probability that it is negative.")
    neutral = models.FloatField(null=True, help_text="Probability that it is neither.")
    positive = models.FloatField(null=True, help_text="Probability that it is positive.")
    language = models.CharField(max_length=2, blank=True, db_default="")
    model_number = models.PositiveIntegerField(
        default=0,
        db_default=0,
        db_index=True,
        help_text="The version of the shop's own model; 0 for the shipped one.",
    )
    reason = models.CharField(max_length=100, blank=True, help_text="Why it was not scored.")
    scored_at = models.DateTimeField()
    # which category of special data is kept nowhere: that would be one more conclusion about the person
    withheld = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Quoted, counted and learned from nowhere: it may tell of health or the like, or was not "
        "searched for it yet.",
    )
    lexicon = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        db_index=True,
        help_text="The version of the word lists by which it was searched; 0: not yet.",
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["review"], name="review_withheld", condition=models.Q(withheld=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.review_id}"


class ReviewAspect(models.Model):
    """Something a review speaks of, and how."""

    derived = True  # computed from the shop's data: goes with the row when an import is undone

    review = models.ForeignKey(
        Review, on_delete=models.CASCADE, related_name="+", db_index=False
    )  # found by the key that it begins
    aspect = models.CharField(max_length=40)
    polarity = models.FloatField(help_text="−1 (negative) to 1 (positive).")
    begins = models.PositiveIntegerField(help_text="Where the clause begins, in characters.")
    ends = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["review", "aspect"], name="review_aspect_key")
        ]
        indexes = [models.Index(fields=["aspect", "review"], name="review_aspect_aspect")]

    def __str__(self) -> str:
        return f"{self.aspect} {self.polarity:+.2f}"


__all__ = [
    "CategoryRule",
    "DirtyCustomer",
    "ExpectedDemand",
    "FirstPurchase",
    "JudgedCase",
    "Membership",
    "MembershipChange",
    "ModelVersion",
    "Recommendation",
    "RecommendationRun",
    "ReviewSentiment",
    "Score",
    "ScoreGeneration",
    "Segment",
    "SegmentFlip",
    "SegmentVersion",
    "SensitiveField",
    "SuppressedCategory",
    "TrainingAttempt",
]
