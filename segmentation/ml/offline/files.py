"""Tables from and to CSV and Parquet files, with errors in words."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq


DELIMITERS = ",;\t|"
MALFORMED = "not a row of this table (wrong number of fields, or not UTF-8)"


class FileError(ValueError):
    """A file cannot be read, written or understood; the message names it and says what to do."""


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """`file` in `database`: every column as text, and `row`, its place in the file; `rejected` by reason."""

    database: duckdb.DuckDBPyConnection
    columns: tuple[str, ...]
    rejected: Mapping[str, int]


def read(path: Path) -> RawTable:
    """Read a CSV or Parquet file (by its suffix) as text; raises FileError."""
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    database = duckdb.connect(config={"threads": 1})  # one thread: rows keep their order
    try:
        return _parquet(database, path) if _is_parquet(path) else _csv(database, path)
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: the file is not UTF-8; save it as UTF-8") from error
    except (duckdb.Error, OSError, csv.Error) as error:
        first = str(error).partition("\n")[0]
        raise FileError(f"{path}: cannot be read: {first}") from error


def column_like(raw: RawTable, *spellings: str) -> str | None:
    """The column of this name or else, whatever its case, spaces and underscores, spelled like one of these."""
    known = {plain(name): name for name in reversed(raw.columns)}
    known |= {name: name for name in raw.columns}  # x_1_1 is not x_11 where the file has both
    return next(
        (known[name] for one in spellings for name in (one, plain(one)) if name in known), None
    )


def need(path: Path, found: Mapping[str, str | None], *, raw: RawTable) -> None:
    """Raise FileError naming every column in `found` that the file does not have, and those it has."""
    if missing := [name for name, column in found.items() if column is None]:
        raise FileError(
            f"{path}: no column {', '.join(missing)}; the file has {', '.join(raw.columns)}"
        )


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def write(table: pa.Table, path: Path) -> None:
    """Write CSV or Parquet by the suffix of `path`; the same table gives the same bytes."""
    try:
        if _is_parquet(path):
            pq.write_table(table, path, compression="zstd")
            return
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(table.column_names)
            for batch in table.to_batches(max_chunksize=50_000):
                writer.writerows(
                    zip(*(column.to_pylist() for column in batch.columns), strict=True)
                )
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error


def write_document(document: Mapping[str, Any], path: Path) -> None:
    try:
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in {".parquet", ".pq"}


def plain(name: str) -> str:
    """A column's name, whatever its case, spaces and underscores."""
    return name.lower().replace("_", "").replace(" ", "")


def _parquet(database: duckdb.DuckDBPyConnection, path: Path) -> RawTable:
    source = database.read_parquet(str(path))
    columns = tuple(_beside_row(name) for name in source.columns)
    selected = ", ".join(
        f"CAST({quoted(name)} AS VARCHAR) AS {quoted(column)}"
        for name, column in zip(source.columns, columns, strict=True)
    )
    source.create_view("source")
    database.execute(
        f"CREATE TABLE file AS SELECT {selected}, row_number() OVER () AS row FROM source"
    )
    return RawTable(database=database, columns=columns, rejected={})


def _csv(database: duckdb.DuckDBPyConnection, path: Path) -> RawTable:
    columns, delimiter = _header(path)
    typed = ", ".join("'" + name.replace("'", "''") + "': 'VARCHAR'" for name in columns)
    # told everything, DuckDB guesses nothing: a guess could skip lines or split them otherwise
    database.execute(
        f"""CREATE TABLE file AS SELECT *, row_number() OVER () AS row FROM read_csv(
            ?, auto_detect = false, header = true, delim = ?, quote = '"', escape = '"',
            columns = {{{typed}}},
            store_rejects = true, rejects_limit = 0, parallel = false)""",
        [str(path), delimiter],
    )
    ((malformed,),) = database.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchall()
    return RawTable(
        database=database, columns=columns, rejected={MALFORMED: malformed} if malformed else {}
    )


def _header(path: Path) -> tuple[tuple[str, ...], str]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        line = handle.readline()
    if not line.strip():
        raise FileError(f"{path}: the file is empty; its first line must name the columns")
    delimiter = max(DELIMITERS, key=line.count)
    named = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))
    columns = tuple(_beside_row(name) for name in named)
    _distinct(path, columns)
    return columns, delimiter


def _beside_row(name: str) -> str:
    """`row` is the place in the file; a column of that name is found as if it were spelled so."""
    return f"{name}_" if name.lower() == "row" else name


def _distinct(path: Path, columns: Sequence[str]) -> None:
    lowered = [name.lower() for name in columns]
    if twice := sorted({name for name in lowered if lowered.count(name) > 1 or not name}):
        raise FileError(f"{path}: column names must be given, and once each: {', '.join(twice)!r}")
