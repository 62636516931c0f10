"""What customers are worth: one reading of net sales for every page."""

from __future__ import annotations

from customers.enums import OrderStatus


NET_SALES = f"""
    SELECT o.customer_id, o.total_cents AS cents FROM customers_order o
    WHERE o.status = '{OrderStatus.PLACED}' AND o.placed_at > %(since)s
    UNION ALL
    SELECT r.customer_id, -r.amount_cents FROM customers_refund r
    LEFT JOIN customers_order o ON o.id = r.order_id
    WHERE r.refunded_at > %(since)s AND COALESCE(o.status = '{OrderStatus.PLACED}', true)"""
"""Rows (customer_id, cents) of orders since `since` and, below zero, of refunds; several a customer."""
