"""Who is who: other names of a customer, merges, and visitors whom nobody knows yet."""

from __future__ import annotations

from django.db import models

from customers.enums import AliasKind, EventKind, MergeReason
from customers.models.shop import Customer
from customers.models.sources import Source


class Alias(models.Model):
    """
    Another name of a customer: their number in a second source, a merged number, or an anonymous id.

    It comes before the customer that carries the number itself.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=AliasKind.choices)
    value = models.CharField(max_length=200)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="aliases")
    created_at = models.DateTimeField()
    merge = models.ForeignKey("Merge", on_delete=models.CASCADE, null=True, related_name="+")

    class Meta:
        verbose_name = "other name"
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "value"], name="alias_value")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class Merge(models.Model):
    """Two customers became one; `moved` and `before` hold what undoing it needs."""

    survivor = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="merges")
    absorbed = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=20, choices=MergeReason.choices)
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="+")
    merged_at = models.DateTimeField()
    moved = models.JSONField(default=dict, help_text="Table to the ids of the rows that moved.")
    before = models.JSONField(default=dict, help_text="The fields of both customers.")
    undone_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.absorbed_id} into {self.survivor_id}"


class VisitorEvent(models.Model):
    """
    What somebody did before we knew who they are; no customer, no profile.

    When the visitor says who they are it moves into the ledger, arriving then. Forgotten after 90 days.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    anonymous_id = models.CharField(max_length=200)
    external_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    name = models.CharField(max_length=200, blank=True)
    happened_at = models.DateTimeField()
    received_at = models.DateTimeField()
    properties = models.JSONField(default=dict)
    may_profile = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="visitor_event_id")
        ]
        indexes = [models.Index(fields=["source", "anonymous_id"], name="visitor_event_of")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class VisitorRow(models.Model):
    """
    An order or a review of somebody who named themselves by an anonymous id alone.

    The row itself counts from the start, as nobody's. When the visitor says who they are it becomes the
    customer's, and this line stays as the proof of why. Forgotten after 90 days if they never do.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    anonymous_id = models.CharField(max_length=200)
    entity = models.CharField(max_length=10, help_text="orders or reviews")
    external_id = models.CharField(max_length=200)
    received_at = models.DateTimeField()
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", null=True)
    known_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "entity", "external_id"], name="visitor_row_id"
            )
        ]
        indexes = [models.Index(fields=["source", "anonymous_id"], name="visitor_row_of")]

    def __str__(self) -> str:
        return f"{self.entity} {self.external_id}"
