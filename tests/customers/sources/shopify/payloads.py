"""Webhooks of a Shopify store, in the shape that its Admin API gives them since 2025-01."""

from __future__ import annotations

from typing import Any


GRACE = 7_106_000_000_000_000_001  # beyond 2**53, as Shopify's numbers may be
ORDER = 9_007_199_254_740_993  # 2**53 + 1: a float would round it


def money(amount: str, *, shop: str | None = None, buyer: str = "EUR") -> dict[str, Any]:
    """A money set: what the buyer saw, and the same in the shop's euros."""
    return {
        "shop_money": {"amount": shop or amount, "currency_code": "EUR"},
        "presentment_money": {"amount": amount, "currency_code": buyer},
    }


def customer(**changes: Any) -> dict[str, Any]:
    return {
        "id": GRACE,
        "email": "grace@example.com",
        "created_at": "2026-01-10T09:00:00+01:00",
        "updated_at": "2026-05-20T10:00:00+02:00",
        "first_name": "Grace",
        "last_name": "Hopper",
        "state": "enabled",
        "note": "calls on Mondays",
        "verified_email": True,
        "multipass_identifier": None,
        "tax_exempt": False,
        "phone": "+4930123456",
        "currency": "EUR",
        "addresses": [],
        "admin_graphql_api_id": f"gid://shopify/Customer/{GRACE}",
        "default_address": {
            "id": 1, "customer_id": GRACE, "first_name": "Grace", "last_name": "Hopper",
            "city": "Berlin", "zip": "10115", "country": "Germany", "country_code": "DE",
            "phone": "+4930999999", "default": True,
        },
        **changes,
    }  # fmt: skip


def consent(state: str, at: str | None = "2026-05-01T08:00:00Z", **changes: Any) -> dict[str, Any]:
    return {
        "state": state, "opt_in_level": "single_opt_in", "consent_updated_at": at, **changes
    }  # fmt: skip


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": 13_000_000_000_000 + number,
        "product_id": 800 + number,
        "variant_id": 8_000 + number,
        "title": f"Tea {number}",
        "name": f"Tea {number} - 100 g",
        "variant_title": "100 g",
        "vendor": "Leaf & Co",
        "sku": f"TEA-{number}",
        "quantity": 2,
        "current_quantity": 2,
        "price": "10.00",
        "price_set": money("10.00"),
        "total_discount": "0.00",
        "discount_allocations": [],
        "gift_card": False,
        "taxable": True,
        "product_exists": True,
        **changes,
    }


def order(**changes: Any) -> dict[str, Any]:
    return {
        "id": ORDER,
        "admin_graphql_api_id": f"gid://shopify/Order/{ORDER}",
        "name": "#1001",
        "order_number": 1001,
        "created_at": "2026-05-20T10:00:00+02:00",
        "processed_at": "2026-05-20T09:59:58+02:00",
        "updated_at": "2026-05-20T10:00:05+02:00",
        "closed_at": None,
        "cancelled_at": None,
        "cancel_reason": None,
        "test": False,
        "email": "grace@example.com",
        "contact_email": "grace@example.com",
        "buyer_accepts_marketing": False,
        "customer_locale": "en-DE",
        "currency": "EUR",
        "presentment_currency": "EUR",
        "financial_status": "paid",
        "fulfillment_status": None,
        "landing_site": "/products/tea?utm_source=Newsletter&utm_medium=email&utm_campaign=may",
        "referring_site": "",
        "source_name": "web",
        "cart_token": "hWN2H",
        "checkout_token": "c0ffee",
        "taxes_included": True,
        "subtotal_price": "18.00",
        "total_discounts": "2.00",
        "total_discounts_set": money("2.00"),
        "total_tax": "2.87",
        "total_price": "22.90",
        "total_price_set": money("22.90"),
        "total_shipping_price_set": money("4.90"),
        "billing_address": {"first_name": "Grace", "last_name": "Hopper", "country_code": "DE"},
        "customer": customer(),
        "line_items": [line()],
        "shipping_lines": [{"id": 5, "title": "Post", "price": "4.90"}],
        "refunds": [],
        **changes,
    }


def transaction(amount: str = "5.00", **changes: Any) -> dict[str, Any]:
    return {
        "id": 389, "order_id": ORDER, "kind": "refund", "status": "success", "gateway": "card",
        "amount": amount, "currency": "EUR", "test": False, "parent_id": 388,
        "created_at": "2026-05-25T10:00:00+02:00", **changes,
    }  # fmt: skip


def refund(*transactions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": 509_000_000_000_000_001,
        "order_id": ORDER,
        "created_at": "2026-05-25T10:00:00+02:00",
        "processed_at": "2026-05-25T10:00:00+02:00",
        "note": "Arrived broken",
        "restock": True,
        "user_id": None,
        "refund_line_items": [
            {
                "id": 1, "line_item_id": 13_000_000_000_001, "quantity": 1, "subtotal": "8.00",
                "subtotal_set": money("8.00"), "total_tax": "1.28",
            }
        ],
        "transactions": list(transactions) or [transaction()],
        "order_adjustments": [],
        **changes,
    }  # fmt: skip


def product(**changes: Any) -> dict[str, Any]:
    return {
        "id": 801,
        "title": "Tea 1",
        "body_html": "<p>Good tea.</p>",
        "vendor": "Leaf & Co",
        "product_type": "Drinks",
        "handle": "tea-1",
        "status": "active",
        "tags": "green, loose",
        "created_at": "2025-01-01T00:00:00Z",
        "updated_at": "2026-05-01T00:00:00Z",
        "variants": [
            {"id": 8001, "price": "12.50", "sku": "TEA-1", "position": 1},
            {"id": 8002, "price": "9.90", "sku": "TEA-1S", "position": 2},
        ],
        "image": {"src": "https://cdn.example/tea.jpg"},
        "images": [],
        **changes,
    }


def checkout(**changes: Any) -> dict[str, Any]:
    return {
        "id": 29_000_000_000_001,
        "token": "c0ffee",
        "cart_token": "hWN2H?key=1",
        "email": "grace@example.com",
        "created_at": "2026-05-20T09:50:00+02:00",
        "updated_at": "2026-05-20T09:55:00+02:00",
        "completed_at": None,
        "currency": "EUR",
        "presentment_currency": "EUR",
        "total_price": "22.90",
        "buyer_accepts_marketing": True,
        "customer_locale": "de",
        "abandoned_checkout_url": "https://shop.example/recover",
        "line_items": [line(), line(2)],
        "customer": customer(),
        **changes,
    }


def cart(**changes: Any) -> dict[str, Any]:
    return {
        "id": "hWN2H",
        "token": "hWN2H",
        "note": None,
        "created_at": "2026-05-20T07:40:00.000Z",
        "updated_at": "2026-05-20T07:45:00.000Z",
        "line_items": [line(), line(2)],
        **changes,
    }
