"""
Which delivery a mail that came back is about: by our own signed marks, never by an address.

An address in a report may be somebody's forwarding target, and one person gets many messages. So a
report counts only for the delivery whose return path, Message-ID or unsubscribe link it carries. If
its marks name two, it counts for neither.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable

from campaigns.returns import verp
from campaigns.tracking import message_id
from consent import tokens


_MESSAGE_ID = re.compile(r"<d\.([0-9]{1,18})\.[0-9a-f]{8}@[A-Za-z0-9.-]+>")
_SERVICE = re.compile(r"<s\.[0-9a-f]{32}@[A-Za-z0-9.-]+>")
_UNSUBSCRIBE = re.compile(r"/c/u/([A-Za-z0-9_-]{20,120})")


def marks(text: str) -> list[str]:
    """Everything in `text` that looks like a mark of ours; see `deliveries`."""
    return [
        *(f"+{token}@" for token in verp.TOKEN.findall(text)),
        *(match.group() for match in _MESSAGE_ID.finditer(text)),
        *(match.group() for match in _SERVICE.finditer(text)),
        *(match.group() for match in _UNSUBSCRIBE.finditer(text)),
    ]


def deliveries(found: Iterable[str]) -> set[int]:
    """The deliveries that marks name; only those that we made ourselves count."""
    named = {_read(mark) for mark in found}
    return {key for key in named if key}


def service_messages(found: Iterable[str]) -> tuple[set[int], set[str]]:
    """The messages of sign-ups that marks name: those that return paths of ours do, and Message-IDs to look up."""
    keys: set[int] = set()
    message_ids: set[str] = set()
    for mark in found:
        if match := verp.TOKEN.fullmatch(mark):
            key = verp.read(match[1], purpose=verp.SERVICE_RETURN_PATH)
            keys |= {key} if key else set()
        elif _SERVICE.fullmatch(mark):
            message_ids.add(mark)
    return keys, message_ids


def _read(mark: str) -> int | None:
    if match := verp.TOKEN.fullmatch(mark):
        return verp.read(match[1])
    if match := _MESSAGE_ID.fullmatch(mark):
        key = int(match[1])
        return key if hmac.compare_digest(message_id(key), mark) else None
    if match := _UNSUBSCRIBE.fullmatch(mark):
        try:
            return tokens.read(match[1], count=3, purpose=tokens.UNSUBSCRIBE)[2]
        except tokens.BadTokenError:
            return None
    return None
