"""
A template taken apart once a campaign, so that a message costs only what is its recipient's own.

Lines that are the same for everybody are kept as they go over the wire. A line with a merge field is
put together and encoded for each recipient. A field that stands there plainly, or with a default, is
filled in here; whatever else Liquid can say is left to Liquid, in its order, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from liquid import BoundTemplate, RenderContext
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError
from liquid.expression import Expression
from liquid.output import LimitedStringIO
from markupsafe import escape

from campaigns import merge_fields, mime


SAME = frozenset({"discount_percent", "shop.postal_address"})
"""Fields whose value is the same for everybody."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    otherwise: str  # what stands there when the value is empty


_Piece = str | _Field | Node


class Skeleton:
    """
    One template. Raises LiquidError where it cannot be compiled.

    own: names of fields whose value is the recipient's and plain text. nobody: all values as Liquid
    wants them, those of `own` empty.
    """

    def __init__(
        self, source: str, *, html: bool, own: Collection[str], nobody: Mapping[str, Any]
    ) -> None:
        self._template = merge_fields.environment(html=html).from_string(source)
        self._is_html = html
        pieces = list(_pieces(self._template, own, nobody))
        self.always = frozenset(piece.name for piece in pieces if isinstance(piece, _Field))
        """Fields that stand in every message, whatever its conditions say."""
        self._whole, self._lines = _by_lines(pieces)
        self._wire = [mime.quoted(text) if text else b"" for text in self._whole]
        self._size = sum(len(p.encode("utf-8", "replace")) for p in pieces if isinstance(p, str))

    def fill(self, own: Mapping[str, str], values: Callable[[], Mapping[str, Any]]) -> Filled:
        """
        own: the values of the fields that were named so; values: all, as Liquid wants them, asked for
        only where Liquid is needed. Raises LiquidError and what filters raise.
        """
        liquid: _Liquid | None = None
        lines = []
        for line in self._lines:
            texts = []
            for piece in line:
                if isinstance(piece, str):
                    texts.append(piece)
                elif isinstance(piece, _Field):
                    value = own[piece.name]
                    if not value:
                        value = piece.otherwise
                    elif self._is_html:
                        value = escape(value)
                    texts.append(value)
                else:
                    liquid = liquid or _Liquid(self._template, values(), size=self._size)
                    texts.append(liquid.render(piece))
            lines.append("".join(texts))
        return Filled(self, lines)

    def has(self, text: str) -> bool:
        """Whether `text` stands in every message, because it is the same for everybody."""
        own = [piece for line in self._lines for piece in line if isinstance(piece, str)]
        return any(text in part for part in (*self._whole, *own))

    def text(self, lines: list[str]) -> str:
        texts = [text for pair in zip(self._whole, lines, strict=False) for text in pair]
        return "".join([*texts, self._whole[-1]])

    def wire(self, lines: list[str]) -> bytes:
        parts = []
        for same, line in zip(self._wire, lines, strict=False):
            parts.append(same)
            parts.append(mime.quoted(line))
        parts.append(self._wire[-1])
        encoded = b"".join(parts)
        return encoded if encoded.endswith(b"\r\n") else encoded + b"\r\n"


@dataclass(frozen=True, slots=True)
class Filled:
    """A template filled in for one recipient: its lines that are not everybody's."""

    _skeleton: Skeleton
    _lines: list[str]

    @property
    def text(self) -> str:
        return self._skeleton.text(self._lines)

    @property
    def wire(self) -> bytes:
        """Quoted-printable, lines ended by CRLF."""
        return self._skeleton.wire(self._lines)


class _Liquid:
    """Liquid's own rendering of single nodes, one after the other, with its limits."""

    def __init__(
        self, template: BoundTemplate, values: Mapping[str, Any], *, size: int = 0
    ) -> None:
        self.template = template
        self.context = RenderContext(template, globals=template.make_globals(values))
        limit = template.env.output_stream_limit
        assert limit is not None  # noqa: S101 - merge_fields sets one
        self.buffer = LimitedStringIO(limit=limit)
        self.buffer.size = size

    def render(self, node: Node) -> str:
        self.buffer.seek(0)
        self.buffer.truncate()
        try:
            node.render(self.context, self.buffer)
        except LiquidError as error:
            self.template.env.error(error, token=node.token)
        return self.buffer.getvalue()


def _pieces(
    template: BoundTemplate, own: Collection[str], nobody: Mapping[str, Any]
) -> Iterator[_Piece]:
    # {% assign %} and {% capture %} can give a name another value, from there on
    plainly = not template.analyze().locals
    for node in template.nodes:
        if isinstance(node, ContentNode):
            yield node.text
        elif plainly and isinstance(node, OutputNode):
            yield _simplified(node, template, own, nobody)
        else:
            yield node


def _simplified(
    node: OutputNode, template: BoundTemplate, own: Collection[str], nobody: Mapping[str, Any]
) -> _Piece:
    """The node as text, if it is the same for everybody, or as a field, if it is one plainly."""
    used = {str(path) for path in _paths(node.expression)}
    try:
        if used <= SAME:
            return _Liquid(template, nobody).render(node)
        if len(used) == 1 and used <= set(own) and _is_plain(node.expression):
            return _Field(used.pop(), _Liquid(template, nobody).render(node))
    except (LiquidError, ValueError, ArithmeticError):
        pass  # fails when a message is made, and says so
    return node


def _is_plain(expression: Expression) -> bool:
    """Whether it is a field as it is, or with a default."""
    if not isinstance(expression, FilteredExpression) or not isinstance(expression.left, Path):
        return False
    return [one.name for one in expression.filters or []] in ([], ["default"])


def _paths(expression: Expression) -> Iterator[Path]:
    if isinstance(expression, Path):
        yield expression
    for child in expression.children():
        yield from _paths(child)


def _by_lines(pieces: list[_Piece]) -> tuple[list[str], list[list[_Piece]]]:
    """Whole lines that are everybody's, and between two such texts the pieces of other lines."""
    whole: list[str] = [""]
    lines: list[list[_Piece]] = []
    unfinished: list[_Piece] | None = None
    for piece in pieces:
        if not isinstance(piece, str):
            if unfinished is None:
                start = whole[-1].rfind("\n") + 1
                unfinished = [whole[-1][start:]]
                whole[-1] = whole[-1][:start]
                lines.append(unfinished)
            unfinished.append(piece)
        elif unfinished is None:
            whole[-1] += piece
        else:
            line, end, rest = piece.partition("\n")
            unfinished.append(line + end)
            if end:
                unfinished = None
                whole.append(rest)
    if unfinished is not None:
        whole.append("")
    return whole, lines
