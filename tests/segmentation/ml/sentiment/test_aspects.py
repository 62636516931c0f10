"""Of what texts speak: judged on sentences that were written and labelled for it, and kept for the end."""

from __future__ import annotations

import pytest

from benchmarks.sentiment import hand_labelled, sentences
from segmentation.ml.sentiment import model


def aspects(text: str) -> dict[str, float]:
    return {one.name: one.polarity for one in model.shipped().read([text])[0].aspects}


def test_each_aspect_has_the_polarity_of_its_clause() -> None:
    found = aspects("Delivery was quick and on time, but the fabric feels cheap and thin as paper.")
    assert found["delivery"] > 0 > found["quality"]


def test_the_context_tells_where_the_clause_says_little() -> None:
    assert aspects("The sleeves, what can I say, awful.")["size and fit"] < 0
    assert aspects("The sleeves, what can I say, gorgeous.")["size and fit"] > 0


def test_the_span_is_the_clause() -> None:
    text = "Nice   colour.\nThe courier was rude, sadly."
    one = next(a for a in model.shipped().read([text])[0].aspects if a.name == "delivery")
    assert "courier" in " ".join(text.split())[one.begin : one.end]


@pytest.mark.parametrize("text", ["Wonderful.", "A present for my mother, who adores it.", ""])
def test_texts_that_speak_of_nothing_have_no_aspects(text: str) -> None:
    assert aspects(text) == {}


def test_letters_that_grow_when_small_do_not_move_the_span() -> None:
    text = "İİİ the delivery was late"
    one = next(
        a for a in model.shipped().read([text], languages=["en"])[0].aspects if a.name == "delivery"
    )
    assert 0 <= one.begin < one.end <= len(text)


def test_labelled_sentences_are_read_as_stated() -> None:
    """What benchmarks/README.md states; the half kept for the end is judged here and there, and tuned nowhere."""
    assert len(sentences(final=False)) + len(sentences(final=True)) >= 300
    judged = hand_labelled(final=True)
    assert judged["detection"] >= 0.85
    assert judged["polarity"] >= 0.80
    assert judged["overall"] >= 0.84


ELSEWHERE = """
The gift box is lovely and I will use it again for jewellery.
It came in a gift box with a ribbon.
This jacket fits the bill for late summer evenings.
It is not that big a deal for me.
My only complaint is that there is no pocket.
Please pay attention to the instructions.
I bought it for a friend and a good deal of thought went into it.
I put it on the chest of drawers in the hall.
The table legs are black.
Looks professional and modern.
It sounds good on paper.
I've worn it twice already.
Dry clean only.
It is great for warm weather and late nights.
Oh dear, what a mistake.
I can't express how much I love it.
My wife wore it the next day.
I lost a few pounds and bought this to celebrate.
I feel like a million bucks.
I was crushed when it did not look good on me.
Very bra friendly.
It has a neat pouch wrapped around the front.
A lovely dress in crushed velvet.
I got this in exchange for my honest opinion.
I drink my tea from it every day.
It is called the kitchen wizard.
Very eco friendly.
The box is on my shelf now.
It is a box of ten.
My football team would love it.
I have a tight budget for hobbies.
I keep it close to my bed.
How sweet of my son to give me this.
This is a real deal breaker.
Just follow the advice of other reviewers.
I need good arch support.
It offers three ways to wear it.
He drives a van.
I sailed on a ship wearing it.
I narrowed it down to two.
"""


@pytest.mark.parametrize("text", ELSEWHERE.strip().splitlines())
def test_words_that_mean_something_else_are_no_aspect(text: str) -> None:
    (read,) = model.shipped().read([text])
    assert read.aspects == ()


def test_phrase_with_a_number_is_found_and_a_body_s_weight_is_no_price() -> None:
    price, weight = model.shipped().read(
        ["A bargain for 12 pounds.", "I am 5 feet and weigh 120 pounds."]
    )
    assert [one.name for one in price.aspects] == ["price"]
    assert weight.aspects == ()
