"""
What a segment is called to the people in it: by the shop's own public name, else by a plain description.

The name that staff work with is theirs ("At risk") and is shown to nobody else.
"""

from __future__ import annotations

from segmentation.enums import SegmentKind, Task
from segmentation.ml import public_names
from segmentation.models import Segment


LANGUAGES = public_names.LANGUAGES
LONGEST = 100

_OF_RFM: dict[str, dict[str, str]] = {
    "PROSPECT": {
        "en": "registered, and no order yet",
        "de": "angemeldet und noch nicht bestellt",
        "es": "con registro y todavía sin pedidos",
    },
    "NEW": {
        "en": "first order lately",
        "de": "vor Kurzem zum ersten Mal bestellt",
        "es": "primer pedido reciente",
    },
    "ONE_TIME": {
        "en": "one order, some time ago",
        "de": "eine Bestellung, vor einiger Zeit",
        "es": "un pedido, hace algún tiempo",
    },
    "CHAMPION": {
        "en": "orders often, lately and for much",
        "de": "bestellt oft, viel und erst vor Kurzem",
        "es": "pedidos frecuentes, recientes y de importe alto",
    },
    "LOYAL": {
        "en": "orders again and again",
        "de": "bestellt immer wieder",
        "es": "pedidos repetidos",
    },
    "PROMISING": {
        "en": "ordered again lately",
        "de": "vor Kurzem wieder bestellt",
        "es": "ha vuelto a pedir hace poco",
    },
    "CANT_LOSE": {
        "en": "used to order often and for much, not lately",
        "de": "hat früher oft und viel bestellt, zuletzt nicht",
        "es": "antes pedía a menudo y mucho, últimamente no",
    },
    "AT_RISK": {
        "en": "used to order more often, not lately",
        "de": "hat früher öfter bestellt, zuletzt nicht",
        "es": "antes pedía más a menudo, últimamente no",
    },
    "HIBERNATING": {
        "en": "a few orders, long ago",
        "de": "einige Bestellungen, vor längerer Zeit",
        "es": "algunos pedidos, hace tiempo",
    },
    "LOST": {
        "en": "few orders, very long ago",
        "de": "wenige Bestellungen, vor sehr langer Zeit",
        "es": "pocos pedidos, hace mucho tiempo",
    },
}
_OF_SCORE: dict[str, dict[str, str]] = {
    Task.CHURN: {
        "en": "spent much, and may not order soon",
        "de": "hat viel ausgegeben und bestellt vielleicht nicht so bald wieder",
        "es": "ha gastado mucho y quizá no pida pronto",
    },
    Task.PURCHASE: {
        "en": "likely to order soon",
        "de": "bestellt wahrscheinlich bald",
        "es": "probable que pida pronto",
    },
}
_OF_KIND: dict[str, dict[str, str]] = {
    SegmentKind.CLUSTER: {
        "en": "shops in a similar way as others",
        "de": "kauft ähnlich ein wie andere",
        "es": "compra de forma parecida a otras personas",
    },
    SegmentKind.STATIC: {
        "en": "on a list that the shop made once",
        "de": "auf einer Liste, die der Shop einmal angelegt hat",
        "es": "en una lista que la tienda hizo una vez",
    },
}
_ELSE = {
    "en": "fits a rule of the shop about orders, visits or reviews",
    "de": "passt zu einer Regel des Shops über Bestellungen, Besuche oder Bewertungen",
    "es": "cumple una regla de la tienda sobre pedidos, visitas u opiniones",
}


def name_of(segment: Segment, *, language: str) -> str:
    """The shop's own words in quotes, in `language` or else any; or what is plainly so."""
    names = segment.public_names
    if public := names.get(language) or names.get("en") or next(filter(None, names.values()), ""):
        return {"en": "“{}”", "de": "„{}“", "es": "«{}»"}[language].format(public)
    return _plain(segment)[language]


def _plain(segment: Segment) -> dict[str, str]:
    definition = segment.definition if isinstance(segment.definition, dict) else {}
    if segment.kind == SegmentKind.RFM:
        return _OF_RFM.get(str(definition.get("group")), _ELSE)
    if segment.kind == SegmentKind.SCORE:
        return _OF_SCORE.get(str(definition.get("task")), _ELSE)
    return _OF_KIND.get(segment.kind, _ELSE)
