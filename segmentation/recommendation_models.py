"""What is recommended to whom, one run after another; and what the shop says about categories."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models

from customers.models import Customer, Product


class RecommendationRun(models.Model):
    """One computation for everybody; the current one is shown, flipped when complete."""

    version = models.ForeignKey(
        "segmentation.ModelVersion", on_delete=models.CASCADE, related_name="recommendation_runs"
    )
    as_of = models.DateTimeField(help_text="No purchase later than this was seen.")
    written_at = models.DateTimeField()
    is_current = models.BooleanField(default=False)
    customers = models.PositiveIntegerField(default=0)
    products = models.PositiveIntegerField(default=0, help_text="That may be recommended.")
    shown = models.PositiveIntegerField(default=0, help_text="Products in at least one list.")
    popular = models.JSONField(
        default=list, help_text="Products in season, best first: for who has no list."
    )
    clocks = models.JSONField(
        default=list, help_text="Of each category what was learned of buying it again."
    )
    details = models.JSONField(default=dict, help_text="How expected demand was computed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_current"],
                condition=models.Q(is_current=True),
                name="one_current_recommendation_run",
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} as of {self.as_of:%Y-%m-%d}"


class Recommendation(models.Model):
    """A customer's list, best first: five arrays of equal length. Written by COPY."""

    derived = True  # computed from the shop's data: goes with the row when an import is undone

    # no constraints in the database: look-ups a row would be most of the cost of a million
    run = models.ForeignKey(
        RecommendationRun, on_delete=models.CASCADE, related_name="lists", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    products = ArrayField(models.BigIntegerField())
    scores = ArrayField(models.FloatField())
    reasons = ArrayField(
        models.SmallIntegerField(), help_text="Codes of ml.recommend.wording.Reason."
    )
    because = ArrayField(models.BigIntegerField(), help_text="The product that explains it, or 0.")
    days = ArrayField(models.IntegerField(), help_text="Days that the reason speaks of, or 0.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "run"], name="recommendation_key")
        ]

    def __str__(self) -> str:
        return f"{len(self.products)} for {self.customer_id}"


class SuppressedCategory(models.Model):
    """The reverse recommender: of this category nothing is offered to the customer for a while."""

    derived = True  # computed from the shop's data: goes with the row when an import is undone

    run = models.ForeignKey(
        RecommendationRun, on_delete=models.CASCADE, related_name="suppressed", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    category = models.CharField(max_length=200, help_text="Empty: only the product itself.")
    product = models.ForeignKey(
        Product, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    days = models.IntegerField(help_text="For how many days after the purchase.")
    until = models.DateTimeField()
    learned = models.BooleanField(help_text="False: a rule of the shop.")

    class Meta:
        indexes = [models.Index(fields=["customer", "run"], name="suppressed_category_customer")]

    def __str__(self) -> str:
        return f"{self.category} until {self.until:%Y-%m-%d}"


class ExpectedDemand(models.Model):
    """How many pieces of a product the coming four weeks are expected to take. About nobody in particular."""

    run = models.ForeignKey(RecommendationRun, on_delete=models.CASCADE, related_name="demand")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+")
    sold = models.FloatField(help_text="Pieces in the last four weeks.")
    expected = models.FloatField()
    low = models.FloatField(help_text="In eight of ten such cases it is between low and high.")
    high = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "product"], name="expected_demand_key")
        ]

    def __str__(self) -> str:
        return f"{self.expected:.0f} of {self.product_id}"


class CategoryRule(models.Model):
    """What the shop says about recommending a category; it goes before what was learned."""

    category = models.CharField(max_length=200, unique=True)
    days_closed = models.PositiveIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(3650)],
        help_text="Days after a purchase in which nothing of the category is recommended. 0: always "
        "recommend. Empty: as learned.",
    )  # fmt: skip
    is_recommended = models.BooleanField(
        default=True, help_text="Off: nothing of this category is ever recommended."
    )

    class Meta:
        verbose_name = "rule for a category"
        verbose_name_plural = "rules for categories"

    def __str__(self) -> str:
        return self.category
