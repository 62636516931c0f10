"""Where shop data comes from. A source translates into ShopBatch; `ingest` alone brings it in."""

from core.registry import Registry


LAYOUTS = Registry(
    "layout",
    {
        "uci": "customers.sources.uci:LAYOUT",
        "generic": "customers.sources.csv_files:LAYOUT",
        "people": "customers.sources.people:LAYOUT",
        "shopify-customers": "customers.sources.people:SHOPIFY",
        "shopify-orders": "customers.sources.shopify_exports:LAYOUT",
    },
)
"""File layouts: each a `layouts.FileLayout`. `importing` reads the file and brings it in."""

TRANSLATORS = Registry(
    "translator",
    {
        "SEGMENT": "customers.sources.segment:translate",
        "SHOPIFY": "customers.sources.shopify:translate",
        "WOOCOMMERCE": "customers.sources.woocommerce:translate",
    },
)
"""By SourceKind: what understands the requests of a source (customers.intake.translation.Translator)."""
