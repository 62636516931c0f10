"""Who is to be computed again: of whom something changed, and for whom a moment is coming."""

from __future__ import annotations

from django.db import models

from customers.models import Customer


class SegmentFlip(models.Model):
    """At this second time alone may change whether the customer is in the segment; see dynamic.flips."""

    derived = True  # computed from the shop's data: goes with the row when an import is undone

    segment = models.ForeignKey("segmentation.Segment", on_delete=models.CASCADE, related_name="+")
    # no key in the database: who is gone by then is marked for nothing, and that is all
    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    flips_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "segment"], name="segment_flip_key")
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id} at {self.flips_at}"


class DirtyCustomer(models.Model):
    """
    Something changed of this customer; appended by triggers, removed when they were computed anew.

    No key leads to the customer in the database: checking it would cost every bulk load.
    """

    derived = True

    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    marked_at = models.DateTimeField()
    due_at = models.DateTimeField(
        null=True, help_text="Set where what changed is only known from a later moment on."
    )

    def __str__(self) -> str:
        return f"{self.customer_id} at {self.marked_at}"
