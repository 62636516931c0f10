"""What the registry of models keeps beside versions: examples of predictions, and fields that nothing is learned from."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from customers.models import Customer
from segmentation.enums import Task


class JudgedCase(models.Model):
    """One customer of a version's test window: what was predicted before it, and what came. A few examples a version."""

    derived = True  # computed from the shop's data: goes with the row when an import is undone

    version = models.ForeignKey(
        "segmentation.ModelVersion", on_delete=models.CASCADE, related_name="cases"
    )
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    probability = models.FloatField(help_text="Of an order in the window, as predicted.")
    ordered = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "version"], name="judged_case_key")
        ]

    def __str__(self) -> str:
        return f"{self.probability:.2f} of {self.customer_id}"


class TrainingAttempt(models.Model):
    """
    Written before a training begins and closed when it ends, however it ends: one that is still open, and that
    nobody is at, was killed. One row a task.
    """

    task = models.CharField(max_length=10, choices=Task.choices, unique=True)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    deaths = models.PositiveIntegerField(
        default=0, help_text="How many before this one were killed, one after the other."
    )

    def __str__(self) -> str:
        return f"{self.task} begun {self.begun_at:%Y-%m-%d %H:%M}"


class SensitiveField(models.Model):
    """A field of customers that models must not learn from; they are judged by its groups instead."""

    name = models.CharField(
        max_length=100,
        unique=True,
        help_text="The key of an attribute of customers, such as gender or age_band; or country, or language.",
    )
    lowest_ratio = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="A new model does not serve when the least selected group is selected less than this many times as "
        "often as the most selected one; empty: it is only reported. 0.8 is the four-fifths rule.",
    )
    declared_at = models.DateTimeField(editable=False)
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
    )

    class Meta:
        verbose_name = "sensitive field"

    def __str__(self) -> str:
        return self.name
