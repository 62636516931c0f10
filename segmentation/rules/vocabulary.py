"""The words of the language that name what the shop knows: kinds of events, scores, consents.

The codes are those of `customers.enums.EventKind`, `segmentation.enums.Task` and `consent.enums`, which
this package may not import (it knows no Django); a test holds them together.
"""

from __future__ import annotations

from dataclasses import dataclass


ORDER = "ORDER"


@dataclass(frozen=True)
class Deed:
    """
    Something customers do: what the builder calls it, and its two sentence parts.

    `did` follows "who" ("placed an order"), `have_not` follows "who have not" ("placed an order").
    """

    label: str
    group: str
    did: str
    have_not: str


def _deed(label: str, group: str, did: str, have_not: str = "") -> Deed:
    return Deed(label=label, group=group, did=did, have_not=have_not or did)


DEEDS: dict[str, Deed] = {
    ORDER: _deed("Ordered", "Orders", "ordered"),
    "SITE_VISIT": _deed("Visited the site", "Behaviour", "visited the site"),
    "PRODUCT_VIEW": _deed("Viewed a product", "Behaviour", "viewed a product"),
    "CART": _deed("Put in the cart", "Behaviour", "put something in the cart"),
    "CART_REMOVED": _deed(
        "Took out of the cart", "Behaviour", "took something out of the cart",
        "taken anything out of the cart",
    ),
    "CHECKOUT": _deed(
        "Went to the checkout", "Behaviour", "went to the checkout", "gone to the checkout"
    ),
    "COUPON": _deed("Entered a coupon", "Behaviour", "entered a coupon"),
    "SEARCH": _deed("Searched", "Behaviour", "searched"),
    "WISHLIST": _deed("Put on the wish list", "Behaviour", "put something on the wish list"),
    "DELIVERED": _deed(
        "Was sent a message", "E-mail engagement", "were sent a message", "been sent a message"
    ),
    "OPENED": _deed("Opened a message", "E-mail engagement", "opened a message"),
    "CLICKED": _deed("Clicked a link", "E-mail engagement", "clicked a link in a message"),
    "BOUNCED": _deed(
        "Message bounced", "E-mail engagement", "had a message bounce", "had a message bounce"
    ),
    "COMPLAINED": _deed("Reported as spam", "E-mail engagement", "reported a message as spam"),
    "UNSUBSCRIBED": _deed("Unsubscribed", "E-mail engagement", "unsubscribed"),
    "CONSENT_GIVEN": _deed("Gave consent", "Consent", "gave consent", "given consent"),
    "CONSENT_WITHDRAWN": _deed(
        "Withdrew consent", "Consent", "withdrew consent", "withdrawn consent"
    ),
}  # fmt: skip
"""What `did` and `did_not` know by a code; any other text is the name of a custom event."""


@dataclass(frozen=True)
class ScoreWords:
    """A score: what the builder calls it, its phrase ("a chance of leaving"), and its unit."""

    label: str
    phrase: str
    unit: str


SCORES: dict[str, ScoreWords] = {
    "CHURN": ScoreWords("Chance of no order in the next 90 days", "chance of leaving", "share"),
    "PURCHASE": ScoreWords("Chance of an order in the next 30 days", "chance of an order soon", "share"),
    "RESPONSE": ScoreWords(
        "Chance of an order after a message", "chance of an order after a message", "share"
    ),
    "UPLIFT": ScoreWords("Orders caused by a message", "effect of a message on orders", "share"),
    "LIFETIME": ScoreWords("Expected spend in the next 365 days", "expected spend in the next 365 days", "cents"),
    "ORDERS": ScoreWords(
        "Expected orders in the next 365 days", "number of orders expected in the next 365 days", "orders"
    ),
    "NEXT_ORDER": ScoreWords("Days until the next order", "time until the next order", "days"),
}  # fmt: skip

PURPOSES: dict[str, str] = {
    "MARKETING": "promotions and news",
    "PROFILING": "predictions",
    "CLICK_TRACKING": "noting which links are clicked",
    "RECOMMENDATIONS": "products chosen for them",
    "REVIEW_FOLLOWUP": "questions about their reviews",
    "OPEN_TRACKING": "noting whether messages are opened",
    "RESEARCH": "surveys and studies",
    "SHARING": "sharing with advertising partners",
}

CHANNELS: dict[str, str] = {"EMAIL": "by e-mail", "SMS": "by text message", "ANY": ""}

CONSENTS: dict[str, tuple[str, ...]] = {
    "MARKETING": ("EMAIL", "SMS"),
    "PROFILING": ("ANY",),
    "CLICK_TRACKING": ("ANY",),
    "RECOMMENDATIONS": ("ANY",),
    "REVIEW_FOLLOWUP": ("ANY",),
    "OPEN_TRACKING": ("ANY",),
    "RESEARCH": ("ANY",),
    "SHARING": ("ANY",),
}
"""On which channels a purpose is asked for: nobody can have agreed to any other pair."""
