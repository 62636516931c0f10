"""Tables of shop data. Bulk writing is `ingest`'s; the ORM serves screens and single objects."""

from __future__ import annotations

from django.db import models

from customers.enums import EventKind, ImportStatus, OrderStatus, SourceKind


class Source(models.Model):
    """One place that shop data comes from; external ids are unique within it."""

    kind = models.CharField(max_length=20, choices=SourceKind.choices)
    name = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField()
    settings = models.JSONField(
        default=dict,
        blank=True,
        help_text="A simulated shop's parameters and seed; a CSV's mapping.",
    )
    outcomes_simulated = models.BooleanField(
        default=False,
        help_text="What follows a campaign is drawn from the simulator's response model, not observed.",
    )

    def __str__(self) -> str:
        return self.name


class Import(models.Model):
    """One run of a source into the tables, with its data-quality report."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="imports")
    file_name = models.CharField(max_length=255, blank=True)
    status = models.CharField(
        max_length=10, choices=ImportStatus.choices, default=ImportStatus.RUNNING
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    lines = models.PositiveBigIntegerField(default=0)
    accepted = models.PositiveBigIntegerField(default=0)
    duplicates = models.PositiveBigIntegerField(default=0)
    rejected = models.PositiveBigIntegerField(default=0)
    report = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="import_counts_add_up",
                condition=~models.Q(status=ImportStatus.FINISHED)
                | models.Q(
                    lines=models.F("accepted") + models.F("duplicates") + models.F("rejected")
                ),
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} import {self.pk}"


class RejectedRow(models.Model):
    """A row that was refused: kept whole, with the reason."""

    source_import = models.ForeignKey(
        Import, on_delete=models.CASCADE, related_name="rejected_rows"
    )
    entity = models.CharField(max_length=20)
    line_number = models.PositiveBigIntegerField(null=True)
    reason = models.CharField(max_length=100, db_index=True)
    raw = models.TextField()

    def __str__(self) -> str:
        return f"line {self.line_number}: {self.reason}"


class Customer(models.Model):
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="customers")
    external_id = models.CharField(max_length=200)
    email = models.CharField(max_length=320, blank=True)
    email_hmac = models.CharField(
        max_length=64,
        blank=True,
        help_text="Keyed hash by which a suppressed address is recognised.",
    )
    first_name = models.CharField(max_length=200, blank=True)
    last_name = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=20, blank=True)
    joined_at = models.DateTimeField()
    arrived_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="customer_external_id")
        ]
        indexes = [
            models.Index(fields=["email_hmac"], name="customer_email_hmac"),
            models.Index(fields=["email"], name="customer_email"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or f"Customer {self.external_id}"


class Product(models.Model):
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="products")
    external_id = models.CharField(max_length=200)
    name = models.CharField(max_length=500, blank=True)
    category = models.CharField(max_length=200, blank=True)
    price_cents = models.BigIntegerField(null=True)
    cost_cents = models.BigIntegerField(
        null=True, help_text="Unit cost; empty when the shop tells none."
    )
    is_product = models.BooleanField(
        default=True, help_text="False for postage, fees and manual corrections."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="product_external_id")
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class Order(models.Model):
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="orders")
    external_id = models.CharField(max_length=200)
    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        null=True,
        related_name="orders",
        help_text="Empty for a guest.",
    )
    status = models.CharField(max_length=10, choices=OrderStatus.choices)
    placed_at = models.DateTimeField()
    arrived_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    total_cents = models.BigIntegerField(help_text="After discount, before refunds.")
    discount_cents = models.BigIntegerField(default=0)
    margin_cents = models.BigIntegerField(
        help_text="Total less the cost of the goods; a stated share of the total where no cost is known."
    )
    channel = models.CharField(max_length=50, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="order_external_id")
        ]
        indexes = [
            models.Index(fields=["customer", "placed_at"], name="order_customer_placed"),
            models.Index(fields=["placed_at"], name="order_placed"),
        ]

    def __str__(self) -> str:
        return f"Order {self.external_id}"


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    line_number = models.PositiveIntegerField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="order_lines")
    quantity = models.IntegerField()
    unit_price_cents = models.BigIntegerField()
    cost_cents = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "line_number"], name="order_line_number")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"


class Refund(models.Model):
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="refunds")
    external_id = models.CharField(max_length=200)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="refunds")
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="refunds"
    )
    refunded_at = models.DateTimeField()
    arrived_at = models.DateTimeField()
    amount_cents = models.BigIntegerField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="refund_external_id"),
            models.CheckConstraint(
                name="refund_is_positive", condition=models.Q(amount_cents__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"Refund {self.external_id}"


class Review(models.Model):
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="reviews")
    external_id = models.CharField(max_length=200)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="reviews"
    )
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, null=True, related_name="reviews"
    )
    written_at = models.DateTimeField()
    arrived_at = models.DateTimeField()
    rating = models.PositiveSmallIntegerField(null=True)
    title = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True)
    language = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="review_external_id"),
            models.CheckConstraint(
                name="review_rating_one_to_five",
                condition=models.Q(rating__isnull=True) | models.Q(rating__range=(1, 5)),
            ),
        ]

    def __str__(self) -> str:
        return f"Review {self.external_id}"


class Event(models.Model):
    """
    The ledger: what happened to a customer, append-only. A trigger refuses UPDATE and DELETE.

    `id` is the cursor by which upper layers read on from where they stopped.
    """

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="events", null=True)
    external_id = models.CharField(max_length=200)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    happened_at = models.DateTimeField()
    arrived_at = models.DateTimeField()
    campaign_id = models.BigIntegerField(
        null=True, help_text="The campaign a message event belongs to; no foreign key upwards."
    )
    delivery_id = models.BigIntegerField(null=True)
    properties = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"], name="event_external_id", nulls_distinct=False
            )
        ]
        indexes = [
            models.Index(fields=["customer", "happened_at"], name="event_customer_happened"),
            models.Index(fields=["kind", "id"], name="event_kind_cursor"),
            models.Index(
                fields=["campaign_id", "kind"],
                name="event_campaign_kind",
                condition=models.Q(campaign_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Cursor(models.Model):
    """How far a reader of the ledger (or of another growing table) has come."""

    reader = models.CharField(max_length=100, primary_key=True)
    position = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.reader} at {self.position}"
