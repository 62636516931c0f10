"""Where shop data comes from. A source translates into ShopBatch; `ingest` alone brings it in."""

from core.registry import Registry


LAYOUTS = Registry(
    "layout",
    {
        "uci": "customers.sources.uci:read",
        "generic": "customers.sources.csv_files:read",
    },
)
"""File layouts: `read(path, *, now, mapping, with_consent) -> (ShopBatch, FileLines)`."""

TRANSLATORS = Registry(
    "translator",
    {
        "SEGMENT": "customers.sources.segment:translate",
        "SHOPIFY": "customers.sources.shopify:translate",
        "WOOCOMMERCE": "customers.sources.woocommerce:translate",
    },
)
"""By SourceKind: what understands the requests of a source (customers.intake.translation.Translator)."""
