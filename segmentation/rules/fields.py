"""The whitelist: every field and property that a condition may name, in plain words, with its type.

Every feature of `segmentation.ml.features` is a field of its own accord; `_BETTER` holds the words where those
of the catalogue do not make a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

from segmentation.ml.features import FEATURES, Feature
from segmentation.rules import operators


GROUPS = (
    "Profile",
    "Orders",
    "Behaviour",
    "E-mail engagement",
    "Reviews",
    "Predictions",
    "Products",
    "Consent",
    "Segment membership",
    "Random bucket",
)
"""What the builder sorts conditions by, in this order."""

TRAIT = "trait."
LONGEST_KEY = 100


@dataclass(frozen=True, kw_only=True)
class Field:
    """
    One thing that conditions ask about.

    label: for the builder ("Days since the last order"). phrase: for the sentence; it follows an amount
    ("90 days" + "since the last order") when `measured`, else a preposition ("with a" + "mean rating" + "of 4").
    kind: see `operators.BY_KIND`. unit: "cents", "days", "share" and so on; empty for texts.
    profiling: only customers who agreed to profiling can match. sensitive: may reveal what the law protects.
    """

    name: str
    label: str
    phrase: str
    group: str
    kind: str
    unit: str = ""
    measured: bool = False
    profiling: bool = True
    sensitive: bool = False

    @property
    def operators(self) -> tuple[str, ...]:
        return operators.BY_KIND[self.kind]

    @property
    def is_money(self) -> bool:
        """Stored in cents; screens ask for currency units."""
        return self.unit == "cents"


# The season is the same for everybody: a condition on it would be on the calendar, not on customers.
LEFT_OUT = frozenset({"season_sin", "season_cos"})

_GROUP_BY_THEME = {
    "customers": "Profile",
    "orders": "Orders",
    "refunds": "Orders",
    "replenishment": "Orders",
    "basket": "Products",
    "habits": "Behaviour",
    "engagement": "Behaviour",
    "carts": "Behaviour",
    "declared": "Profile",
    "reviews": "Reviews",
}
_MAIL = ("mail", "click", "open")

_BETTER: dict[str, tuple[str, str]] = {
    "order_days": ("Days with an order", "days with an order"),
    "revenue_cents": ("Spent in all", "spent in all"),
    "net_revenue_cents": ("Spent in all, less refunds", "spent in all, less refunds"),
    "order_value_mean_cents": ("Mean order value", "mean order value"),
    "order_value_std_cents": ("Spread of order values", "spread of order values"),
    "order_value_min_cents": ("Smallest order", "smallest order"),
    "order_value_max_cents": ("Largest order", "largest order"),
    "order_value_first_cents": ("Value of the first order", "first order"),
    "order_value_last_cents": ("Value of the last order", "last order"),
    "margin_cents": ("Margin of all orders", "margin of all orders"),
    "margin_share": ("Margin as a share of what was paid", "margin"),
    "gap_mean_days": ("Mean days between orders", "mean time between orders"),
    "gap_std_days": ("Spread of the days between orders", "spread of the time between orders"),
    "gap_last_days": ("Days between the last two orders", "time between the last two orders"),
    "recency_to_gap": ("Silence in usual gaps", "silence in usual gaps"),
    "gap_last_to_gap": ("Last gap in usual gaps", "last gap in usual gaps"),
    "active_months_12": (
        "Months with an order, of the last twelve (30 days each)",
        "active months of the last twelve",
    ),
    "order_days_per_year": ("Days with an order per year", "rate of days with an order per year"),
    "lines_per_order": ("Lines per order", "lines an order"),
    "units_per_order": ("Pieces per order", "pieces an order"),
    "units_per_line": ("Pieces per line", "pieces a line"),
    "units_line_max": ("Most pieces in one line", "pieces in one line at most"),
    "category_concentration": (
        "Concentration on few categories",
        "concentration on few categories",
    ),
    "price_tier": (
        "Price level against the shop's average",
        "price level against the shop's average",
    ),
    "new_products_share_365d": (
        "Share of new products, last 365 days",
        "share of new products in the last 365 days",
    ),
    "repurchase_gap_days": (
        "Usual days until a product is bought again",
        "usual time until a product is bought again",
    ),
    "due_products": ("Products due to be bought again", "products due to be bought again"),
    "overdue_days": (
        "Days overdue of the first product due again",
        "time overdue of the first product due again",
    ),
    "favourite_hour": ("Hour with most orders (UTC)", "favourite hour (UTC)"),
    "favourite_weekday": (
        "Weekday with most orders (0 is Monday)",
        "favourite weekday (0 is Monday)",
    ),
    "refunded_share": ("Refunded as a share of what was paid", "refunded share"),
    "polarity_mean": ("Mean sentiment of the texts (-1 to 1)", "mean sentiment"),
    "home_market": ("Lives in the shop's home market", "home market"),
    "last_order_discounted": ("Last order had a discount", "last order with a discount"),
    "names_company": ("Names a company or a VAT number", "company or VAT number"),
    "own_mail_domain": (
        "Address is not of a public mail service",
        "address of a domain of one's own",
    ),
    "rating_mean": ("Mean rating (1 to 5)", "mean rating"),
    "discount_share": ("Discount as a share of list value", "discount share"),
}


def _feature(feature: Feature) -> Field:
    label, phrase = _BETTER.get(feature.name, (feature.meaning, _lower(feature.meaning)))
    if feature.unit == "days" and feature.meaning.startswith("Since"):
        label = f"Days {_lower(feature.meaning)}"
    group = _GROUP_BY_THEME.get(feature.theme, "Behaviour")
    if feature.theme == "engagement" and feature.name.startswith(_MAIL):
        group = "E-mail engagement"
    # an amount of these reads as a noun: "3 orders ever", "90 days since the last order", "50 spent in all"
    measured = (
        feature.unit == "count"
        or (feature.unit in {"days", "cents"} and label.startswith(("Days since", "Paid", "Spent", "Refunded")))
    )  # fmt: skip
    return Field(
        name=feature.name, label=label, phrase=phrase, group=group, kind="number", measured=measured,
        unit=feature.unit,
    )  # fmt: skip


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


PROFILE = "Profile"

FIELDS: dict[str, Field] = {
    "country": Field(name="country", label="Country", phrase="country", group=PROFILE, kind="text", profiling=False),
    "language": Field(
        name="language", label="Language", phrase="language", group=PROFILE, kind="text", profiling=False,
    ),
    "email_domain": Field(
        name="email_domain", label="E-mail domain", phrase="e-mail domain", group=PROFILE, kind="text", profiling=False,
    ),
    "joined_days_ago": Field(
        name="joined_days_ago", label="Days since joining", phrase="since joining", group=PROFILE, kind="age",
        unit="days", measured=True, profiling=False,
    ),
    "source": Field(name="source", label="Source", phrase="source", group=PROFILE, kind="id", profiling=False),
    **{name: _feature(one) for name, one in FEATURES.items() if name not in LEFT_OUT},
}  # fmt: skip


def find(name: object) -> Field | None:
    """The field of this name; `trait.<key>` is one for every key. None when there is none."""
    if not isinstance(name, str):
        return None
    if not name.startswith(TRAIT):
        return FIELDS.get(name)
    key = name.removeprefix(TRAIT)
    if not is_key(key):
        return None
    # what people declared of themselves is used only with their consent to profiling
    return Field(
        name=name,
        label=key,
        phrase=f"“{key}”",
        group=PROFILE,
        kind="any",
        sensitive=is_sensitive(key),
    )


def is_key(key: object) -> bool:
    """Whether this can be the name of a trait or of an event's property."""
    return (
        isinstance(key, str)
        and 0 < len(key) <= LONGEST_KEY
        and key.isprintable()  # no NUL, no half of a pair
    )


