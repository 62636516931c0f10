"""Blocks of physical lines as rows: the good ones as Arrow, the others refused one by one.

Nearly every block of a real file is plain: each line is one row. Arrow reads such a block at once. A block
with anything odd in it goes through Python's csv module line by line, and comes to the same result.
"""

from __future__ import annotations

import csv
import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from customers.importing.dialect import DAMAGED, Dialect
from customers.importing.physical_lines import Block, blocks
from customers.refusals import KEPT, REFUSED
from customers.sources.layouts import LINE, WHOLE


_THREADS = 2
# NUL, and the two code points that are no characters
_BAD_SIGNS = (b"\0", b"\xef\xbf\xbe", b"\xef\xbf\xbf")


@dataclass(frozen=True, kw_only=True)
class Portion:
    """rows: the dialect's stored columns as text, and LINE. refused: schema REFUSED. position: bytes read so far."""

    rows: pa.Table
    refused: pa.Table
    position: int


def portions(path: Path, dialect: Dialect) -> Iterator[Portion]:
    """All records below the header, in order. Blank lines are no records."""
    with ThreadPoolExecutor(_THREADS) as pool:
        ahead = _Ahead(_without_header(blocks(path, dialect)), dialect, pool)
        careful = _Careful(dialect, ahead.blocks())
        while (found := ahead.take()) is not None:
            block, table = found
            if table is None:
                yield careful.portion(block)
            else:
                yield Portion(rows=table, refused=REFUSED.empty_table(), position=block.position)


class _Ahead:
    """Blocks that are read while earlier ones are being stored; Arrow needs no interpreter for it."""

    def __init__(self, source: Iterator[Block], dialect: Dialect, pool: ThreadPoolExecutor) -> None:
        self.source = source
        self.dialect = dialect
        self.pool = pool
        self.waiting: deque[tuple[Block, Future[pa.Table | None]]] = deque()

    def take(self) -> tuple[Block, pa.Table | None] | None:
        """The next block and its rows; None for the rows when it has to be read with care."""
        while len(self.waiting) <= _THREADS and (block := next(self.source, None)) is not None:
            self.waiting.append((block, self.pool.submit(_at_once, block, self.dialect)))
        if not self.waiting:
            return None
        block, rows = self.waiting.popleft()
        return block, rows.result()

    def blocks(self) -> Iterator[Block]:
        """The same blocks for who reads them with care beyond the end of one."""
        while (found := self.take()) is not None:
            yield found[0]


def _without_header(waiting: Iterator[Block]) -> Iterator[Block]:
    first = next(waiting)
    text = first.text.partition(b"\n")[2]
    if text:
        yield Block(text=text, first=2, lines=first.lines - 1, position=first.position)
    yield from waiting


def whole_line(text: str) -> str:
    """What stands for a line of very many columns: its beginning, and for the rest a print of it all."""
    text = text.rstrip("\r\n")
    if len(text) <= KEPT:
        return text
    return f"{text[:KEPT]} {hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


