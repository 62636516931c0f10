"""A CSV or Parquet file as a table with line numbers. Lines that are no rows are refused one by one."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from customers.refusals import REFUSED
from customers.sources.base import SourceError


LINE = "_file_line"
"""The column of line numbers, under a name that no shop's file has."""

_DELIMITERS = ",;\t|"
_DAMAGED = re.compile("[\udc80-\udcff\ufffe\uffff]")
_KEPT = 2_000  # characters of a refused line


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """`table`: the file's columns and LINE; text columns of a CSV are text. lines: all data lines."""

    table: pa.Table
    refused: pa.Table
    lines: int
    description: str


def read(path: Path) -> TableFile:
    """Raises SourceError for what is no table at all; its message says what to do."""
    if not path.is_file():
        raise SourceError(f"There is no file {path}. Check the path.")
    if not path.stat().st_size:
        raise SourceError(f"{path.name} is empty. Export it again.")
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"PAR1"):
        return _read_parquet(path)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SourceError(
            f"{path.name} is a spreadsheet or archive. Save the sheet as CSV (UTF-8)."
        )
    is_utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not is_utf16 and b"\0" in head.splitlines()[0]:
        raise SourceError(f"{path.name} is not a table: it is binary. Give a CSV or Parquet file.")
    return _read_csv(path, encoding="utf-16" if is_utf16 else _encoding(path))


def _read_parquet(path: Path) -> TableFile:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{path.name} is a damaged Parquet file: {error}. Export it again."
        ) from error
    _check_names(table.column_names, path)
    if not table.num_rows:
        raise SourceError(f"{path.name} holds no rows. Export it again.")
    numbers = pa.array(np.arange(1, table.num_rows + 1, dtype=np.int64))
    return TableFile(
        table=_numbered(table, numbers),
        refused=REFUSED.empty_table(),
        lines=table.num_rows,
        description="Parquet",
    )


def _numbered(table: pa.Table, numbers: pa.Array) -> pa.Table:
    return table.append_column(LINE, numbers)


def _encoding(path: Path) -> str:
    """
    UTF-8, unless most lines beyond ASCII are not: then Windows-1252, of which Latin-1 is a part.

    In a UTF-8 file the odd line that is not is refused; a wrong guess would garble names silently.
    """
    good = bad = 0
    with path.open("rb") as file:
        for line in file:
            if line.isascii():
                continue
            try:
                line.decode()
            except UnicodeDecodeError:
                bad += 1
            else:
                good += 1
    return "cp1252" if bad > good else "utf-8-sig"


class _Lines:
    """Physical lines, remembered until the record they make up is complete."""

    def __init__(self, file: Iterator[str]) -> None:
        self.file = file
        self.number = 0
        self.pending: deque[str] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self.file)
        self.number += 1
        self.pending.append(line)
        return line

    def taken(self) -> str:
        raw = "".join(self.pending)
        self.pending.clear()
        return raw


def _read_csv(path: Path, *, encoding: str) -> TableFile:
    # bytes that are not of the encoding survive as lone surrogates, by which the line is refused
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        lines = _Lines(iter(file))
        first = next(lines, "")
        delimiter = max(_DELIMITERS, key=first.count)
        header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        _check_header(header, first, path)
        rows, numbers, refused = _records(lines, delimiter=delimiter, width=len(header))
    total = len(rows) + len(refused)
    if not total:
        raise SourceError(f"{path.name} has a header and no lines below it. Export it again.")
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    table = pa.table([pa.array(column, pa.string()) for column in columns], names=header)
    return TableFile(
        table=_numbered(table, pa.array(numbers, pa.int64())),
        refused=pa.Table.from_pylist(refused, schema=REFUSED),
        lines=total,
        description=f"{encoding.removesuffix('-sig').upper()}, separated by {delimiter!r}",
    )


def _check_header(header: list[str], first: str, path: Path) -> None:
    if len(header) < 2 or _DAMAGED.search(first) or not all(header):
        raise SourceError(
            f"{path.name} is not a table: its first line names fewer than two columns. Give a CSV file"
            " with a header line, separated by comma, semicolon, tab or |."
        )
    _check_names(header, path)


def _check_names(names: list[str], path: Path) -> None:
    """Names that differ only in case are one name, as in SQL and in a mapping."""
    seen = {LINE}
    for name in names:
        if name.lower() in seen:
            raise SourceError(f"{path.name} has the column {name!r} twice. Rename one of them.")
        seen.add(name.lower())


def _records(
    lines: _Lines, *, delimiter: str, width: int
) -> tuple[list[list[str]], list[int], list[dict[str, object]]]:
    """Good records, the number of each one's first line, and what was refused. Blank lines are no lines."""
    rows: list[list[str]] = []
    numbers: list[int] = []
    refused: list[dict[str, object]] = []
    reader = csv.reader(lines, delimiter=delimiter)
    lines.taken()
    while True:
        start, reason = lines.number + 1, ""
        try:
            record = next(reader)
        except StopIteration:
            return rows, numbers, refused
        except csv.Error:
            record, reason = [], "text_too_long"
        raw = lines.taken()
        if not reason and not any(map(str.strip, record)):
            continue
        if not reason:
            reason = _wrong(record, raw, width)
        if not reason:
            rows.append(record)
            numbers.append(start)
        else:
            text = raw.encode("utf-8", "replace").decode().strip("\r\n")[:_KEPT]
            refused.append({"line_number": start, "reason": reason, "raw": text})


def _wrong(record: list[str], raw: str, width: int) -> str:
    if not raw.isascii() and _DAMAGED.search(raw):
        return "bad_encoding"
    if "\0" in raw:
        return "nul_byte"
    return "" if len(record) == width else "bad_fields"
