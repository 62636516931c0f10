"""The links of a message: found in its HTML, numbered, and put back in for each recipient."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from campaigns.merge_fields import LINKS, PRODUCT


_ANCHOR = re.compile(
    r"""(?P<start><a\b[^>]*?\bhref\s*=\s*)(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s>"']+))""",
    re.IGNORECASE | re.DOTALL,
)
_OWN = re.compile(r"\{\{-?\s*(?:unsubscribe_url|preferences_url)\s*-?\}\}")
_PRODUCT = re.compile(r"\{\{-?\s*" + PRODUCT + r"\.url\s*-?\}\}")
_UNCOUNTED = ("mailto:", "tel:", "#")
_MAX_LENGTH = 2000


@dataclass(frozen=True, kw_only=True)
class NumberedLinks:
    """A template whose links stand as {{ links[0] }}, {{ links[1] }}, ... and their addresses."""

    source: str
    urls: tuple[str, ...]


def number_links(source: str) -> NumberedLinks:
    """Replace each web address in an <a href> by its number; the same address has one number."""
    numbers: dict[str, int] = {}

    def replace(match: re.Match[str]) -> str:
        url = _address(match)
        if not url.lower().startswith(("http://", "https://")) or "{" in url:
            return match.group()
        number = numbers.setdefault(url, len(numbers))
        return f'{match["start"]}"{{{{ {LINKS}[{number}] }}}}"'

    return NumberedLinks(source=_ANCHOR.sub(replace, source), urls=tuple(numbers))


def problems(source: str) -> list[str]:
    """Links that could not be followed, or that a value could turn into something else."""
    found = []
    for match in _ANCHOR.finditer(source):
        url = _address(match)
        line = source.count("\n", 0, match.start()) + 1
        if _OWN.fullmatch(url) or _PRODUCT.fullmatch(url) or url.lower().startswith(_UNCOUNTED):
            continue
        if "{{" in url or "{%" in url:
            found.append(f"Body, line {line}: the address of a link cannot hold merge fields.")
        elif not url.lower().startswith(("http://", "https://")):
            found.append(f"Body, line {line}: the link {url!r} must start with https://.")
        elif len(url) > _MAX_LENGTH:
            found.append(f"Body, line {line}: the link is longer than {_MAX_LENGTH:,} characters.")
    return found


def _address(match: re.Match[str]) -> str:
    raw = match["double"] if match["double"] is not None else match["single"] or match["bare"] or ""
    return html.unescape(raw).strip()
