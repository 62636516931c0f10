"""Shop data in the admin. A customer's own page is feedback's; it is reached by name."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from customers import (
    admin_identity,  # noqa: F401 - registers its lists
    admin_imports,  # noqa: F401 - registers its lists
    api_key_pages,  # noqa: F401 - registers its lists
    display,
)
from customers.enums import OrderStatus
from customers.masking import may_see_addresses
from customers.models import Customer, Event, Order, OrderLine, Product, Refund, Review
from customers.queries import counted_refunds
from customers.screens import row_key
from customers.special import finding
from customers.tables import BigTableAdmin, CustomerRowsAdmin, NumberedRowsAdmin, clipped, column


def _sales_of_customer() -> QuerySet[Order, Any]:
    return (
        Order.objects.filter(customer=OuterRef("pk"), status=OrderStatus.PLACED)
        .order_by()
        .values("customer")
    )


@admin.register(Customer)
class CustomerAdmin(BigTableAdmin):
    list_display: tuple[str, ...] = (
        "name",
        "email",
        "country",
        "order_count",
        "spend",
        "last_order",
        "since",
    )
    list_filter: tuple[Any, ...] = (
        "source",
        "country",
        ("joined_at", admin.DateFieldListFilter),
    )
    list_select_related = ("source",)
    search_fields = (
        "=external_id",
        "email__istartswith",
        "first_name__istartswith",
        "last_name__istartswith",
    )
    search_help_text = "Start of a name or e-mail address, or the whole customer number of the shop"

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.search_fields if may_see_addresses(request.user) else ("=external_id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        sales = _sales_of_customer()
        refunds = counted_refunds().filter(customer=OuterRef("pk")).order_by().values("customer")
        queryset: QuerySet[Customer] = super().get_queryset(request)
        return queryset.filter(merged_into=None).annotate(
            sales=Coalesce(Subquery(sales.annotate(n=Count("pk")).values("n")), 0),
            ordered_at=Subquery(sales.annotate(t=Max("placed_at")).values("t")),
            gross_cents=Coalesce(Subquery(sales.annotate(s=Sum("total_cents")).values("s")), 0),
            refund_cents=Coalesce(Subquery(refunds.annotate(s=Sum("amount_cents")).values("s")), 0),
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return redirect("admin:customer_page", row_key(object_id))

    @column(description="Name")
    def name(self, customer: Customer) -> SafeString:
        return clipped(str(customer))

    @column(description="Orders")
    def order_count(self, customer: Any) -> str:
        return display.number(customer.sales)

    @column(description="Net spend")
    def spend(self, customer: Any) -> str:
        return display.money(customer.gross_cents - customer.refund_cents)

    @column(description="Last order")
    def last_order(self, customer: Any) -> SafeString:
        return format_html('<span class="ct-nowrap">{}</span>', display.day(customer.ordered_at))

    @column(description="Since", ordering="joined_at")
    def since(self, customer: Customer) -> SafeString:
        return format_html('<span class="ct-nowrap">{}</span>', display.day(customer.joined_at))


@admin.register(Product)
class ProductAdmin(BigTableAdmin):
    list_display = ("name_or_number", "category", "price", "cost", "is_product", "source")
    list_filter = ("is_product", "source", "category")
    list_select_related = ("source",)
    search_fields = ("=external_id", "name")

    @column(description="Product", ordering="name")
    def name_or_number(self, product: Product) -> SafeString:
        return clipped(str(product))

    @column(description="Price", ordering="price_cents")
    def price(self, product: Product) -> str:
        return display.money(product.price_cents)

    @column(description="Unit cost", ordering="cost_cents")
    def cost(self, product: Product) -> str:
        return display.money(product.cost_cents)


class OrderLineInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    model = OrderLine
    fields = readonly_fields = ("line_number", "product", "quantity", "unit_price", "unit_cost")
    extra = 0
    can_delete = False
    ordering_field = None
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderLine]:
        queryset: QuerySet[OrderLine] = super().get_queryset(request)
        return queryset.select_related("product", "order").order_by("line_number")

    @column(description="Unit price")
    def unit_price(self, line: OrderLine) -> str:
        return display.money(line.unit_price_cents, currency=line.order.currency)

    @column(description="Unit cost")
    def unit_cost(self, line: OrderLine) -> str:
        return display.money(line.cost_cents, currency=line.order.currency)


@admin.register(Order)
class OrderAdmin(NumberedRowsAdmin):
    ordering = ("-placed_at",)
    list_display = (
        "number",
        "customer_link",
        "placed_at",
        "status_label",
        "total",
        "discount",
        "margin",
        "channel",
    )
    list_filter = ("status", "source", "channel", ("placed_at", admin.DateFieldListFilter))
    list_select_related = ("customer",)
    search_help_text = "Order number, customer number or start of an e-mail address"
    inlines = (OrderLineInline,)
    fields = (
        "external_id",
        "customer",
        "source",
        "status",
        "placed_at",
        "arrived_at",
        "total",
        "discount",
        "margin",
        "channel",
    )
    readonly_fields = ("total", "discount", "margin")

    @column(description="Order", ordering="external_id")
    def number(self, order: Order) -> SafeString:
        return clipped(order.external_id)

    @column(description="Customer", empty_value="Guest")
    def customer_link(self, order: Order) -> SafeString | None:
        return clipped(str(order.customer)) if order.customer else None

    @column(
        description="Status", ordering="status", label={"Placed": "success", "Cancelled": "danger"}
    )
    def status_label(self, order: Order) -> str:
        return order.get_status_display()

    @column(description="Total", ordering="total_cents")
    def total(self, order: Order) -> str:
        return display.money(order.total_cents, currency=order.currency)

    @column(description="Discount", ordering="discount_cents")
    def discount(self, order: Order) -> str:
        return display.money(order.discount_cents, currency=order.currency)

    @column(description="Margin", ordering="margin_cents")
    def margin(self, order: Order) -> str:
        return display.money(order.margin_cents, currency=order.currency)


@admin.register(OrderLine)
class OrderLineAdmin(BigTableAdmin):
    list_display = ("order", "line_number", "product", "quantity", "unit_price")
    list_select_related = ("order", "product")
    search_fields = ("=order__external_id", "=product__external_id")

    @column(description="Unit price")
    def unit_price(self, line: OrderLine) -> str:
        return display.money(line.unit_price_cents, currency=line.order.currency)


@admin.register(Refund)
class RefundAdmin(NumberedRowsAdmin):
    list_display = ("number", "customer", "order", "refunded_at", "amount", "reason")
    list_filter = ("source", ("refunded_at", admin.DateFieldListFilter))
    list_select_related = ("customer", "order")

    @column(description="Refund", ordering="external_id")
    def number(self, refund: Refund) -> SafeString:
        return clipped(refund.external_id)

    @column(description="Amount", ordering="amount_cents")
    def amount(self, refund: Refund) -> str:
        return display.money(refund.amount_cents)


_WORDS = ("title", "text", "url")
"""What somebody said, and where it can be read."""


@admin.register(Review)
class ReviewAdmin(BigTableAdmin):
    list_display = ("written_at", "stars", "product", "customer", "language", "text_start")
    list_filter = ("rating", "language", ("written_at", admin.DateFieldListFilter))
    list_select_related = ("customer", "product")
    # not by words: they would find what is not shown
    search_fields = ("product__name",)
    readonly_fields = ("not_shown",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        of_words = lookup.split("__", maxsplit=1)[0] in _WORDS
        return not of_words and super().lookup_allowed(lookup, value, request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        is_special = obj is not None and finding.is_special(obj.title, obj.text)
        hidden = _WORDS if is_special else ("not_shown",)
        return [name for name in super().get_fields(request, obj) if name not in hidden]

    @column(description="What was said")
    def not_shown(self, review: Review) -> str:
        return finding.NOT_SHOWN

    @column(description="Stars", ordering="rating")
    def stars(self, review: Review) -> str:
        return f"{review.rating} of 5" if review.rating else display.NOTHING

    @column(description="What was said")
    def text_start(self, review: Review) -> SafeString:
        text = " · ".join(part for part in (review.title, review.text) if part)
        if finding.is_special(review.title, review.text):
            text = finding.NOT_SHOWN
        return format_html('<span class="ct-clip ct-clip-wide" title="{0}">{0}</span>', text)


@admin.register(Event)
class EventAdmin(CustomerRowsAdmin):
    list_display = ("happened_at", "kind_label", "who", "campaign_number", "arrived_at")
    list_filter = ("kind", ("happened_at", admin.DateFieldListFilter))
    list_select_related = ("customer",)

    @column(description="Customer")
    def who(self, event: Event) -> SafeString:
        return clipped(str(event.customer))

    @column(description="What happened", ordering="kind")
    def kind_label(self, event: Event) -> str:
        return event.get_kind_display()

    @column(description="Campaign number")
    def campaign_number(self, event: Event) -> object:
        return event.campaign_id or display.NOTHING
