"""The shop's data. Bulk writing is `ingest`'s; the ORM serves screens and single objects.

A foreign key that leads a unique key or another index has no index of its own: it would double the cost
of writing and serve no query.
"""

from __future__ import annotations

from django.db import models

from customers.enums import EventKind, OrderStatus, ReviewKind
from customers.models.sources import Source


class Customer(models.Model):
    source = models.ForeignKey(
        Source, db_index=False, on_delete=models.PROTECT, related_name="customers"
    )
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
    phone = models.CharField(max_length=50, blank=True, db_default="")
    traits = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="What else the source says of the person.",
    )
    joined_at = models.DateTimeField()
    arrived_at = models.DateTimeField()
    changed_at = models.DateTimeField(
        null=True,
        help_text="The source's own time of its last word; an older word changes nothing.",
    )
    erased_at = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="The same person under another number. This row is then empty and counts nowhere.",
    )
    created_by_import = models.BigIntegerField(null=True, editable=False)
    restricted_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since then kept and not used; see consent.desk.restricting.",
    )
    born_on = models.DateField(null=True, blank=True, help_text="As declared, in the traits.")
    is_minor = models.BooleanField(null=True, blank=True, help_text="As declared, in the traits.")
    is_under_age = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Younger than COTERIE_AGE_OF_CONSENT by what was declared; see consent.ages.",
    )
    under_age_at = models.DateTimeField(
        null=True, blank=True, help_text="When that was found; models from before may hold them."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="customer_external_id")
        ]
        indexes = [
            models.Index(fields=["email_hmac"], name="customer_email_hmac"),
            models.Index(fields=["email"], name="customer_email"),
            models.Index(
                fields=["id"],
                name="customer_held",
                condition=models.Q(restricted_at__isnull=False) | models.Q(is_under_age=True),
            ),
            models.Index(
                fields=["born_on"],
                name="customer_declared_age",
                condition=models.Q(born_on__isnull=False) | models.Q(is_minor__isnull=False),
            ),
        ]
        permissions = [
            ("see_addresses", "Can see e-mail addresses of customers, and search by them")
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or f"Customer {self.external_id}"


class Product(models.Model):
    source = models.ForeignKey(
        Source, db_index=False, on_delete=models.PROTECT, related_name="products"
    )
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
    brand = models.CharField(max_length=200, blank=True, db_default="")
    url = models.CharField(max_length=2000, blank=True, db_default="")
    image_url = models.CharField(max_length=2000, blank=True, db_default="")
    stock = models.BigIntegerField(
        null=True,
        help_text="Pieces that may be sold, of which at 0 or below none is recommended; empty: never told.",
    )
    created_by_import = models.BigIntegerField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="product_external_id")
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class Order(models.Model):
    source = models.ForeignKey(
        Source, db_index=False, on_delete=models.PROTECT, related_name="orders"
    )
    external_id = models.CharField(max_length=200)
    customer = models.ForeignKey(
        Customer,
        db_index=False,
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
    changed_at = models.DateTimeField(
        null=True,
        help_text="The source's own time of its last word; an older word changes nothing.",
    )
    created_by_import = models.BigIntegerField(null=True, editable=False)

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
    order = models.ForeignKey(Order, db_index=False, on_delete=models.CASCADE, related_name="lines")
    line_number = models.PositiveIntegerField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="order_lines")
    quantity = models.IntegerField()
    unit_price_cents = models.BigIntegerField()
    cost_cents = models.BigIntegerField(null=True)
    created_by_import = models.BigIntegerField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "line_number"], name="order_line_number")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"


class Refund(models.Model):
    source = models.ForeignKey(
        Source, db_index=False, on_delete=models.PROTECT, related_name="refunds"
    )
    external_id = models.CharField(max_length=200)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="refunds")
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="refunds"
    )
    refunded_at = models.DateTimeField()
    arrived_at = models.DateTimeField()
    amount_cents = models.BigIntegerField()
    reason = models.CharField(max_length=200, blank=True)
    created_by_import = models.BigIntegerField(null=True, editable=False)

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
    source = models.ForeignKey(
        Source, db_index=False, on_delete=models.PROTECT, related_name="reviews"
    )
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
    kind = models.CharField(
        max_length=10,
        choices=ReviewKind.choices,
        default=ReviewKind.REVIEW,
        db_default=ReviewKind.REVIEW,
    )
    origin = models.CharField(
        max_length=100,
        blank=True,
        db_default="",
        help_text="Where it was said: a network, a help desk, a survey.",
    )
    url = models.CharField(max_length=2000, blank=True, db_default="")
    created_by_import = models.BigIntegerField(null=True, editable=False)

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

    source = models.ForeignKey(
        Source, db_index=False, on_delete=models.PROTECT, related_name="events", null=True
    )
    external_id = models.CharField(max_length=200)
    customer = models.ForeignKey(
        Customer, db_index=False, on_delete=models.PROTECT, related_name="events"
    )
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    happened_at = models.DateTimeField()
    arrived_at = models.DateTimeField()
    campaign_id = models.BigIntegerField(
        null=True, help_text="The campaign a message event belongs to; no foreign key upwards."
    )
    delivery_id = models.BigIntegerField(null=True)
    properties = models.JSONField(default=dict)
    name = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        help_text="What the source calls it: the name of a custom event.",
    )
    may_profile = models.BooleanField(
        default=True,
        db_default=True,
        help_text="False: the person said no to analytics when it happened.",
    )
    historical = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Came long after it happened: starts no automation.",
    )
    created_by_import = models.BigIntegerField(null=True, editable=False)

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
