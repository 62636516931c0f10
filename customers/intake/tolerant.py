"""Taking apart what almost is JSON, without recursion and without understanding the values.

For bodies that a strict reader refuses because of something in one place: NaN and Infinity, control
characters or lone surrogates in a text, 5,000 levels, bytes that are no UTF-8, an unknown escape. Linear in
the length of the body, and slower than msgspec by some fifty times, so only the second choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec


class NotJsonError(ValueError):
    """The text has not the shape of JSON: brackets, commas, colons and values do not fit."""


# possessive quantifiers: a text that never ends must not be tried in every way
_TOKEN = re.compile(
    rb"""[ \t\r\n]*+
    (?: (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<comma>,) | (?P<colon>:)
      | (?P<text>"[^"\\]*+(?:\\.[^"\\]*+)*+")
      | (?P<other>-?(?:Infinity|[0-9][0-9.eE+-]*+)|NaN|true|false|null) )""",
    re.VERBOSE | re.DOTALL,
)
_PAIRS = {b"]": b"[", b"}": b"{"}
_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
# what may come next -> the tokens that may be it
_ALLOWED = {
    "value": {"open", "text", "other"},
    "value or end": {"open", "text", "other", "close"},
    "name": {"text"},
    "name or end": {"text", "close"},
    "colon": {"colon"},
    "comma or end": {"comma", "close"},
    "nothing": set(),
}


def members(text: bytes) -> dict[str, bytes]:
    """The members of a JSON object and the text of each; the last of two with one name. Raises NotJsonError."""
    return dict(pairs(text))


def pairs(text: bytes) -> list[tuple[str, bytes]]:
    """The members, both of two with one name. Raises NotJsonError."""
    parts = list(_parts(text, b"{"))
    return [(_name(name), value) for name, value in zip(parts[::2], parts[1::2], strict=True)]


def elements(text: bytes) -> list[bytes]:
    """The elements of a JSON array, each as its text. Raises NotJsonError."""
    return list(_parts(text, b"["))


def _name(text: bytes) -> str:
    try:
        return msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return text[1:-1].decode("utf-8", "replace")


def _parts(text: bytes, bracket: bytes) -> Iterator[bytes]:
    """What is directly within the outermost bracket, names and values; the whole text is checked."""
    text = text.removeprefix(_BOM).strip(_SPACE)
    if not text.startswith(bracket):
        raise NotJsonError("another kind of value")
    grammar = _Grammar()
    start = 0
    for token in _tokens(text):
        kind = str(token.lastgroup)
        depth = len(grammar.stack)
        grammar.take(kind, token[kind])
        if kind == "open" and depth == 1:
            start = token.start(kind)
        elif kind == "close" and depth == 2:
            yield text[start : token.end()]
        elif kind in {"text", "other"} and depth == 1:
            yield token[kind]
    if grammar.expected != "nothing":
        raise NotJsonError("the text ends too early")


def _tokens(text: bytes) -> Iterator[re.Match[bytes]]:
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise NotJsonError(f"nothing of JSON at byte {position}")
        yield token
        position = token.end()


class _Grammar:
    """Whether brackets, commas, colons and values fit; a stack in place of recursion."""

    def __init__(self) -> None:
        self.stack: list[bytes] = []
        self.expected = "value"

    def take(self, kind: str, mark: bytes) -> None:
        if kind not in _ALLOWED[self.expected]:
            raise NotJsonError(f"{kind} in place of {self.expected}")
        if kind == "open":
            self.stack.append(mark)
            self.expected = "name or end" if mark == b"{" else "value or end"
        elif kind == "comma":
            self.expected = "name" if self.stack[-1] == b"{" else "value"
        elif kind == "colon":
            self.expected = "value"
        elif kind == "text" and self.expected.startswith("name"):
            self.expected = "colon"
        else:
            if kind == "close" and self.stack.pop() != _PAIRS[mark]:
                raise NotJsonError("one bracket closes another")
            self.expected = "comma or end" if self.stack else "nothing"
