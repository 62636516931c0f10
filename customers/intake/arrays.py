"""Columns of a statement's rows as PostgreSQL's binary arrays, put together whole.

psycopg looks at every element to find out its type; where the types are known that is most of what a
statement costs the client. Format: PostgreSQL's array_send() and the send functions of the element types.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format


_HEAD = struct.Struct(
    "!iiIii"
)  # dimensions, whether a NULL is among them, type, length, first index
_LENGTH = struct.Struct("!i")
_NUMBER = struct.Struct("!iq")
_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class _Array(bytes):
    """The finished bytes; the subclass says the array's type."""


class Numbers(_Array):
    """bigint[]"""


class Times(_Array):
    """timestamptz[]"""


class Texts(_Array):
    """text[]"""


class Bodies(_Array):
    """bytea[]"""


def numbers(values: Sequence[int]) -> Numbers:
    return Numbers(_whole(20, [_NUMBER.pack(8, value) for value in values]))


def times(values: Sequence[datetime]) -> Times:
    """Of aware datetimes."""
    microseconds = [(value - _EPOCH) // _MICROSECOND for value in values]
    return Times(_whole(1184, [_NUMBER.pack(8, value) for value in microseconds]))


def texts(values: Sequence[str | None]) -> Texts:
    """None is NULL. Raises UnicodeEncodeError for half a surrogate pair."""
    encoded = [None if value is None else value.encode() for value in values]
    return Texts(_whole(25, [_sized(value) for value in encoded]))


def bodies(values: Sequence[bytes]) -> Bodies:
    return Bodies(_whole(17, [_sized(value) for value in values]))


def _sized(value: bytes | None) -> bytes:
    return _NULL if value is None else _LENGTH.pack(len(value)) + value


def _whole(element: int, parts: list[bytes]) -> bytes:
    has_null = int(_NULL in parts)
    return b"".join((_HEAD.pack(1, has_null, element, len(parts), 1), *parts))


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Buffer) -> Buffer:
        return obj


class _Numbers(_Dumper):
    oid = 1016


class _Times(_Dumper):
    oid = 1185


class _Texts(_Dumper):
    oid = 1009


class _Bodies(_Dumper):
    oid = 1001


_DUMPERS: dict[type[_Array], type[_Dumper]] = {
    Numbers: _Numbers, Times: _Times, Texts: _Texts, Bodies: _Bodies,
}  # fmt: skip


def teach(adapters: AdaptersMap) -> None:
    """Let a connection or a cursor, whose adapters these are, take arrays as parameters."""
    for array, dumper in _DUMPERS.items():
        adapters.register_dumper(array, dumper)
