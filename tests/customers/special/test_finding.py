"""What the word lists find, and what they leave alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from customers.special import finding
from customers.special.finding import Special, categories, is_special, terms


LISTS = Path(finding.__file__).parent


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("I am allergic to wool.", Special.HEALTH),
        ("Bought it after my double MASTECTOMY", Special.HEALTH),
        ("no allergy to it at all", Special.HEALTH),  # a "not" tells as much
        ("I'm 6 months pregnant and it fits.", Special.HEALTH),
        ("They look great, I am 6 months pregnant.", Special.HEALTH),
        ("Wore it to church on Sunday.", Special.RELIGION),
        ("As a Muslim woman I need long sleeves.", Special.RELIGION),
        ("My wife and I are lesbians.", Special.SEXUAL_LIFE),
        ("I’m a woman of color and the white stands out.", Special.ORIGIN),
        ("I voted for the other ones.", Special.POLITICS),
        ("Our shop steward loved it.", Special.UNION),
        ("Leider habe ich Neurodermitis.", Special.HEALTH),
        ("Mit meiner Hausstauballergie geht das nicht.", Special.HEALTH),
        ("nach Brustkrebs endlich wieder ein Badeanzug", Special.HEALTH),
        ("Für die Erstkommunion meiner Tochter.", Special.RELIGION),
        ("Ich bin schwul und liebe Tee.", Special.SEXUAL_LIFE),
        ("Als Gewerkschaftsmitglied kaufe ich fair.", Special.UNION),
        ("Mir half es gegen Übelkeit.", Special.HEALTH),
        ("Mir half es gegen U\u0308belkeit.", Special.HEALTH),  # the dots as a letter of their own
        ("Hilft gegen UEBELKEIT", Special.HEALTH),  # no key for the dots
        ("Hilft gegen ubelkeit", Special.HEALTH),
        ("Seit ich eine kuenstliche Huefte habe", Special.HEALTH),
        ("Meine Arztin hat es empfohlen", Special.HEALTH),
        ("Mit Glutenunvertraeglichkeit geht das nicht", Special.HEALTH),
        ("Ein Geschenk zum juedischen Neujahr", Special.RELIGION),
        ("Er ist Quäker.", Special.RELIGION),
        ("Unsere Betriebsrätinnen tragen es", Special.UNION),
        ("Ein Wahlkämpfer braucht so etwas", Special.POLITICS),
        ("Auch fuer Rollstuehle breit genug", Special.HEALTH),
        ("Estoy embarazada de seis meses.", Special.HEALTH),
        ("Soy alergico al polvo", Special.HEALTH),  # without its accent
        ("Tengo migrañas", Special.HEALTH),
        ("Para la primera comunión de mi hija", Special.RELIGION),
        ("Es mi orientación sexual", Special.SEXUAL_LIFE),
        ("El sindicato nos lo regaló", Special.UNION),
    ],
)
def test_what_may_tell_of_something_is_found(text: str, category: Special) -> None:
    assert categories(text) == {category}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Lovely tea, arrived on time.",
        "This dress makes me look pregnant!",
        "looked like I was six months pregnant, returned it",
        "Sick of waiting for a refund.",
        "A rash decision, but a good one.",
        "A bit of retail therapy.",
        "Thanks for restoring my faith!",
        "My Christian Louboutin shoes match it.",
        "A Christmas gift for my husband.",
        "Black and white, runs small in Asian sizes.",
        "The hospitality was great.",
        "burnout velvet, very soft",
        "The church across the road is pretty.",
        "Paid by Western Union.",
        "Die Bedienung ist einfach.",
        "Im Sternzeichen Krebs geboren",
        "An schwülen Tagen angenehm, auch in SCHWU\u0308LER Hitze.",
        "Die Tuete war zu, der Tee suess und groesser als gedacht.",
        "sieht an mir aus, als waere ich schwanger",
        "Un regalo precioso, muy recomendable.",
        "x" * finding.MOST,
    ],
)
def test_what_only_sounds_like_it_is_left_alone(text: str) -> None:
    assert categories(text) == set()


def test_a_word_is_found_whole() -> None:
    assert categories("beautiful, the routine of utility") == set()
    assert categories("my uti") == {Special.HEALTH}


def test_several_categories_and_the_harmless_beside_the_other() -> None:
    both = categories("I have diabetes and go to church. It makes me look pregnant.")
    assert both == {Special.HEALTH, Special.RELIGION}


def test_what_is_too_long_to_search_is_withheld() -> None:
    assert categories("a " * finding.MOST) == {Special.UNREAD}


@pytest.mark.parametrize("text", ["👍", "\x00", "a\ud7ff", "很好的产品", "'''", "* ... *"])
def test_odd_texts_break_nothing(text: str) -> None:
    assert categories(text) == set()


def test_one_of_several_texts_is_enough() -> None:
    assert is_special("Fine", "", "my oncologist recommended it")
    assert not is_special("Fine", "")


def test_the_same_comes_out_every_time() -> None:
    text = "I have asthma, eczema and a bad back."
    assert len({categories(text) for _ in range(5)}) == 1


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_every_term_of_a_list_finds_itself(language: str) -> None:
    """Nothing in the lists is shadowed by what is harmless, unless it stands for more than itself."""
    lines = list(terms((LISTS / f"{language}.txt").read_text("utf-8")))
    assert len(lines) > 150
    lost = []
    for category, words in lines:
        if category == "HARMLESS":
            continue
        text = " ".join(word.strip("*") for word in words)
        found = {str(one) for one in categories(text)}
        if category not in found:
            lost.append(text)
    assert lost == []


@pytest.mark.parametrize(
    "text",
    [
        "word outside",
        "[NOTHING]\nword",
        "[HEALTH]\nabc*",
        "[HEALTH]\n... cancer",
        "[HEALTH]\nmy ab*",
    ],
)
def test_a_list_that_says_nonsense_stops(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        list(terms(text))


def test_no_term_stands_twice() -> None:
    for language in ("en", "de", "es"):
        found = list(terms((LISTS / f"{language}.txt").read_text("utf-8")))
        assert [one for one in found if found.count(one) > 1] == [], language


def test_few_public_reviews_are_marked(shared_data: Path) -> None:
    """On 2,000 sentences of Amazon and Yelp: what is marked can be counted on two hands."""
    marked = []
    for name in ("amazon_cells_labelled", "yelp_labelled"):
        for line in (shared_data / f"sentiment/{name}.txt").read_text().splitlines():
            sentence = re.sub(r"\t[01]$", "", line)
            if is_special(sentence):
                marked.append(sentence)
    assert 1 <= len(marked) <= 10


@pytest.mark.parametrize(
    "text",
    [
        "Great if you are diabetic or pregnant.",
        "Good for my dia\u00adbetes",
        "Good for my dia\u200bbetes",
    ],
)
def test_what_stands_beside_the_harmless_or_is_cut_by_what_is_not_seen_is_found(text: str) -> None:
    assert categories(text) == {Special.HEALTH}
