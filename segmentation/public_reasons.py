"""Why somebody has a score or is in a group, in their own language and with figures as they write them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import translation

from customers import display
from segmentation.enums import SegmentKind
from segmentation.explaining import Explanation, Lack
from segmentation.ml import public_names
from segmentation.ml.features import FEATURES
from segmentation.models import Segment, SegmentVersion


MOST = 3
_NBSP = "\N{NO-BREAK SPACE}"

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "not known": "not known", "yes": "yes", "no": "no", "of": "of",
        "good": "rather good", "bad": "rather bad", "mixed": "mixed",
        "days": "{} day|{} days", "ago": "{} day ago|{} days ago",
        "rhythm": "Your last order was {ago}; you usually order every {gap}",
        "only": "Your last order was {ago}, the only one so far",
        "orders": "{ever} so far, {year} of them in the last 365 days", "ever": "{} order|{} orders",
        "same season": "{ever} at this time of year, a year ago",
        "calendar": "The time of year, the same for everybody",
        "since": "Your first order was {ago}",
        "never again": "You have bought no product a second time yet",
        "due in": "What you buy again and again is due in {gap}",
        "due for": "You would usually have bought again {ago} what you buy again and again",
    },
    "de": {
        "not known": "nicht bekannt", "yes": "ja", "no": "nein", "of": "von",
        "good": "eher gut", "bad": "eher schlecht", "mixed": "gemischt",
        "days": "{} Tag|{} Tage", "ago": "vor {} Tag|vor {} Tagen",
        "rhythm": "Ihre letzte Bestellung war {ago}; sonst liegen {gap} zwischen zwei Bestellungen",
        "only": "Ihre letzte Bestellung war {ago}, bisher die einzige",
        "orders": "Bisher {ever}, davon {year} in den letzten 365 Tagen",
        "ever": "{} Bestellung|{} Bestellungen",
        "same season": "{ever} um diese Zeit vor einem Jahr",
        "calendar": "Die Jahreszeit, für alle gleich",
        "since": "Ihre erste Bestellung war {ago}",
        "never again": "Sie haben noch kein Produkt ein zweites Mal gekauft",
        "due in": "Zeit, bis Sie sonst wieder kaufen, was Sie immer wieder kaufen: {gap}",
        "due for": "Was Sie immer wieder kaufen, hätten Sie sonst {ago} wieder gekauft",
    },
    "es": {
        "not known": "no se sabe", "yes": "sí", "no": "no", "of": "de",
        "good": "más bien bueno", "bad": "más bien malo", "mixed": "mixto",
        "days": "{} día|{} días", "ago": "hace {} día|hace {} días",
        "rhythm": "Su último pedido fue {ago}; normalmente pasan {gap} entre pedidos",
        "only": "Su último pedido fue {ago}, el único hasta ahora",
        "orders": "{ever} hasta ahora, {year} en los últimos 365 días", "ever": "{} pedido|{} pedidos",
        "same season": "{ever} en esta época hace un año",
        "calendar": "La época del año, igual para todos",
        "since": "Su primer pedido fue {ago}",
        "never again": "Todavía no ha comprado ningún producto por segunda vez",
        "due in": "Lo que compra una y otra vez le toca dentro de {gap}",
        "due for": "Lo que compra una y otra vez normalmente lo habría vuelto a comprar {ago}",
    },
}  # fmt: skip
_WEEKDAYS = {
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "de": ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
    "es": ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
}
_LACKS: dict[Lack, dict[str, str]] = {
    Lack.SILENT: {
        "en": "You have not ordered for a year",
        "de": "Sie haben seit einem Jahr nichts bestellt",
        "es": "Hace un año que no hace pedidos",
    },
    Lack.UNREADABLE: {
        "en": "The reasons cannot be shown at the moment",
        "de": "Die Gründe lassen sich zurzeit nicht zeigen",
        "es": "Los motivos no se pueden mostrar en este momento",
    },
}
_GROUPS: dict[str, dict[str, str]] = {
    SegmentKind.RFM: {
        "en": "By when you last ordered, how often you order and how much you spend",
        "de": "Danach, wann Sie zuletzt bestellt haben, wie oft Sie bestellen und wie viel Sie ausgeben",
        "es": "Según cuándo hizo su último pedido, con qué frecuencia pide y cuánto gasta",
    },
    SegmentKind.SCORE: {
        "en": "By predictions from your orders, visits and reviews",
        "de": "Nach Vorhersagen aus Ihren Bestellungen, Besuchen und Bewertungen",
        "es": "Según predicciones a partir de sus pedidos, visitas y opiniones",
    },
    SegmentKind.CLUSTER: {
        "en": "One of several groups of customers with similar orders",
        "de": "Eine von mehreren Gruppen von Kunden mit ähnlichen Bestellungen",
        "es": "Uno de varios grupos de clientes con pedidos parecidos",
    },
    SegmentKind.STATIC: {
        "en": "The shop put you on a list",
        "de": "Der Shop hat Sie auf eine Liste gesetzt",
        "es": "La tienda le puso en una lista",
    },
}
_RULE = {"en": "The rule looks at", "de": "Die Regel achtet auf", "es": "La regla mira"}
_ASKED = {
    "did": {
        "en": "What you did in the shop",
        "de": "Was Sie im Shop getan haben",
        "es": "Lo que hizo en la tienda",
    },
    "score": {
        "en": "Predictions about you", "de": "Vorhersagen über Sie", "es": "Predicciones sobre usted",
    },
    "consent": {
        "en": "What you agree to", "de": "Wozu Sie Ja sagen", "es": "Lo que acepta",
    },
    "segment": {
        "en": "Other groups that you belong to",
        "de": "Andere Gruppen, zu denen Sie gehören",
        "es": "Otros grupos a los que pertenece",
    },
    "bucket": {"en": "A draw by lot", "de": "Das Los", "es": "Un sorteo"},
}  # fmt: skip
_LEAVES = frozenset({"field", "did_not", *_ASKED})
"""One of these keys makes a condition of what a stored rule holds."""
_PROFILE = {
    "en": "What the shop holds about you",
    "de": "Was der Shop über Sie weiß",
    "es": "Lo que la tienda sabe de usted",
}


def of_score(known: Explanation | None, *, language: str) -> tuple[str, ...]:
    """The weightiest reasons of a score; nothing where none are known."""
    if known is None:
        return ()
    if known.reasons:
        said = (
            sentence(one.topic, one.features[0], known.values, language=language)
            for one in known.reasons[:MOST]
        )
        return tuple(dict.fromkeys(said))
    if known.lack in _LACKS:
        return (_LACKS[known.lack][language],)
    return (sentence("rhythm", "recency_days", known.values, language=language),)


def of_segment(segment: Segment, *, language: str) -> tuple[str, ...]:
    """By what somebody is in it: never a note of staff's, nor what they call another group."""
    if segment.kind == SegmentKind.RULE:
        leaves = _leaves(segment.definition)
        if language == "en" and not any("segment" in leaf for leaf in leaves):
            return _words_of(segment)
        asked = dict.fromkeys(_factor(leaf)[language] for leaf in leaves)
        return (f"{_RULE[language]}: {'; '.join(asked)}",) if asked else ()
    said = _GROUPS.get(segment.kind)
    return (said[language],) if said else ()