# ---------------------------------------------------------------- a whole block at once
def _at_once(block: Block, dialect: Dialect) -> pa.Table | None:
    """The rows, or None when not every line is one good row."""
    text = block.text
    if (
        block.overlong
        or any(sign in text for sign in _BAD_SIGNS)
        # a quotation that does not end: Arrow forgives it at the end of a file, and forgets its last letters
        or text.count(b'"') % 2
        or _may_hold_blanks(text, dialect)
    ):
        return None
    try:
        table = pc.read_csv(
            pa.BufferReader(text),
            read_options=pc.ReadOptions(
                column_names=dialect.columns, use_threads=False, block_size=len(text) + 1
            ),
            parse_options=pc.ParseOptions(delimiter=dialect.delimiter),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(dialect.columns, pa.string()),
                include_columns=dialect.kept,  # none named: all
                strings_can_be_null=False,
                check_utf8=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != block.lines:  # a record of several lines
        return None
    if dialect.kept:
        try:  # the rest of a line may be of another encoding: Arrow looks at what is kept only
            lines = text.decode().removesuffix("\n").split("\n")
        except UnicodeDecodeError:
            return None
        table = table.append_column(WHOLE, pa.array(map(whole_line, lines), pa.string()))
    numbers = np.arange(block.first, block.first + block.lines, dtype=np.int64)
    return table.append_column(LINE, pa.array(numbers))


def _may_hold_blanks(text: bytes, dialect: Dialect) -> bool:
    """Short lines are looked at one by one: a row without a word is no row."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == 10)  # line feeds
    starts = np.concatenate([[0], ends + 1])[: len(ends)]
    short = np.flatnonzero(ends - starts <= 3 * len(dialect.columns) + 1)
    nothing = b' \t\r"' + dialect.delimiter.encode()
    if any(not text[starts[i] : ends[i]].strip(nothing) for i in short):
        return True
    last = text[ends[-1] + 1 :] if len(ends) else text
    return bool(last) and not last.strip(nothing)


# ---------------------------------------------------------------- line by line
class _Careful:
    """
    Records of physical lines, some of which may be no records.

    A record that goes over several lines and comes to nothing (mostly a quotation mark that is never
    closed) costs its first line only; the others are read anew.
    """

    def __init__(self, dialect: Dialect, more: Iterator[Block]) -> None:
        self.dialect = dialect
        self.kept = [dialect.columns.index(name) for name in dialect.kept]
        self.more = more
        self.lines: deque[bytes] = deque()
        self.number = 0
        self.taken: list[bytes] = []
        self.position = 0

    def portion(self, block: Block) -> Portion:
        """The records that begin in `block`; the last may take the lines of the next one with it."""
        rows: list[list[str]] = []
        numbers: list[int] = []
        refused: list[dict[str, object]] = []
        self._take(block, refused)
        reader = self._reader(refused)
        while self.lines:
            start = self.number
            self.taken.clear()
            try:
                record, reason = next(reader), ""
            except StopIteration:
                break
            except csv.Error:
                record, reason = [], "text_too_long"
            if not reason and not any(map(str.strip, record)):
                continue
            reason = reason or self._wrong(record)
            if not reason:
                rows.append(self._stored(record))
                numbers.append(start)
                continue
            if len(self.taken) > 1 and reason in {"text_too_long", "bad_fields"}:
                self.lines.extendleft(reversed(self.taken[1:]))
                self.number -= len(self.taken) - 1
                del self.taken[1:]
            refused.append(_refusal(start, reason, b"".join(self.taken)))
            reader = self._reader(refused)
        stored = self.dialect.stored
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(stored)
        table = pa.table([pa.array(column, pa.string()) for column in columns], names=stored)
        return Portion(
            rows=table.append_column(LINE, pa.array(numbers, pa.int64())),
            refused=pa.Table.from_pylist(refused, schema=REFUSED),
            position=self.position,
        )

    def _take(self, block: Block, refused: list[dict[str, object]]) -> None:
        self.position = block.position
        if block.overlong:
            # `number` is that of the next line to be read: the lines before this one are still waiting
            refused.append(_refusal(block.first, "text_too_long", block.text))
            if not self.lines:
                self.number = block.first + 1
            return
        if not self.lines:
            self.number = block.first
        self.lines.extend(block.text.splitlines(keepends=True))

    def _reader(self, refused: list[dict[str, object]]) -> Iterator[list[str]]:
        return csv.reader(self._text(refused), delimiter=self.dialect.delimiter)

    def _text(self, refused: list[dict[str, object]]) -> Iterator[str]:
        while True:
            if not self.lines:  # within a record: portion() asks for no new one without lines
                block = next(self.more, None)
                if block is None:
                    return
                self._take(block, refused)
                continue
            line = self.lines.popleft()
            self.number += 1
            self.taken.append(line)
            yield line.decode("utf-8", "surrogateescape")

    def _stored(self, record: list[str]) -> list[str]:
        if not self.kept:
            return record
        return [*(record[place] for place in self.kept), whole_line(b"".join(self.taken).decode())]

    def _wrong(self, record: list[str]) -> str:
        raw = b"".join(self.taken)
        if not raw.isascii() and DAMAGED.search(raw.decode("utf-8", "surrogateescape")):
            return "bad_encoding"
        if b"\0" in raw:
            return "nul_byte"
        return "" if len(record) == len(self.dialect.columns) else "bad_fields"


def _refusal(number: int, reason: str, raw: bytes) -> dict[str, object]:
    text = raw[: 4 * KEPT].decode("utf-8", "replace").strip("\r\n")[:KEPT]
    return {"line_number": number, "reason": reason, "raw": text}
