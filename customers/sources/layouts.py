"""What a file's layout and the importer say to each other.

The importer has read the file into the table `lines` of a DuckDB database on disk. A layout makes of it,
by SQL alone, the tables of a shop. Nothing of a file is ever held in Python, so that a file may be larger
than the memory. docs/how-to/add-a-source.md shows a layout from beginning to end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import duckdb

from customers.currencies import CURRENCIES, minor_digits
from customers.enums import SourceKind
from customers.refusals import KEPT


LINE = "_file_line"
"""The column of line numbers in `lines`, under a name that no shop's file has."""
WHOLE = "_whole_line"
"""The column that stands for the line as a whole, in `lines` of a file of very many columns."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """Something that a mapping may name a column for."""

    name: str
    required: bool = False
    meaning: str = ""


@dataclass(frozen=True, kw_only=True)
class Translation:
    """
    The account of `lines`: each became one row of an entity in `line_entities`, was refused, or repeats
    an earlier line. Checked by the importer: lines = rows of line_entities + refused + duplicates.
    """

    line_entities: tuple[str, ...]
    duplicates: int = 0
    value: Mapping[str, float] = field(default_factory=dict)
    """In the currency: file = duplicates + refused + rounded_off + imported (sales less refunds)."""
    notes: tuple[str, ...] = ()
    """Sentences for the report: what was assumed or made up."""
    conflicts: tuple[str, ...] = ()
    """Sentences for the report: what the file says in two ways, and which way was taken."""


class Translate(Protocol):
    def __call__(
        self,
        db: duckdb.DuckDBPyConnection,
        *,
        columns: Sequence[str],
        settings: Mapping[str, Any],
        now: datetime,
    ) -> Translation:
        """
        Make the tables of the shop from `lines` (LINE and `columns`); the caller's transaction is open.
        Of a file of very many columns, `columns` are those that the layout reads, and WHOLE.

        Tables are named as the entities of `sources.base.SCHEMAS`, with their columns (those of OPTIONAL
        may be missing; a table without rows may be left out). A table of `line_entities` also has
        `file_line`. What is refused goes into the table `refused` (line_number, reason, raw), which
        exists and may hold lines already. Helper tables should be dropped or temporary.
        """


@dataclass(frozen=True, kw_only=True)
class FileLayout:
    """
    fits: how well a header suits, 0 to 1. reads: those of the file's columns that `translate` reads by
    name; raises SourceError when the columns and the settings' mapping do not suit. fields: what a mapping
    may name; none for a layout that knows its columns.
    """

    title: str
    kind: SourceKind
    fits: Callable[[Sequence[str]], float]
    reads: Callable[[Sequence[str], Mapping[str, Any]], Collection[str]]
    translate: Translate
    fields: tuple[Field, ...] = ()


def quoted(name: str) -> str:
    """A column's name for SQL, whatever is in it."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def minor_units(currency: str) -> str:
    """SQL: how many of its smallest units one of the currency has, given as an SQL expression: EUR 100, JPY 1."""
    others: dict[int, list[str]] = {}
    for code in sorted(CURRENCIES):
        others.setdefault(minor_digits(code), []).append(f"'{code}'")
    del others[2]
    cases = " ".join(
        f"WHEN {currency} IN ({', '.join(codes)}) THEN {10**digits}"
        for digits, codes in others.items()
    )
    return f"(CASE {cases} ELSE 100 END)"


def refuse(db: duckdb.DuckDBPyConnection, *, parsed: str, columns: Sequence[str]) -> None:
    """Put the lines to which the table `parsed` (line_number, reason) gives a reason into `refused`."""
    kind_of = kinds(db)
    # no more of a text than is kept anyway: two thousand long lines as JSON would not fit into memory
    said = ", ".join(
        f"{quoted(name)} := left({quoted(name)}, {KEPT})"
        if kind_of[name] == "VARCHAR"
        else quoted(name)
        for name in columns
    )
    # apart, because the file's columns may be called anything, ours too
    db.execute(f"""
        INSERT INTO refused
        SELECT wrong.line_number, wrong.reason, told.raw
        FROM (SELECT line_number, reason FROM {parsed}
              WHERE reason IS NOT NULL AND reason <> 'duplicate') AS wrong
        JOIN (SELECT {LINE}, to_json(struct_pack({said}))::varchar AS raw FROM lines
              WHERE {LINE} IN (SELECT line_number FROM {parsed}
                               WHERE reason IS NOT NULL AND reason <> 'duplicate')) AS told
            ON told.{LINE} = wrong.line_number
        ORDER BY wrong.line_number
    """)


def share_of(needed: Sequence[str], columns: Sequence[str]) -> float:
    """How much of `needed` is among `columns`, whatever the case: a simple `fits`."""
    known = {name.strip().lower() for name in columns}
    return sum(name.lower() in known for name in needed) / len(needed)


def kinds(db: duckdb.DuckDBPyConnection, table: str = "lines") -> dict[str, str]:
    """Column to DuckDB type. Columns of a CSV are VARCHAR, those of a Parquet file what they are."""
    return {name: kind for name, kind, *_ in db.execute(f"DESCRIBE {table}").fetchall()}
