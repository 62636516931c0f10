"""In which language a text is written, by its commonest words; where that cannot be said, nothing is scored.

A wrong guess costs more than none: a text in another language would come out neutral from an English
lexicon, which reads like an opinion.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple


WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")

# Common words, and words of short praise and blame, that are not also common in another language listed.
_COMMON = {
    "en": "the and is it this that with for was not very of to my they have are but you these be on at so "
    "would will from good great bad nice love best too i we our your can't don't",
    "de": "der und ist ich nicht das mit ein eine sehr auch auf für war aber wir sie dem den gut gute guter "
    "gutes schlecht schön toll immer wieder gerne leider ware lieferung schnell kann zu einfach",
    "fr": "le et est les une des pas pour très je avec ce cette mais sur vous qui du bien bon bonne mauvais "
    "déçu livraison rapide qualité produit parfait merci trop c'est j'ai",
    "es": "el y los las una es muy por con para que pero está como lo del se mi bueno buena malo mala "
    "excelente producto calidad rápido envío todo gracias encanta bien",
    "it": "il e che di non per una è molto con sono ma della questo ho gli anche buono buona ottimo ottima "
    "prodotto qualità spedizione veloce tutto bello bella perfetto",
    "nl": "het een van niet en ik is dat zeer met voor maar ook zijn deze wel heel goed goede slecht mooi "
    "snel geleverd levering prima jammer erg",
    "pt": "o e não uma com muito que para é mas os por isso meu está foi mais bom boa produto qualidade "
    "ótimo ótima rápido gostei chegou entrega adorei",
    "sv": "och är det inte jag med för var men mycket bra dålig fin snabb leverans mig den att som kvalitet",
    "da": "og er det ikke jeg med til var men meget god godt dårlig hurtig levering den at som kvalitet rigtig",
    "pl": "i jest nie się to na że bardzo dobry dobra polecam ale jak szybka szybko dostawa produkt jakość",
    "cs": "a je to se na že velmi dobrý dobrá ale jako rychlé dodání kvalita doporučuji jsem není",
    "tr": "ve bir bu çok için ama iyi kötü ürün kargo hızlı güzel tavsiye ederim değil teşekkürler",
    "fi": "ja on ei se että erittäin hyvä huono mutta tuote nopea toimitus hieno todella",
    "id": "dan yang ini tidak sangat bagus barang cepat untuk dengan sesuai kualitas pengiriman",
}
_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in _COMMON.items():
    for _word in _words.split():
        _OF[_word] = (*_OF.get(_word, ()), _language)
COMMON = frozenset(_OF)
ENGLISH = frozenset(_COMMON["en"].split())
FOREIGN = COMMON - ENGLISH
PLAINLY = 3
"""English words from which on, where others are not a third as many, a text is plainly English."""
KNOWN, KNOWN_WITH_COMMON = 0.45, 0.3
"""Shares of words that are English ones, from which on a text is; the lesser where a common one is among them."""
_GLANCES = (100, 300)  # characters


class Told(NamedTuple):
    """language: two letters, or empty where it cannot be said; reason: then why, in words."""

    language: str
    reason: str = ""


def is_left_open(said: str | None) -> bool:
    """The shop calls a text English, or of no known language: then its words tell."""
    return not (said and said.strip()[:2].lower() not in {"en", "un"})


def tell(  # noqa: PLR0911 one answer a line
    text: str, *, said: str | None = None, is_english: Callable[[str], bool]
) -> Told:
    """
    The language of `text`. `said` is the shop's word for it ("en", "de-AT"), which counts unless the text
    is plainly something else. `is_english` knows whether a word in small letters is an English one.
    """
    if is_left_open(said):
        # most texts, at a tenth of the cost of all that follows
        for glance in _GLANCES:
            few = set(text[:glance].lower().split())
            english = len(few & ENGLISH)
            if english >= PLAINLY and english > PLAINLY * len(few & FOREIGN):
                return Told(language="en")
    words = WORD.findall(text.lower().replace("’", "'"))
    if not words:
        return Told(language="", reason="no words")
    stated = (said or "").strip().lower()[:2]
    stated = "" if stated == "un" else stated  # "und": undetermined
    counts = Counter(language for word in words for language in _OF.get(word, ()))
    likeliest = max(counts, key=lambda one: (counts[one], one == "en"), default="")
    english = counts["en"]
    if stated and stated != "en":
        # a shop of one language marks everything with it; what is plainly English is English
        plainly = english >= 3 and english >= counts[stated] + 3
        return Told(language="en" if plainly else stated)
    # a name, a brand or a typing error gives one foreign word
    if likeliest and likeliest != "en" and counts[likeliest] >= english + 2:
        return Told(language=likeliest)
    if sum(map(len, _LATIN.findall(text))) < sum(map(len, words)) / 2:
        return Told(language="", reason="not written in Latin letters")
    known = sum(1 for word in words if word in ENGLISH or is_english(word))
    if known >= (KNOWN_WITH_COMMON if english or stated else KNOWN) * len(words):
        return Told(language="en")
    if likeliest and likeliest != "en" and not english:
        return Told(language=likeliest)
    return Told(language="", reason="language not recognised")
