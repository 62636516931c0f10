"""Pages, screens, what people do in the shop, and what becomes of messages: lines in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from customers.enums import EventKind
from customers.intake.translation import Row
from customers.sources.segment.calls import Call
from customers.sources.segment.fields import Fields, Refused, camel, fields, pick, text
from customers.sources.segment.vocabulary import SAFE, SAFE_OF_MESSAGE, Entry, Meaning


_BEHAVIOUR = {spelling: name for name in SAFE for spelling in (name, camel(name))}
_MESSAGE = {spelling: name for name in SAFE_OF_MESSAGE for spelling in (name, camel(name))}


def page(call: Call) -> Row:
    """A page or a screen: its name and place, never the query of its address."""
    said = {**fields(call.context.get("page")), **fields(call.body.get("properties"))}
    kept = {name: text(said.get(name), limit=500) for name in ("path", "title", "category")}
    for name in ("url", "referrer"):
        kept[name] = _place(said.get(name))
    if call.type == "screen":
        kept["screen"] = "yes"
    name = text(call.body.get("name"), limit=200) or text(said.get("name"), limit=200)
    told = {key: value for key, value in kept.items() if value}
    return call.event(EventKind.SITE_VISIT, name=name, properties={**told, **_utm(call)})


def event(call: Call, entry: Entry, said: Fields) -> Row:
    """An event of the vocabulary that is behaviour or a message's fate. Raises Refused."""
    behaviour = entry.meaning is Meaning.BEHAVIOUR
    kept = _few(said, _BEHAVIOUR if behaviour else _MESSAGE)
    if entry.kind == EventKind.BOUNCED:
        said_type = f"{pick(said, 'bounce_type') or ''} {said.get('type') or ''}".lower()
        kept["class"] = "soft" if "soft" in said_type or "transient" in said_type else "hard"
    if behaviour and "product_id" not in kept and (own := text(said.get("id"), limit=200)):
        kept["product_id"] = own
    products = said.get("products")
    if isinstance(products, list):
        ids = [text(pick(fields(one), "product_id"), limit=200) for one in products[:50]]
        kept["product_ids"] = [found for found in ids if found]
    return call.event(entry.kind, name=entry.name, properties={**kept, **_utm(call)})


def custom(call: Call, name: str, said: Fields) -> Row:
    """An event of the shop's own: kept with its properties, to be used in segments."""
    return call.event(EventKind.OTHER, name=name, properties=said)


def group(call: Call) -> Row:
    """Coterie knows no groups; that somebody joined one is kept."""
    said = {"group_id": pick(call.body, "group_id"), **fields(call.body.get("traits"))}
    return call.event(EventKind.OTHER, name="Group", properties=said)


def _few(said: Fields, names: Mapping[str, str]) -> dict[str, Any]:
    """Of the properties those with these names (also in camel case) that are a text or a number."""
    kept: dict[str, Any] = {}
    for said_name, value in said.items():
        name = names.get(said_name)
        if name is None or name in kept:
            continue
        if isinstance(value, str):
            if value:
                kept[name] = value[:500]
        elif isinstance(value, int | float):
            kept[name] = value
    return kept


def _utm(call: Call) -> dict[str, str]:
    campaign = fields(call.context.get("campaign"))
    found = {
        f"utm_{'campaign' if name == 'name' else name}": text(campaign.get(name), limit=200)
        for name in ("source", "medium", "name", "term", "content")
        if campaign
    }
    return {name: value for name, value in found.items() if value}


def _place(value: Any) -> str:
    """An address without its query and fragment, which may hold a token or a name."""
    try:
        parts = urlsplit(text(value, limit=2000))
    except ValueError:
        return ""
    return (
        f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:500]
        if parts.netloc
        else ""
    )


def name_of(call: Call) -> str:
    """Of a track call. Raises Refused."""
    found = text(call.body.get("event"), limit=200)
    if not found:
        raise Refused("missing_name")
    return found
