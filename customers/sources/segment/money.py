"""
What an order's total is. Money is in the smallest unit of the order's currency.

The total is what the customer pays: after discounts, with tax and shipping. In this order it is
1. `total`;
2. `revenue`, else `subtotal` (both after discounts, without tax and shipping), plus `tax` and `shipping`;
3. the sum of price times quantity of `products`, less `discount`, plus `tax` and `shipping`.

A refund is `total`, else `revenue` or `value`, else the sum of the prices of `products`, else what those
products cost in the order, else, where no product is named, all that is left of the order's total.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from customers.sources import amounts
from customers.sources.amounts import AmountError
from customers.sources.segment.fields import Fields, Refused, pick


def amount(said: Fields, name: str, *, currency: str) -> int | None:
    """One amount in minor units, None when it is not said. Raises Refused."""
    value = pick(said, name)
    if value is None:
        return None
    return _read(lambda: amounts.cents(value, currency=currency), reason="bad_price")


def quantity(product: Fields) -> int:
    """1 where nothing is said. Raises Refused."""
    value = pick(product, "quantity")
    found = None if value is None else _read(lambda: amounts.whole(value), reason="bad_quantity")
    return 1 if found is None else found


def _read(reading: Callable[[], int | None], *, reason: str) -> int | None:
    try:
        return reading()
    except AmountError:
        raise Refused(reason) from None


def total(said: Fields, products: list[Fields], *, currency: str) -> int | None:
    """Of an order; None when nothing tells it. Raises Refused."""
    if (found := amount(said, "total", currency=currency)) is not None:
        return found
    extra = sum(amount(said, name, currency=currency) or 0 for name in ("tax", "shipping"))
    for name in ("revenue", "subtotal"):
        if (found := amount(said, name, currency=currency)) is not None:
            return found + extra
    goods = _sum(products, currency=currency)
    if goods is None:
        return None
    return goods - (amount(said, "discount", currency=currency) or 0) + extra


def refunded(said: Fields, products: list[Fields], *, currency: str) -> int | None:
    """Of a refund; None when the order must tell. Raises Refused."""
    for name in ("total", "revenue", "value"):
        if (found := amount(said, name, currency=currency)) is not None:
            return abs(found)
    return _sum(products, currency=currency)


def _sum(products: list[Fields], *, currency: str) -> int | None:
    """None without products, or when one of them has no price."""
    prices = [amount(product, "price", currency=currency) for product in products]
    if not prices or None in prices:
        return None
    return sum(
        (price or 0) * quantity(product) for price, product in zip(prices, products, strict=True)
    )


def currency_of(said: Fields, settings: Fields) -> tuple[str, bool]:
    """The code, upper case, and whether it was said; the source's own where it was not. Raises Refused."""
    value: Any = pick(said, "currency")
    if value is not None and not isinstance(value, str):
        raise Refused("unknown_currency")
    if isinstance(value, str) and value.strip():
        return value.strip().upper()[:10], True
    return str(settings.get("currency", "EUR")), False
