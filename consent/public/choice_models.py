"""What people choose beyond yes and no: which newsletters there are, how often, and a pause."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from consent.enums import NEWSLETTER
from customers.models import Customer


class Topic(models.Model):
    """A newsletter that people may agree to by itself; a row, so that staff add one without a programmer."""

    slug = models.SlugField(
        max_length=40, unique=True, help_text="Never changed: consents name it."
    )
    title = models.CharField(max_length=100, help_text="In the shop's main language.")
    titles = models.JSONField(
        "title elsewhere",
        default=dict,
        blank=True,
        help_text='In other languages: {"de": "…", "es": "…"}',
    )
    is_offered = models.BooleanField(default=True, help_text="Shown to people who may agree to it.")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "newsletter"

    def __str__(self) -> str:
        return self.title

    @property
    def purpose(self) -> str:
        return f"{NEWSLETTER}{self.slug}"

    def title_in(self, language: str) -> str:
        return str(self.titles.get(language) or self.title)


class Preference(models.Model):
    """How often somebody wants to hear from us, and from when again; without a row there is no wish."""

    customer = models.OneToOneField(Customer, on_delete=models.PROTECT, related_name="+")
    at_most_a_month = models.SmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text="Messages in any 30 days; empty: as many as the shop's own limits allow.",
    )
    paused_until = models.DateTimeField(
        null=True, blank=True, help_text="Nothing is sent while this is set; a task empties it."
    )
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"wishes of customer {self.customer_id}"
