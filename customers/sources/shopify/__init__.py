"""Shopify's webhooks into rows of ours. `translating` says which topic is read by which module."""

from customers.sources.shopify.translating import PRIVACY_TOPICS, translate


__all__ = ["PRIVACY_TOPICS", "translate"]
