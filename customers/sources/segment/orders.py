"""Orders, their lines and products, refunds and reviews."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from customers.enums import OrderStatus
from customers.intake.translation import Row
from customers.sources.amounts import AmountError, number
from customers.sources.segment import money
from customers.sources.segment.calls import Call
from customers.sources.segment.fields import Fields, Refused, fields, ident, pick, text
from customers.sources.segment.vocabulary import Meaning


_STATES = {
    OrderStatus.CANCELLED: ("cancelled", "canceled", "voided", "failed"),
    OrderStatus.PENDING: ("pending", "unpaid", "on-hold", "on_hold", "awaiting payment"),
    OrderStatus.TEST: ("test",),
    OrderStatus.PLACED: ("placed", "paid", "completed", "complete", "processing", "fulfilled", "shipped"),
}  # fmt: skip
_STATUS = {word: status for status, words in _STATES.items() for word in words}


def order(call: Call, said: Fields, *, meaning: Meaning, settings: Fields) -> Iterator[Row]:
    """
    Completed says everything; Updated and Cancelled may say anything: what they leave out stays as it was.

    Raises Refused.
    """
    order_id = _order_id(said)
    completed = meaning is Meaning.ORDER_COMPLETED
    products = list(_products(said))
    currency, currency_said = money.currency_of(said, settings)
    total = money.total(said, products, currency=currency)
    if completed and total is None:
        raise Refused("missing_amount")
    status = _STATUS.get(text(pick(said, "status"), limit=30).lower())
    if meaning is Meaning.ORDER_CANCELLED:
        status = OrderStatus.CANCELLED
    elif completed and status is None:
        status = OrderStatus.PLACED
    known = completed or total is not None
    yield Row(
        entity="orders",
        item=call.index,
        person=call.person if call.names_somebody else None,
        values={
            "external_id": order_id,
            "placed_at": call.happened_at if completed else None,
            "changed_at": call.happened_at,
            "status": None if status is None else str(status),
            "currency": currency if currency_said or known else None,
            "total_cents": total,
            "discount_cents": money.amount(said, "discount", currency=currency),
            "channel": text(pick(said, "affiliation"), limit=50) or None,
        },
    )
    for place, product in enumerate(products, start=1):
        product_id = _product_id(product)
        cost = money.amount(product, "cost", currency=currency)
        price = money.amount(product, "price", currency=currency)
        if product_id:
            yield Row(
                entity="products",
                item=call.index,
                values={
                    **_described(product, product_id),
                    "price_cents": price,
                    "cost_cents": cost,
                },
            )
        yield Row(
            entity="order_lines",
            item=call.index,
            values={
                "order_external_id": order_id,
                "line_number": place,
                "product_external_id": product_id,
                "quantity": money.quantity(product),
                "unit_price_cents": price,
                "cost_cents": cost,
            },
        )


def refund(call: Call, said: Fields, *, settings: Fields) -> Row:
    """
    A second refund of everything that is left is the first one told again, and refunds without a
    `refund_id` come to no more than the order: server and shop may both tell of one. Raises Refused.
    """
    order_id = _order_id(said)
    products = list(_products(said))
    currency, _ = money.currency_of(said, settings)
    amount = money.refunded(said, products, currency=currency)
    own = ident(pick(said, "refund_id"))
    goods = tuple((_product_id(product), money.quantity(product)) for product in products)
    everything = amount is None and not goods
    return Row(
        entity="refunds",
        item=call.index,
        person=call.person if call.names_somebody else None,
        goods=goods if amount is None else (),
        at_most_the_rest=not own,
        values={
            "external_id": own or (f"{order_id}:rest"[-200:] if everything else call.message_id),
            "order_external_id": order_id,
            "refunded_at": call.happened_at,
            "amount_cents": amount,
            "reason": text(pick(said, "reason"), limit=200),
        },
    )


def review(call: Call, said: Fields) -> Iterator[Row]:
    """Raises Refused."""
    product_id = _product_id(said)
    if product_id:
        yield Row(entity="products", item=call.index, values=_described(said, product_id))
    yield Row(
        entity="reviews",
        item=call.index,
        person=call.person if call.names_somebody else None,
        values={
            "external_id": ident(pick(said, "review_id")) or call.message_id,
            "product_external_id": product_id,
            "written_at": call.happened_at,
            "rating": _rating(pick(said, "rating")),
            "title": text(pick(said, "review_title"), limit=300),
            "text": _whole_text(pick(said, "review_body")),
            "language": text(pick(said, "language"), limit=20)
            or text(call.context.get("locale"), limit=20).partition("-")[0].lower(),
        },
    )


def _order_id(said: Fields) -> str:
    found = ident(pick(said, "order_id"))
    if not found:
        raise Refused("missing_id")
    return found


def _products(said: Fields) -> Iterator[Fields]:
    products = said.get("products")
    if products is None:
        return
    if not isinstance(products, list):
        raise Refused("bad_products")
    for product in products:
        if not isinstance(product, dict):
            raise Refused("bad_products")
        yield fields(product)


def _product_id(said: Fields) -> str:
    """`id` is version 1's."""
    for name in ("product_id", "id", "sku"):
        if found := ident(pick(said, name)):
            return found
    return ""


def _described(said: Fields, product_id: str) -> dict[str, Any]:
    """A product's columns; what is not said is None and stays as it was."""
    return {
        "external_id": product_id,
        "name": text(said.get("name"), limit=500) or None,
        "category": text(said.get("category"), limit=200) or None,
        "brand": text(said.get("brand"), limit=200) or None,
        "url": text(said.get("url"), limit=2000) or None,
        "image_url": text(pick(said, "image_url"), limit=2000) or None,
    }


def _rating(value: Any) -> int | None:
    """Half stars count as the next whole one; below 1 and above 5 is refused later."""
    try:
        found = number(value)
    except AmountError:
        raise Refused("bad_rating") from None
    if found is None:
        return None
    return max(-1, min(99, int(found + type(found)("0.5")) if found > 0 else -1))


def _whole_text(value: Any) -> str:
    # not cut: a review that is too long is refused and kept whole
    return value if isinstance(value, str) else ""
