"""UCI Online Retail and Online Retail II (D. Chen, doi 10.24432/C5BW33), in the spelling of either.

What this file means and what it lacks is said in docs/reference/import-layouts.md, and in the notes
of every import.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb

from customers.enums import SourceKind
from customers.sources import order_lines
from customers.sources.base import SourceError
from customers.sources.layouts import FileLayout, Translation, share_of
from customers.sources.order_fields import OrderLayout


SPELLINGS = {
    "order": ("InvoiceNo", "Invoice"),
    "product": ("StockCode",),
    "name": ("Description",),
    "quantity": ("Quantity",),
    "date": ("InvoiceDate",),
    "price": ("UnitPrice", "Price"),
    "customer": ("CustomerID", "Customer ID", "Customer_ID"),
    "country": ("Country",),
}

COUNTRIES = {
    "United Kingdom": "GB", "Germany": "DE", "France": "FR", "EIRE": "IE", "Spain": "ES",
    "Netherlands": "NL", "Belgium": "BE", "Switzerland": "CH", "Portugal": "PT", "Australia": "AU",
    "Norway": "NO", "Italy": "IT", "Finland": "FI", "Cyprus": "CY", "Sweden": "SE", "Austria": "AT",
    "Denmark": "DK", "Japan": "JP", "Poland": "PL", "Israel": "IL", "USA": "US", "Hong Kong": "HK",
    "Singapore": "SG", "Iceland": "IS", "Canada": "CA", "Greece": "GR", "Malta": "MT",
    "United Arab Emirates": "AE", "RSA": "ZA", "Lebanon": "LB", "Lithuania": "LT", "Brazil": "BR",
    "Czech Republic": "CZ", "Bahrain": "BH", "Saudi Arabia": "SA", "Channel Islands": "JE",
    "Bermuda": "BM", "Korea": "KR", "Nigeria": "NG", "Thailand": "TH", "West Indies": "",
    "Unspecified": "", "European Community": "",
}  # fmt: skip

# The first bucket with one of its words in the name; the data has no categories of its own.
CATEGORIES = {
    "Christmas": "CHRISTMAS|XMAS|ADVENT|SANTA|REINDEER|SNOWFLAKE|BAUBLE",
    "Easter": "EASTER",
    "Jewellery": "NECKLACE|BRACELET|EARRINGS?|RING|BROOCH|CHARM|DIAMANTE|HAIR|BANGLE|PENDANT",
    "Bags": "BAGS?|PURSE|SHOPPER|SUITCASE|RUCKSACK|BACKPACK|UMBRELLA|PARASOL",
    "Cards and paper": "CARDS?|WRAP|PAPER|NOTEBOOK|STICKERS?|RIBBONS?|TISSUES?|STATIONERY|PENCILS?|PENS?|TAPE|LETTER|BOOK|ERASERS?|CHALK",
    "Party": "PARTY|BUNTING|GARLAND|BIRTHDAY|BALLOONS?|PINATA|CONFETTI|STREAMERS?",
    "Candles and light": "CANDLES?|LIGHTS?|LANTERN|LAMP|T-LIGHT|TLIGHT|INCENSE|CHANDELIER|NIGHTLIGHT|CANDLESTICK",
    "Kitchen and baking": "CAKE|CAKESTAND|BAKING|KITCHEN|APRON|PANTRY|JAM|RECIPE|CUTLERY|SPOONS?|MOULDS?|COOKIE|JELLY|OVEN|WHISK|SCALES",
    "Tableware": "MUG|CUPS?|SAUCER|TEACUP|TEA|TEAPOT|COFFEE|BOWLS?|PLATES?|TRAY|DINNER|NAPKINS?|PLACEMATS?|COASTERS?|GLASS|JUG|LUNCH|SNACK|BOTTLE|EGG|TABLE|DISH|DOILY|POT",
    "Garden": "GARDEN|PLANT|PLANTER|WATERING|BIRD|GNOME|SEEDS?|HERB|PICNIC|GREENHOUSE",
    "Children": "CHILDRENS?|KIDS|TOYS?|DOLLY?|DOLLS?|PLAYHOUSE|SPACEBOY|GAME|JIGSAW|PUZZLE|SKITTLES|BABY|TEDDY|SOLDIER|FELTCRAFT|MAGIC|GIRL|BOYS?",
    "Bath and wellbeing": "BATH|BATHROOM|SOAP|TOWEL|HOT WATER|WARMER|SCENTED|PERFUME|TOILET|PLASTERS",
    "Storage": "BOX|BOXES|TINS?|JARS?|BASKET|STORAGE|DRAWER|CABINET|RACK|HANGER|HOOKS?|HOLDER|CRATE|CASES?",
    "Textiles": "CUSHION|COVER|RUG|QUILT|THROW|CURTAIN|DOORMAT|BLANKET|FELT|SCARF|FABRIC|SLIPPERS?|SOCKS?",
    "Pictures and signs": "SIGN|FRAME|MIRROR|CLOCK|WALL|PHOTO|ART|PICTURE|MAGNETS?|POSTER|BLACKBOARD|CHALKBOARD|MEMO",
    "Decoration": "DECORATION|HEARTS?|FLOWERS?|ROSE|VASE|ORNAMENT|WREATH|HANGING|STAR|BELLS?|ANGEL|TREE|KNOB|DOORSTOP|FEATHER|ZINC|METAL|CERAMIC|WICKER|BEADS?|CRYSTAL",
}  # fmt: skip

PRODUCT_CODE = "^([0-9]{5}|DCGS|SP[0-9])"
"""What is sold begins like this. POST, D, DOT, M, BANK CHARGES, gift_0001_10 ... do not."""


def _choice(value: str, names: dict[str, str]) -> str:
    pairs = ", ".join(f"'{name}': '{code}'" for name, code in names.items())
    return f"coalesce((MAP {{{pairs}}})[{value}], '')"


def _category() -> str:
    cases = " ".join(
        f"WHEN regexp_matches(upper(name), '\\b({words})\\b') THEN '{name}'"
        for name, words in CATEGORIES.items()
    )
    return f"CASE WHEN NOT ({_IS_PRODUCT}) THEN 'Not a product' {cases} ELSE 'Other' END"


_IS_PRODUCT = f"regexp_matches(product, '{PRODUCT_CODE}') AND upper(coalesce(name, '')) <> 'NEXT DAY CARRIAGE'"

ORDERS = OrderLayout(
    columns={},
    currency="GBP",
    refused={"stock_adjustment": "price = 0 AND customer IS NULL"},
    product_id="upper(product)",
    refund_reason=(
        "CASE WHEN product = 'D' THEN 'Discount' WHEN order_id LIKE 'C%' THEN 'Cancelled'"
        " ELSE 'Adjustment' END"
    ),
    is_product=_IS_PRODUCT,
    category=_category(),
    country=_choice("country", COUNTRIES),
    email="'customer-' || customer || '@online-retail.example'",
    notes=(
        "Dates are taken as UTC, amounts as pounds, each price rounded to the penny.",
        "A line without a customer belongs to a guest's order.",
        (
            "Lines of cancellations (C...) and negative amounts are refunds, given to the customer's last"
            " order of the article where there is one."
        ),
        "Codes such as POST, D, M and BANK CHARGES are no products; their money counts.",
        "Addresses (@online-retail.example) are made up: the file has none.",
        "Categories are drawn from words of the product's name: the file has none.",
    ),
)


def fields(names: Sequence[str]) -> dict[str, str]:
    """Our fields to the file's columns; raises SourceError naming what is missing."""
    known = {name.strip().lower(): name for name in names}
    found = {
        field: known[spelling.lower()]
        for field, spellings in SPELLINGS.items()
        for spelling in spellings
        if spelling.lower() in known
    }
    missing = [spellings[0] for field, spellings in SPELLINGS.items() if field not in found]
    if missing:
        raise SourceError(
            f"The file has no column {', '.join(missing)} (it has: {', '.join(names)}). Is it UCI Online"
            " Retail? For other files use --layout generic with --mapping."
        )
    return found


def reads(names: Sequence[str], settings: Mapping[str, Any]) -> Collection[str]:
    if settings.get("mapping") is not None:
        raise SourceError("The layout uci knows its columns. Leave --mapping out, or use generic.")
    return fields(names).values()


def fits(names: Sequence[str]) -> float:
    return max(
        share_of([spellings[min(i, len(spellings) - 1)] for spellings in SPELLINGS.values()], names)
        for i in range(2)
    )


def translate(
    db: duckdb.DuckDBPyConnection,
    *,
    columns: Sequence[str],
    settings: Mapping[str, Any],
    now: datetime,
) -> Translation:
    found = replace(ORDERS, columns=fields(columns))
    return order_lines.translate(db, found, columns=columns, now=now)


LAYOUT = FileLayout(
    title="UCI Online Retail",
    kind=SourceKind.UCI,
    fits=fits,
    reads=reads,
    translate=translate,
)