def sentence(topic: str, name: str, values: Mapping[str, float], *, language: str) -> str:
    """One reason without a full stop; `topic` and `name` as of segmentation.ml.wording."""
    words = _WORDS[language]
    with translation.override(language):
        said = _topic(topic, values, words)
        if said:
            return said
        value = values.get(name, math.nan)
        factor = public_names.of_factor(name, language=language)
        if name not in FEATURES:
            return factor
        return f"{factor}: {_value(FEATURES[name].unit, value, words, language=language)}"


def money(cents: float, *, language: str) -> str:
    """€12,346 in English, 12.346 € elsewhere."""
    with translation.override(language):
        plain = display.money(cents, decimals=0)
    if language == "en":
        return plain
    symbol = plain.strip("−0123456789.,\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE} ")
    amount = plain.replace(symbol, "").strip()
    return f"{amount}{_NBSP}{symbol}"


def days(value: float, *, language: str) -> str:
    """65 days, 65 Tage, 65 días."""
    with translation.override(language):
        return _many(_WORDS[language]["days"], value)


def _topic(topic: str, values: Mapping[str, float], words: Mapping[str, str]) -> str:
    """As one sentence what belongs together; empty where too little is known for one."""
    special = _TOPICS.get(topic)
    if special is None:
        return ""
    known = {name: value for name, value in values.items() if not math.isnan(value)}
    if not set(special.needs) <= known.keys():
        return words[special.otherwise] if special.otherwise and known else ""
    return special.say(known, words)