_ORDER_GROUP = "Orders"

ORDER_PROPERTIES: dict[str, Field] = {
    field.name: field
    for field in (
        Field(name="category", label="Category", phrase="category", group=_ORDER_GROUP, kind="text"),
        Field(name="product", label="Product", phrase="product", group=_ORDER_GROUP, kind="text"),
        Field(name="brand", label="Brand", phrase="brand", group=_ORDER_GROUP, kind="text"),
        Field(name="value_cents", label="Order value", phrase="value", group=_ORDER_GROUP, kind="age", unit="cents"),
        Field(name="discount", label="Discount", phrase="discount", group=_ORDER_GROUP, kind="age", unit="cents"),
        Field(name="channel", label="Channel", phrase="channel", group=_ORDER_GROUP, kind="text"),
    )
}  # fmt: skip
"""
What `where` knows of orders. Category, product (the shop's own number) and brand are of the order's lines:
one and the same line has to fit all of them.
"""
OF_LINES = frozenset({"category", "product", "brand"})


def property_of(event: str, name: object) -> Field | None:
    """The property of this event; custom properties are known by any key. None when there is none."""
    if event == "ORDER":
        return ORDER_PROPERTIES.get(name) if isinstance(name, str) else None
    if not isinstance(name, str) or not is_key(name):
        return None
    return Field(
        name=name, label=name, phrase=f"“{name}”", group="Behaviour", kind="any",
        sensitive=is_sensitive(name),
    )  # fmt: skip


# Beginnings of words that hint at GDPR Art. 9: health, religion, politics, union, sex life, origin.
_SENSITIVE = (
    "health", "medic", "diagnos", "illness", "disease", "disab", "pregnan", "baby", "maternity", "fertil",
    "diet", "diabet", "allerg", "religio", "church", "kosher", "halal", "ramadan", "politic", "party_member",
    "union", "sexual", "sex", "gender", "orientation", "lgbt", "ethnic", "race", "racial", "nationality",
    "biometric", "genetic",
)  # fmt: skip


def is_sensitive(text: str) -> bool:
    """Whether a text hints at what the law protects most. A hint for a warning, not a judgement."""
    words = "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()
    return any(word.startswith(_SENSITIVE) for word in words)
