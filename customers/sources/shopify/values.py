"""Single values as Shopify writes them: its headers, its global ids, its two currencies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from customers.sources.amounts import AmountError, number
from customers.sources.segment.fields import Fields, Refused, fields, ident, text
from customers.sources.webhooks import cents


def header(headers: Mapping[str, str], name: str) -> str:
    """`X-Shopify-Test` or, as newer deliveries spell it, `Shopify-Test`; "" when it was not sent."""
    for told, value in headers.items():
        if told.lower().removeprefix("x-") == f"shopify-{name}":
            return value.strip()
    return ""


def number_of(value: Any) -> str:
    """An id as text, also where it is told as `gid://shopify/Customer/7`. Raises Refused."""
    found = ident(value)
    if found.startswith("gid://"):
        found = found.partition("?")[0].rpartition("/")[2]
    return found


def shop_money(said: Fields, name: str) -> Any:
    """
    `price_set.shop_money.amount`, else `price`.

    The other amount of a set is in the money that the buyer looked at, which adds up to nothing.
    """
    money = fields(fields(said.get(f"{name}_set")).get("shop_money"))
    return said.get(name) if money.get("amount") is None else money["amount"]


def shop_currency(said: Fields, name: str) -> str:
    money = fields(fields(said.get(f"{name}_set")).get("shop_money"))
    return text(money.get("currency_code") or said.get("currency"), limit=10).upper()


class Exchange:
    """What the sets of an object say about the shop's money and the buyer's."""

    def __init__(self, *said: Fields) -> None:
        self.currency = ""
        """The shop's; "" when no set tells."""
        self._rates: dict[str, tuple[Decimal, Decimal]] = {}
        for one in said:
            for shop, buyer in _pairs(one):
                self.currency = self.currency or text(shop.get("currency_code"), limit=10).upper()
                self._learn(shop, buyer)

    def _learn(self, shop: Fields, buyer: Fields) -> None:
        try:
            ours, theirs = number(shop.get("amount")), number(buyer.get("amount"))
        except AmountError:
            return
        code = text(buyer.get("currency_code"), limit=10).upper()
        # the largest amount is the least rounded
        if ours and theirs and theirs > self._rates.get(code, (Decimal(0), Decimal(0)))[1]:
            self._rates[code] = (ours, theirs)

    def into_shop_money(self, amount: Any, *, currency: str) -> int | None:
        """Minor units of the shop's currency. Raises Refused where nothing tells the rate."""
        if not self.currency or not currency or currency == self.currency:
            return cents(amount, currency=self.currency or currency)
        if currency not in self._rates:
            raise Refused("unknown_currency")
        ours, theirs = self._rates[currency]
        try:
            found = number(amount)
        except AmountError:
            raise Refused("bad_price") from None
        return None if found is None else cents(found * ours / theirs, currency=self.currency)


def _pairs(value: Any) -> Iterator[tuple[Fields, Fields]]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, dict):
            shop, buyer = found.get("shop_money"), found.get("presentment_money")
            if isinstance(shop, dict) and isinstance(buyer, dict):
                yield shop, buyer
            waiting.extend(found.values())