def _rhythm(known: Mapping[str, float], words: Mapping[str, str]) -> str:
    ago, gap = _many(words["ago"], known["recency_days"]), known.get("gap_mean_days")
    if gap is None:
        return words["only"].format(ago=ago)
    return words["rhythm"].format(ago=ago, gap=_many(words["days"], gap))


def _orders(known: Mapping[str, float], words: Mapping[str, str]) -> str:
    ever, year = _many(words["ever"], known["orders"]), display.number(known["orders_365d"])
    return words["orders"].format(ever=ever, year=year)


def _due(known: Mapping[str, float], words: Mapping[str, str]) -> str:
    overdue = known["overdue_days"]
    if overdue < 0:
        return words["due in"].format(gap=_many(words["days"], -overdue))
    return words["due for"].format(ago=_many(words["ago"], overdue))


@dataclass(frozen=True, kw_only=True)
class _Topic:
    """A sentence for a topic when all that it `needs` is known; `otherwise` names words that fit without."""

    say: Callable[[Mapping[str, float], Mapping[str, str]], str]
    needs: tuple[str, ...] = ()
    otherwise: str = ""


_TOPICS = {
    "rhythm": _Topic(say=_rhythm, needs=("recency_days",)),
    "orders": _Topic(say=_orders, needs=("orders", "orders_365d")),
    "same season": _Topic(
        needs=("orders_season_90d",),
        say=lambda known, words: words["same season"].format(
            ever=_many(words["ever"], known["orders_season_90d"])
        ),
    ),
    "calendar": _Topic(say=lambda known, words: words["calendar"]),
    "since": _Topic(
        needs=("tenure_days",),
        say=lambda known, words: words["since"].format(
            ago=_many(words["ago"], known["tenure_days"])
        ),
    ),
    "due": _Topic(say=_due, needs=("overdue_days",), otherwise="never again"),
}


def _many(forms: str, value: float) -> str:
    one, more = forms.split("|")
    return (one if round(value) == 1 else more).format(display.number(value))


def _value(unit: str, value: float, words: Mapping[str, str], *, language: str) -> str:
    if math.isnan(value):
        return words["not known"]
    said: dict[str, Callable[[], str]] = {
        "cents": lambda: money(value, language=language),
        "share": lambda: f"{display.number(value * 100)}{_NBSP}%",
        "flag": lambda: words["yes" if value else "no"],
        "days": lambda: _many(words["days"], value),
        "hour": lambda: f"{int(value)}:00",
        "weekday": lambda: _WEEKDAYS[language][int(value) % 7],
        "stars": lambda: f"{_number(value)} {words['of']} 5",
        "score": lambda: f"{_number(value)} {words['of']} 10",
        "polarity": lambda: words["mixed" if abs(value) < 0.2 else "good" if value > 0 else "bad"],
    }
    return said.get(unit, lambda: _number(value))()


def _number(value: float) -> str:
    is_whole = value == round(value) or abs(value) >= 1_000
    return display.number(value, decimals=0 if is_whole else 2 if abs(value) < 1 else 1)


def _words_of(segment: Segment) -> tuple[str, ...]:
    """The rule as a sentence, which there is in English alone."""
    version = SegmentVersion.objects.filter(segment=segment, number=segment.rule_version)
    said = version.values_list("words", flat=True).first()
    return (said,) if said else ()


def _leaves(node: Any) -> list[Mapping[str, Any]]:
    """The conditions in a stored rule, in their order."""
    if isinstance(node, Mapping):
        if _LEAVES & node.keys():
            return [node]
        return [leaf for part in node.values() for leaf in _leaves(part)]
    return [leaf for part in node for leaf in _leaves(part)] if isinstance(node, list) else []


def _factor(leaf: Mapping[str, Any]) -> Mapping[str, str]:
    if "field" in leaf:
        return public_names.FACTORS.get(str(leaf["field"]), _PROFILE)
    for key, said in _ASKED.items():
        if key in leaf:
            return said
    return _ASKED["did"]
