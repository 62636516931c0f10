"""A text file as blocks of whole physical lines in UTF-8, in constant memory whatever is in it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from customers.importing.dialect import LONGEST_LINE, Dialect
from customers.refusals import KEPT


BLOCK = 1 << 21

_LONE_CR = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """
    text: whole lines with their ends; bytes that are not of the file's encoding are left as they were.
    first: the number of the first line. overlong: the block is the beginning of one line that is longer
    than LONGEST_LINE, whose rest was skipped. position: bytes of the file read so far.
    """

    text: bytes
    first: int
    lines: int
    position: int
    overlong: bool = False


def blocks(path: Path, dialect: Dialect) -> Iterator[Block]:
    """The lines of the file, the header first."""
    number, rest = 1, b""
    with path.open("rb") as file:
        pieces = _utf8(iter(lambda: file.read(BLOCK), b""), dialect.encoding)
        for piece in pieces:
            text = rest + piece
            # a lone carriage return ends a line too; the last byte may be half of \r\n
            if b"\r" in text:
                held = text[-1:] if text.endswith(b"\r") else b""
                text = _LONE_CR.sub(b"\n", text[: len(text) - len(held)])
            else:
                held = b""
            end = text.rfind(b"\n") + 1
            whole, rest = text[:end], text[end:] + held
            if whole:
                count = whole.count(b"\n")
                yield Block(text=whole, first=number, lines=count, position=file.tell())
                number += count
            if len(rest) > LONGEST_LINE:
                yield Block(
                    text=rest[:KEPT], first=number, lines=1, position=file.tell(), overlong=True
                )
                number += 1
                rest = _after_line_end(pieces)
        if rest:
            yield Block(text=rest, first=number, lines=1, position=file.tell())


def _after_line_end(pieces: Iterator[bytes]) -> bytes:
    """Skip to the end of an endless line."""
    for piece in pieces:
        ends = [end for end in (piece.find(b"\n"), piece.find(b"\r")) if end >= 0]
        if ends:
            rest = piece[min(ends) :]
            return rest[2:] if rest.startswith(b"\r\n") else rest[1:]
    return b""


def _utf8(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    name = codecs.lookup(encoding).name
    if name in {"utf-8", "utf-8-sig"}:
        first = next(pieces, b"")
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from pieces
        return
    decode = codecs.getincrementaldecoder(encoding)(errors="replace").decode
    for piece in pieces:
        yield decode(piece).encode("utf-8", "replace")
    yield decode(b"", final=True).encode("utf-8", "replace")
