"""Single values as WooCommerce writes them: two clocks, and meta_data that anybody may add to."""

from __future__ import annotations

from typing import Any

from customers.sources.segment.fields import Fields, text
from customers.sources.webhooks import first_time, objects


_YES = frozenset({"1", "yes", "true", "on", "y"})
_NO = frozenset({"0", "no", "false", "off", "n"})


def gmt(said: Fields, name: str) -> int | None:
    """
    `date_created_gmt`, which is UTC without saying so.

    The one without `_gmt` is the shop's own time without a zone, and is not read. Raises Refused.
    """
    return first_time(said.get(f"{name}_gmt"))


def meta(said: Fields, key: str) -> Any:
    """The value under a key of `meta_data`, the last of several; None without, or without a key."""
    if not key:
        return None
    found = [one.get("value") for one in objects(said.get("meta_data")) if one.get("key") == key]
    return found[-1] if found else None


def answer(value: Any) -> bool | None:
    """A box that is ticked or not; None where it is not there, or says something else."""
    if isinstance(value, bool):
        return value
    word = text(value, limit=10).lower()
    return True if word in _YES else False if word in _NO else None


def shop_id(value: Any) -> Any:
    """WooCommerce writes 0 for nothing."""
    return None if value in (0, "0") else value
