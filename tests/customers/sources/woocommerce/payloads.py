"""Webhooks and REST objects of a WooCommerce shop, in the shape of its API v3."""

from __future__ import annotations

from typing import Any


OPTIN = "newsletter_optin"


def meta(key: str, value: Any, number: int = 1) -> dict[str, Any]:
    return {"id": number, "key": key, "value": value}


def billing(**changes: Any) -> dict[str, Any]:
    return {
        "first_name": "Grace", "last_name": "Hopper", "company": "", "address_1": "1 Navy Yard",
        "city": "Berlin", "postcode": "10115", "country": "DE", "state": "",
        "email": "grace@example.com", "phone": "+4930123456", **changes,
    }  # fmt: skip


def customer(**changes: Any) -> dict[str, Any]:
    return {
        "id": 25,
        "date_created": "2026-01-10T10:00:00",
        "date_created_gmt": "2026-01-10T09:00:00",
        "date_modified": "2026-05-20T12:00:00",
        "date_modified_gmt": "2026-05-20T10:00:00",
        "email": "grace@example.com",
        "first_name": "Grace",
        "last_name": "Hopper",
        "role": "customer",
        "username": "grace",
        "billing": billing(),
        "shipping": {},
        "is_paying_customer": True,
        "avatar_url": "https://secure.example/avatar",
        "meta_data": [],
        **changes,
    }


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": 300 + number,
        "name": f"Tea {number} - 100 g",
        "parent_name": f"Tea {number}",
        "product_id": 90 + number,
        "variation_id": 900 + number,
        "quantity": 2,
        "tax_class": "",
        "subtotal": "20.00",
        "subtotal_tax": "3.80",
        "total": "18.00",
        "total_tax": "3.42",
        "sku": f"TEA-{number}",
        "price": 9,
        "image": {"id": "7", "src": "https://shop.example/tea.jpg"},
        "meta_data": [],
        **changes,
    }


def order(**changes: Any) -> dict[str, Any]:
    return {
        "id": 727,
        "parent_id": 0,
        "number": "727",
        "order_key": "wc_order_58d2d042d1d",
        "created_via": "checkout",
        "version": "9.4.0",
        "status": "processing",
        "currency": "EUR",
        "date_created": "2026-05-20T10:00:00",  # the shop's clock is two hours ahead of UTC
        "date_created_gmt": "2026-05-20T08:00:00",
        "date_modified": "2026-05-20T10:00:05",
        "date_modified_gmt": "2026-05-20T08:00:05",
        "discount_total": "2.00",
        "discount_tax": "0.38",
        "shipping_total": "4.90",
        "total": "26.32",
        "total_tax": "3.42",
        "prices_include_tax": False,
        "customer_id": 25,
        "customer_ip_address": "203.0.113.9",
        "billing": billing(),
        "shipping": billing(email=""),
        "payment_method": "bacs",
        "date_paid": "2026-05-20T10:00:04",
        "date_paid_gmt": "2026-05-20T08:00:04",
        "date_completed_gmt": None,
        "meta_data": [
            meta("_wc_order_attribution_utm_source", "Newsletter", 1),
            meta("_wc_order_attribution_utm_medium", "email", 2),
        ],
        "line_items": [line()],
        "shipping_lines": [{"id": 9, "method_title": "Post", "total": "4.90"}],
        "fee_lines": [],
        "coupon_lines": [{"id": 8, "code": "may", "discount": "2.00"}],
        "refunds": [],
        **changes,
    }


def guest(**changes: Any) -> dict[str, Any]:
    return order(customer_id=0, **changes)


def refund(number: int = 1, total: str = "-5.00", **changes: Any) -> dict[str, Any]:
    return {"id": 800 + number, "reason": "Broken", "total": total, **changes}


def product(**changes: Any) -> dict[str, Any]:
    return {
        "id": 91,
        "parent_id": 0,
        "name": "Tea &amp; more",
        "slug": "tea",
        "permalink": "https://shop.example/product/tea/",
        "type": "simple",
        "status": "publish",
        "date_created_gmt": "2025-01-01T00:00:00",
        "date_modified_gmt": "2026-05-01T00:00:00",
        "price": "9.90",
        "regular_price": "12.50",
        "sale_price": "9.90",
        "categories": [
            {"id": 1, "name": "Green &amp; white", "slug": "green"},
            {"id": 2, "name": "Drinks", "slug": "drinks"},
        ],
        "brands": [{"id": 4, "name": "Leaf & Co", "slug": "leaf"}],
        "images": [{"id": 3, "src": "https://shop.example/tea.jpg"}],
        "meta_data": [],
        **changes,
    }


def review(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": 20 + number,
        "date_created": "2026-05-25T14:00:00",
        "date_created_gmt": "2026-05-25T12:00:00",
        "product_id": 91,
        "product_name": "Tea &amp; more",
        "status": "approved",
        "reviewer": "Grace",
        "reviewer_email": "grace@example.com",
        "review": "<p>Wonderful &amp; mild.<br />Again!</p>\n",
        "rating": 5,
        "verified": True,
        **changes,
    }
