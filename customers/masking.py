"""
Who may not see addresses sees none, on whichever page: they are masked in the answer itself.

One place for all pages of the admin, those to come included, instead of a rule in each template. What an
answer cannot show, a search must not find out either: `may_see_addresses` and `HIDDEN_LOOKUPS` are for
lists and searches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase


SEE = "customers.see_addresses"
HIDDEN_LOOKUPS = frozenset({"email", "email_hmac", "phone", "first_name", "last_name", "traits"})
HIDDEN_FIELDS = frozenset(
    {"properties", "traits", "phone", "email", "email_hmac", "raw", "evidence"}
)
"""Of pages of rows: what may hold an address, or anything else, in a form that no pattern knows."""
_ADDRESS = re.compile(
    r"([A-Za-z0-9\u00a1-\uffff])[A-Za-z0-9._+\-\u00a1-\uffff]*(@|%40|&#64;|&commat;|\\u0040)"
    r"[A-Za-z0-9\-\u00a1-\uffff]+(?:\.[A-Za-z0-9\-\u00a1-\uffff]+)+"
)
_TEXTS = ("text/", "application/json")

OWN: list[Callable[[], Iterable[str]]] = []
"""What the shop itself mails from, which is nobody's secret; upper apps add to it."""


def may_see_addresses(user: Any) -> bool:
    return bool(user.has_perm(SEE))


def masked(text: str, *, own: frozenset[str] = frozenset()) -> str:
    """Every e-mail address in `text` as `a…@…`, except those of the shop's `own`."""

    def mask(found: re.Match[str]) -> str:
        whole = found.group(0)
        return whole if whole.lower() in own else f"{found.group(1)}…@…"

    return _ADDRESS.sub(mask, text)


def unmask(request: HttpRequest) -> None:
    """Leave this answer as it is: staff hold a permission of its own for its addresses, as the caller has asked."""
    request.is_unmasked = True  # type: ignore[attr-defined] # read by the middleware


class MaskingMiddleware:
    """Inside of the access log's: it changes what staff get, not what is known about it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        user = getattr(request, "user", None)
        if "admin" not in request.path or user is None or not user.is_authenticated:
            return response
        if getattr(request, "is_unmasked", False):
            return response
        if response.get("Content-Type", "").startswith(_TEXTS) and not may_see_addresses(user):
            _mask(response)
        return response


def _mask(response: Any) -> None:
    own = frozenset(address.lower() for source in OWN for address in source())
    charset = response.charset
    if response.streaming:
        response.streaming_content = _masked_lines(response.streaming_content, charset, own)
        return
    text = response.content.decode(charset)
    if (after := masked(text, own=own)) != text:
        response.content = after.encode(charset)
        if response.has_header("Content-Length"):
            response["Content-Length"] = str(len(response.content))


def _masked_lines(content: Iterable[bytes], charset: str, own: frozenset[str]) -> Iterator[bytes]:
    """By lines, so that no address is cut in two by the borders of what is streamed."""
    rest = b""
    for part in content:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield masked(line.decode(charset), own=own).encode(charset) + b"\n"
    if rest:
        yield masked(rest.decode(charset), own=own).encode(charset)
