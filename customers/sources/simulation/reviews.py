"""Reviews in words: a small grammar whose sentences carry a known polarity and aspect."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


ASPECTS = ("quality", "delivery", "price", "service")
_GOOD, _MIXED, _BAD = 2, 1, 0

# One clause per aspect and polarity, {x} is the kind of product.
_CLAUSES = {
    ("quality", _BAD): (
        "The {x} broke after a week",
        "I found the {x} poorly made",
        "The {x} was a disappointment",
        "Sadly the {x} smells cheap and looks worse",
        "The {x} is not what the pictures promise",
    ),
    ("quality", _MIXED): (
        "The {x} is okay",
        "The {x} does its job, no more",
        "I expected a little more from the {x}",
        "The {x} is average",
    ),
    ("quality", _GOOD): (
        "I love the {x}",
        "The {x} is excellent",
        "Beautifully made {x}",
        "The {x} is far better than I had hoped",
        "My whole family is happy with the {x}",
    ),
    ("delivery", _BAD): (
        "It arrived two weeks late",
        "The parcel was damaged and half empty",
        "Terrible delivery, nobody knew where it was",
    ),
    ("delivery", _MIXED): ("Delivery took its time", "Shipping was as usual"),
    ("delivery", _GOOD): (
        "It arrived the next day",
        "Fast delivery and lovely packaging",
        "Perfect shipping, earlier than announced",
    ),
    ("price", _BAD): (
        "Much too expensive for what it is",
        "Overpriced, I feel cheated",
        "A waste of money",
    ),
    ("price", _MIXED): ("The price is neither high nor low", "About what others charge"),
    ("price", _GOOD): (
        "Great value for the price",
        "Wonderful and not expensive at all",
        "Worth every penny",
    ),
    ("service", _BAD): (
        "Customer service never answered",
        "They were rude on the phone",
        "Awful support, no refund so far",
    ),
    ("service", _MIXED): ("Service answered after a few days", "Support was fine, nothing special"),
    ("service", _GOOD): (
        "Friendly and helpful staff",
        "Great support, they replaced it at once",
        "The service was wonderful",
    ),
}
_ENDINGS = {
    _BAD: ("I will not order again.", "Never again.", "Very disappointed.", "I sent it back."),
    _MIXED: ("Let us see.", "Not sure I would buy it again.", "It is fine.", "So so."),
    _GOOD: ("I will order again!", "Highly recommended.", "Very happy.", "Thank you!"),
}
_TITLES = {
    _BAD: ("Disappointed", "Not again", "Bad", "Poor"),
    _MIXED: ("Okay", "So so", "Average", "Fine"),
    _GOOD: ("Excellent", "Love it", "Great", "Very happy"),
}
_THINGS = {
    "Coffee": "coffee", "Tea": "tea", "Skin care": "cream", "Hair care": "shampoo",
    "Pet food": "dog food", "Household": "soap", "Kitchen": "teapot", "Textiles": "cushion",
    "Gifts": "gift box", "Electronics": "lamp",
}  # fmt: skip


def write_reviews(
    rating: np.ndarray, categories: pa.Array, *, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Columns title, text, and the truth: true_polarity (-1, 0, 1) and true_aspect, per review."""
    count = len(rating)
    tone = np.digitize(rating, [2.5, 3.5])
    aspect = rng.choice(len(ASPECTS), size=count, p=[0.55, 0.20, 0.15, 0.10])
    things = [_THINGS.get(name, "product") for name in categories.to_pylist()]
    draws = rng.random((3, count))
    title, text = [""] * count, [""] * count
    for (name, polarity), clauses in _CLAUSES.items():
        for row in np.flatnonzero((aspect == ASPECTS.index(name)) & (tone == polarity)):
            clause = _pick(clauses, draws[0, row]).replace("{x}", things[row])
            text[row] = f"{clause}. {_pick(_ENDINGS[polarity], draws[1, row])}"
            title[row] = _pick(_TITLES[polarity], draws[2, row])
    return {
        "title": pa.array(title, pa.string()),
        "text": pa.array(text, pa.string()),
        "true_polarity": pa.array(tone.astype(np.int64) - 1),
        "true_aspect": pa.array(ASPECTS).take(pa.array(aspect)),
    }


def _pick(options: tuple[str, ...], draw: float) -> str:
    return options[int(draw * len(options))]
