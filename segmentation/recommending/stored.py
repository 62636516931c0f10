"""What is kept, as pages, messages and the API show it: never what was bought meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection

from consent.enums import Purpose
from customers.models import Product
from segmentation.ml.recommend.wording import Reason, in_words
from segmentation.models import CategoryRule, RecommendationRun, SuppressedCategory


SHOWN = 10
PURPOSES = (Purpose.PROFILING.value, Purpose.RECOMMENDATIONS.value)
"""What a customer has to have agreed to for a list of their own."""
_AS_POPULAR = in_words(Reason.POPULAR)


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A product for a customer. reason: a sentence; code: the name of a ml.recommend.wording.Reason."""

    product_id: int
    name: str
    category: str
    price_cents: int | None
    url: str
    image_url: str
    reason: str
    code: str
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class Closed:
    """A category, or where that is empty a product, that is not offered to a customer for a while."""

    category: str
    product: str
    days: int
    until: datetime
    learned: bool


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """What one customer is recommended. personal: False where it is what is popular, for want of a list."""

    suggestions: tuple[Suggestion, ...]
    personal: bool
    as_of: datetime | None
    model: str


def current() -> RecommendationRun | None:
    return RecommendationRun.objects.filter(is_current=True).select_related("version").first()


# of those who agree at this moment, whatever was kept
_AGREES = """(SELECT count(DISTINCT s.purpose) FROM consent_consentstate s
    WHERE s.customer_id = {customer} AND s.purpose = ANY(%(purposes)s::text[]) AND s.is_granted)
    = cardinality(%(purposes)s::text[])"""
_LISTS = f"""
    SELECT r.customer_id, r.products, r.scores, r.reasons, r.because, r.days
    FROM segmentation_recommendation r JOIN customers_customer c ON c.id = r.customer_id
    WHERE r.run_id = %(run)s AND r.customer_id = ANY(%(ids)s)
      AND c.erased_at IS NULL AND {_AGREES.format(customer="c.id")}"""

_BOUGHT_SINCE = """
    SELECT DISTINCT o.customer_id, l.product_id, p.category
    FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id
    JOIN customers_product p ON p.id = l.product_id
    WHERE o.customer_id = ANY(%(ids)s) AND o.status = 'PLACED'
      AND (o.placed_at >= %(since)s OR o.arrived_at >= %(since)s)"""


def of_customers(customer_ids: Sequence[int], *, limit: int = SHOWN) -> dict[int, Shelf]:
    """
    A shelf each, in four statements for any number of customers.

    What was bought since the lists were computed is left out, and of a durable its whole category. Who has no list
    (no purchase yet, no consent, no model) gets what is popular in season; so does, at the end of the
    list, whoever has too few left.
    """
    run = current()
    if run is None:
        empty = Shelf(suggestions=(), personal=False, as_of=None, model="")
        return dict.fromkeys(customer_ids, empty)
    with connection.cursor() as cursor:
        cursor.execute(
            _LISTS,
            {"run": run.pk, "ids": list(customer_ids), "purposes": list(PURPOSES)},
        )
        lists = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(_BOUGHT_SINCE, {"ids": list(lists), "since": run.as_of})
        bought = cursor.fetchall()
    durable = _durable(run)
    gone = {(customer, product) for customer, product, _ in bought}
    closed = {(customer, category) for customer, _, category in bought if category in durable}
    keys = {product for products, *_ in lists.values() for product in products}
    keys |= {product for *_, because, _ in lists.values() for product in because}
    known = Product.objects.in_bulk(keys | set(run.popular))
    popular = [
        _suggestion(known[key], _AS_POPULAR, Reason.POPULAR.name)
        for key in run.popular
        if key in known and _is_sold(known[key])
    ]
    shelves = {}
    for customer in customer_ids:
        mine = [
            one
            for one in _personal(lists.get(customer), known)
            if (customer, one.product_id) not in gone and (customer, one.category) not in closed
        ]
        told = {one.product_id for one in mine}
        rest = [
            one
            for one in popular
            if one.product_id not in told
            and (customer, one.product_id) not in gone
            and (customer, one.category) not in closed
        ]
        shelves[customer] = Shelf(
            suggestions=tuple((mine or rest)[:limit]),
            personal=bool(mine),
            as_of=run.as_of,
            model=str(run.version),
        )
    return shelves


def of_customer(customer_id: int, *, limit: int = SHOWN) -> Shelf:
    return of_customers([customer_id], limit=limit)[customer_id]


def sample(*, limit: int = 6) -> tuple[Suggestion, ...]:
    """For trying a template before anything was learned."""
    made = Suggestion(
        product_id=0, name="A product", category="", price_cents=1_900,
        url="https://shop.example/a-product", image_url="https://shop.example/a-product.jpg",
        reason="because you bought another product", code=Reason.BECAUSE.name,
    )  # fmt: skip
    return tuple(replace(made, name=f"Product {number + 1}") for number in range(limit))


def closed_to(customer_id: int, *, now: datetime) -> list[Closed]:
    """What is not offered to this customer, the longest first; nothing without consent to profiling."""
    run = current()
    if run is None:
        return []
    rows = list(
        SuppressedCategory.objects.filter(run=run, customer_id=customer_id, until__gt=now).order_by(
            "-until", "pk"
        )
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_AGREES.format(customer='%(customer)s')}",
            {"customer": customer_id, "purposes": list(PURPOSES)},
        )
        (agrees,) = cursor.fetchone()
    if not agrees:
        return []
    names = {
        product.pk: str(product)
        for product in Product.objects.filter(pk__in={row.product_id for row in rows})
    }
    return [
        Closed(
            category=row.category, product=names.get(row.product_id, "a product"), days=row.days,
            until=row.until, learned=row.learned,
        )
        for row in rows
    ]  # fmt: skip


def _durable(run: RecommendationRun) -> set[str]:
    """Categories that close with a purchase: learned, or by the shop's rules as they are now."""
    closed = {clock["category"] for clock in run.clocks if clock["days_closed"] > 0}
    for rule in CategoryRule.objects.exclude(days_closed=None):
        (closed.add if rule.days_closed else closed.discard)(rule.category)
    return closed


def _personal(stored: Any, known: dict[int, Product]) -> list[Suggestion]:
    if stored is None:
        return []
    found = []
    for key, score, code, because, days in zip(*stored, strict=True):
        product, reason = known.get(key), Reason(code)
        if product is None or not _is_sold(product):
            continue
        if because and because not in known:
            reason = Reason.POPULAR  # what explained it was removed
        words = in_words(reason, product=str(known.get(because, "")), days=days)
        found.append(_suggestion(product, words, reason.name, score=score))
    return found


def _is_sold(product: Product) -> bool:
    """Not sold out since the lists were made."""
    return product.is_product and (product.stock is None or product.stock > 0)


def _suggestion(
    product: Product, reason: str, code: str, *, score: float | None = None
) -> Suggestion:
    return Suggestion(
        product_id=product.pk, name=str(product), category=product.category,
        price_cents=product.price_cents, url=product.url, image_url=product.image_url,
        reason=reason, code=code, score=score,
    )  # fmt: skip
