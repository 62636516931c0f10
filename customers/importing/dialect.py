"""What kind of file it is: separator, encoding, columns, a sample, and the layout that it looks like."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from customers.sources import LAYOUTS
from customers.sources.base import SourceError
from customers.sources.layouts import LINE, WHOLE, FileLayout


DELIMITERS = ",;\t|"
LONGEST_LINE = 1 << 20  # characters; a longer one is refused, a longer header is no header
MOST_COLUMNS = (
    1_000  # with four times as many a portion of rows no longer fits into the importer's memory
)
MANY_COLUMNS = 40  # twice as many, full of text, no longer fit into the importer's memory
DAMAGED = re.compile("[\udc80-\udcff\ufffe\uffff]")
"""What is left of bytes that are not of the encoding."""

_BLOCK = 1 << 22
_ENOUGH = 10_000  # lines beyond ASCII that decide about the encoding
_NOT_CP1252 = re.compile(b"[\x81\x8d\x8f\x90\x9d]")


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """
    encoding: a codec of Python's, or "" for Parquet. layout: the name of the likely one, "" when none
    fits. sample: up to 20 rows, texts, as a person would look at them to map columns. kept: the columns
    that are stored of a file of very many, empty when all are.
    """

    delimiter: str
    encoding: str
    columns: tuple[str, ...]
    layout: str = ""
    sample: tuple[tuple[str, ...], ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def stored(self) -> tuple[str, ...]:
        """The columns of the table `lines`, less that of line numbers."""
        return (*self.kept, WHOLE) if self.kept else self.columns

    @property
    def is_parquet(self) -> bool:
        return not self.encoding

    @property
    def description(self) -> str:
        if self.is_parquet:
            return "Parquet"
        return f"{self.encoding.removesuffix('-sig').upper()}, separated by {self.delimiter!r}"


def detect(path: Path, *, settings: Mapping[str, Any] | None = None) -> Dialect:
    """
    Look at a file; `settings` may say `delimiter` or `encoding` where the guess was wrong.

    Raises SourceError for what is no table at all; its message says what to do.
    """
    if not path.is_file():
        raise SourceError(f"There is no file {path}. Check the path.")
    if not path.stat().st_size:
        raise SourceError(f"{path.name} is empty. Export it again.")
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"PAR1"):
        found = _parquet(path)
    elif head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SourceError(
            f"{path.name} is a spreadsheet or archive. Save the sheet as CSV (UTF-8)."
        )
    else:
        found = _text(path, head, settings or {})
    check_names(found.columns, path)
    return replace(found, layout=_likely(found.columns))


def narrowed(dialect: Dialect, reads: Collection[str]) -> Dialect:
    """
    Of a file of very many columns, keep those that its layout reads, and each line as a whole.

    DuckDB holds part of every column of a table in memory at a time, however it is told to save memory.
    """
    if len(dialect.columns) <= MANY_COLUMNS:
        return dialect
    return replace(dialect, kept=tuple(name for name in dialect.columns if name in set(reads)))


def _likely(columns: tuple[str, ...]) -> str:
    layouts: dict[str, FileLayout] = {name: LAYOUTS.load(name) for name in LAYOUTS.names()}
    fits = {name: layout.fits(columns) for name, layout in layouts.items()}
    best = max(fits, key=fits.__getitem__)
    return best if fits[best] > 0 else ""


def check_names(names: tuple[str, ...], path: Path) -> None:
    """Names that differ only in case are one name, as in SQL and in a mapping."""
    if len(names) > MOST_COLUMNS:
        raise SourceError(
            f"{path.name} is too wide: it has {len(names):,} columns, and {MOST_COLUMNS:,} are read at most."
            " Leave out those that are not needed."
        )
    seen = {LINE, WHOLE}
    for name in names:
        if name.lower() in seen:
            raise SourceError(f"{path.name} has the column {name!r} twice. Rename one of them.")
        seen.add(name.lower())


# ---------------------------------------------------------------- Parquet
def _parquet(path: Path) -> Dialect:
    try:
        with duckdb.connect() as db:
            rows = db.read_parquet(str(path))
            names = tuple(rows.columns)
            sample = rows.limit(20).fetchall()
    except duckdb.Error as error:
        words = str(error).splitlines()[0]
        raise SourceError(
            f"{path.name} is a damaged Parquet file: {words}. Export it again."
        ) from error
    if not sample:
        raise SourceError(f"{path.name} holds no rows. Export it again.")
    shown = tuple(tuple("" if v is None else str(v) for v in row) for row in sample)
    return Dialect(delimiter="", encoding="", columns=names, sample=shown)


# ---------------------------------------------------------------- text
def _text(path: Path, head: bytes, settings: Mapping[str, Any]) -> Dialect:
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not is_utf16 and b"\0" in (head.splitlines() or [b""])[0]:
        raise SourceError(f"{path.name} is not a table: it is binary. Give a CSV or Parquet file.")
    encoding = settings.get("encoding") or ("utf-16" if is_utf16 else guess_encoding(path))
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise SourceError(f"There is no encoding {encoding!r}. Say utf-8 or cp1252.") from error
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        first = file.readline(LONGEST_LINE)
        rest = list(islice(_bounded(file), 200))
    delimiter = settings.get("delimiter") or max(DELIMITERS, key=first.count)
    header = tuple(name.strip() for name in next(_rows([first], delimiter), []))
    if len(header) < 2 or len(first) == LONGEST_LINE or DAMAGED.search(first) or not all(header):
        raise SourceError(
            f"{path.name} is not a table: its first line names fewer than two columns. Give a CSV file"
            " with a header line, separated by comma, semicolon, tab or |."
        )
    sample = tuple(
        tuple(row) for row in islice(_rows(rest, delimiter), 20) if len(row) == len(header)
    )
    return Dialect(delimiter=delimiter, encoding=encoding, columns=header, sample=sample)


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=delimiter)
    except csv.Error:
        return


def _bounded(file: Any) -> Iterator[str]:
    while line := file.readline(10_000):
        yield line


def guess_encoding(path: Path) -> str:
    """
    UTF-8, unless most lines beyond ASCII are not: then Windows-1252, of which Latin-1 is a part.

    In a UTF-8 file the odd line that is not is refused; a wrong guess would garble names silently. Only
    bytes that Windows-1252 does not have bring statistics into it.
    """
    good = bad = 0
    strange: list[bytes] = []
    with path.open("rb") as file:
        while (block := file.read(_BLOCK)) and good + bad < _ENOUGH:
            block += file.readline(_BLOCK)
            if block.isascii():
                continue
            for line in block.splitlines():
                if line.isascii():
                    continue
                try:
                    line.decode()
                except UnicodeDecodeError:
                    bad += 1
                    if len(strange) < 1000:
                        strange.append(line[:1000])
                else:
                    good += 1
    if bad <= good:
        return "utf-8-sig"
    sample = b"\n".join(strange)
    return _by_statistics(sample) if _NOT_CP1252.search(sample) else "cp1252"


def _by_statistics(sample: bytes) -> str:
    from charset_normalizer import from_bytes  # noqa: PLC0415 - the last resort

    found = from_bytes(sample).best()
    return found.encoding if found else "cp1252"
