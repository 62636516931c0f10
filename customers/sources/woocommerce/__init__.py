"""WooCommerce's webhooks, and what is pulled from its REST API, into rows of ours."""

from customers.sources.woocommerce.translating import translate


__all__ = ["translate"]
