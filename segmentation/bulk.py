"""Arrays into PostgreSQL, and out of it, by binary COPY."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from django.db import connection


_WIRE = {"int8": ">i8", "float8": ">f8"}
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_ROWS = 100_000


def copy_columns(
    table: str,
    columns: Sequence[str],
    types: Sequence[str],
    arrays: Sequence[npt.NDArray[np.generic]],
    *,
    frozen: bool = False,
) -> int:
    """
    COPY aligned arrays into `table`; NaN becomes NULL. Returns rows written.

    types: PostgreSQL type names, one a column; the binary format does not convert. Where all are int8
    and float8 the bytes are made by numpy, and rows may come in another order. frozen: the table was made
    in this transaction, so that its rows can be marked as seen by all.
    """
    options = "FORMAT BINARY, FREEZE" if frozen else "FORMAT BINARY"
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN ({options})"
    with connection.cursor() as cursor, cursor.cursor.copy(statement) as copy:
        if set(types) <= set(_WIRE):
            for block in _blocks(types, arrays):
                copy.write(block)
        else:
            copy.set_types(types)
            for row in zip(*(as_objects(array) for array in arrays), strict=True):
                copy.write_row(row)
    return len(arrays[0])


def _blocks(types: Sequence[str], arrays: Sequence[npt.NDArray[np.generic]]) -> Iterator[bytes]:
    """
    The format of PostgreSQL's manual, "COPY, Binary Format".

    A row is a count of fields and, for each, its length (-1 for NULL) and its bytes: rows with the same
    NULLs are equally long, so each pattern of NULLs is one array of records.
    """
    yield _HEADER
    count = len(arrays[0])
    nulls = np.zeros(count, dtype=np.int64)
    for position, array in enumerate(arrays):
        if array.dtype.kind == "f":
            nulls |= np.isnan(array).astype(np.int64) << position
    patterns = np.unique(nulls).tolist()
    for pattern in patterns:
        rows = slice(None) if len(patterns) == 1 else np.flatnonzero(nulls == pattern)
        alike = [array[rows] for array in arrays]
        for start in range(0, len(alike[0]), _ROWS):
            part = [array[start : start + _ROWS] for array in alike]
            yield _records(types, part, nulls=pattern)
    yield _END


def _records(
    types: Sequence[str], arrays: Sequence[npt.NDArray[np.generic]], *, nulls: int
) -> bytes:
    records = np.empty(len(arrays[0]), dtype=_layout(types, nulls=nulls))
    records["fields"] = len(types)
    for position, array in enumerate(arrays):
        if nulls >> position & 1:
            records[f"length{position}"] = -1
        else:
            records[f"length{position}"] = 8
            records[f"value{position}"] = array
    return records.tobytes()


def _layout(types: Sequence[str], *, nulls: int) -> list[tuple[str, str]]:
    """The bytes of a row in which the columns of the bits of `nulls` are NULL."""
    layout = [("fields", ">i2")]
    for position, name in enumerate(types):
        layout.append((f"length{position}", ">i4"))
        if not nulls >> position & 1:
            layout.append((f"value{position}", _WIRE[name]))
    return layout


def read_columns(query: str, types: Sequence[str]) -> list[npt.NDArray[np.generic]]:
    """
    COPY what `query` gives into arrays, one a column; a twentieth of the memory that rows of Python take.

    types: int8 or float8, as the columns are. Raises ValueError where there is a NULL.
    """
    parts = list(read_parts(query, types))
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def read_parts(
    query: str, types: Sequence[str], parameters: Sequence[object] = ()
) -> Iterator[list[npt.NDArray[np.generic]]]:
    """
    As `read_columns`, in parts of at most _ROWS rows as they come; the last may be empty.

    The connection is taken until the last part has been read.
    """
    layout = np.dtype(_layout(types, nulls=0))
    statement = f"COPY ({query}) TO STDOUT (FORMAT BINARY)"
    full = _ROWS * layout.itemsize
    with connection.cursor() as cursor, cursor.cursor.copy(statement, parameters or None) as copy:
        held, begins = bytearray(), len(_HEADER)
        for row in copy:
            held += row
            if len(held) >= begins + full + len(_END):
                yield _columns(types, layout, held[begins : begins + full])
                held, begins = held[begins + full :], 0
    if (len(held) - begins - len(_END)) % layout.itemsize:
        raise ValueError("a column holds NULL")
    yield _columns(types, layout, held[begins : len(held) - len(_END)])


def _columns(
    types: Sequence[str], layout: np.dtype[np.void], rows: bytearray
) -> list[npt.NDArray[np.generic]]:
    records = np.frombuffer(rows, dtype=layout)
    if any((records[f"length{position}"] != 8).any() for position in range(len(types))):
        raise ValueError("a column holds NULL")
    return [
        records[f"value{position}"].astype(_WIRE[name][1:]) for position, name in enumerate(types)
    ]


def read_ids(query: str) -> npt.NDArray[np.int64]:
    """
    The one column of `query`, bigint without NULL, in whatever order.

    As one value: of a COPY each row comes alone, which takes longer than to find it.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT string_agg(int8send(id), '') FROM ({query}) AS rows (id)")
        return as_ids(cursor.fetchone()[0])


def as_ids(sent: bytes | None) -> npt.NDArray[np.int64]:
    """What `string_agg(int8send(...), '')` gives; of no rows it is NULL."""
    return np.frombuffer(sent or b"", dtype=">i8").astype(np.int64)


def as_objects(array: npt.NDArray[np.generic]) -> list[object]:
    """The values as Python has them; NaN becomes None."""
    if array.dtype.kind == "f":
        return [None if value != value else value for value in array.tolist()]  # noqa: PLR0124 - NaN
    values: list[object] = array.tolist()
    return values


def as_array(values: npt.NDArray[np.integer | np.floating]) -> str:
    """
    What PostgreSQL reads as an array of numbers; NaN becomes NULL.

    For parameters of thousands of values: psycopg looks at each to tell whether it wants quotes.
    """
    if values.dtype.kind not in "iuf":
        raise TypeError(f"numbers are wanted, not {values.dtype}")
    listed = str(values.tolist())  # in C: a quarter of the time of saying one after the other
    return "{" + listed[1:-1].replace("nan", "NULL") + "}"
