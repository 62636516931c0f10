"""Files of one row a customer with columns of any kind, and the columns that a task names in them.

Which columns are numbers, dates or words is decided on the training file and then asked of the other: a number or
date that cannot be read there is missing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from segmentation.ml.offline import files
from segmentation.ml.offline.files import FileError, RawTable, quoted
from segmentation.ml.records.columns import Records
from segmentation.ml.tables import Bools, Floats


_MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "inf", "-inf", "infinity", "-infinity")
_DATES = ("%Y%m%d", "%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%m/%d/%Y", "%m-%d-%Y")
_READABLE = 0.99  # of the values that are there: as many must be numbers for the column to be one
_YES, _NO = ("1", "yes", "y", "true", "t"), ("0", "no", "n", "false", "f")
_IDENTIFIERS = ("id", "customer_id", "user_id", "client_id")


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """How each feature column is read: an SQL expression of a number, or None for words."""

    numbers: dict[str, str | None]

    @classmethod
    def learn(cls, raw: RawTable, names: Iterable[str]) -> Self:
        return cls(numbers={name: _as_number(raw, name) for name in names})


def read(raw: RawTable, kinds: Kinds) -> Records:
    """The columns of `kinds`, as many rows as the file has."""
    ((rows,),) = raw.database.execute("SELECT count(*) FROM file").fetchall()
    numbers, words = {}, {}
    for name, expression in kinds.numbers.items():
        column = files.column_like(raw, name)
        if column is None:
            raise KeyError(name)
        if expression is None:
            text = f"coalesce(trim({quoted(column)}), '')"
            words[name] = np.array(_fetch(raw, text), dtype=object)
        else:
            asked = expression.replace(quoted(name), quoted(column))
            values = np.array(_fetch(raw, asked), dtype=np.float64)
            numbers[name] = np.where(np.isfinite(values), values, np.nan)
    return Records(rows=rows, numbers=numbers, words=words)


def texts(raw: RawTable, path: str, column: str) -> list[str]:
    """One column as text, "" where nothing is there; raises FileError when it is not there."""
    found = files.column_like(raw, column)
    files.need(Path(path), {column: found}, raw=raw)
    return [str(value) for value in _fetch(raw, f"coalesce(trim({quoted(str(found))}), '')")]


def identifier(raw: RawTable, path: str, asked: str | None) -> tuple[str | None, list[str]]:
    """The column that names the rows and its values; without one, the number of the row."""
    found = asked or next(
        (name for name in (files.column_like(raw, one) for one in _IDENTIFIERS) if name), None
    )
    if found is None:
        ((rows,),) = raw.database.execute("SELECT count(*) FROM file").fetchall()
        return None, [str(number + 1) for number in range(rows)]
    return files.column_like(raw, found) or found, texts(raw, path, found)


def features(raw: RawTable, *, not_these: Iterable[str | None]) -> list[str]:
    """Column names of the file without the ones given, whatever their case, spaces and underscores."""
    taken = {files.column_like(raw, name) for name in not_these if name}
    return [name for name in raw.columns if name not in taken]


def excluded(raw: RawTable, path: str, names: Sequence[str]) -> list[str]:
    """The columns to leave out, each checked to be there."""
    files.need(Path(path), {name: files.column_like(raw, name) for name in names}, raw=raw)
    return list(names)


def numeric(path: str, column: str, values: Sequence[str]) -> tuple[Floats, Bools]:
    """An outcome: 0/1, yes/no, true/false or an amount; and where it is there. Raises FileError."""
    lowered = np.array([value.lower() for value in values], dtype=object)
    there: Bools = ~np.isin(lowered, _MISSING)
    if not there.any():
        raise FileError(f"{path}: column {column} is empty")
    found = set(lowered[there])
    if found <= {*_YES, *_NO}:
        return np.isin(lowered, _YES).astype(float), there
    numbers = np.full(len(lowered), np.nan)
    for position in np.flatnonzero(there).tolist():
        try:
            numbers[position] = _finite(lowered[position])
        except ValueError as error:
            raise FileError(
                f"{path}: column {column} must be 0/1, yes/no or an amount; row {position + 1} has {values[position]!r}"
            ) from error
    return numbers, there


def _finite(text: str) -> float:
    value = float(text)
    if not np.isfinite(value):  # 1e999
        raise ValueError(text)
    return value


def present(raw: RawTable, name: str) -> int:
    """Rows in which a column says something."""
    column = quoted(str(files.column_like(raw, name)))
    gone = ", ".join(f"'{word}'" for word in _MISSING)
    ((found,),) = raw.database.execute(
        f"SELECT count(*) FROM file WHERE lower(trim({column})) NOT IN ({gone})"
    ).fetchall()
    return int(found)


def _fetch(raw: RawTable, expression: str) -> list[object]:
    rows = raw.database.execute(f"SELECT {expression} FROM file ORDER BY row").fetchnumpy()
    return list(next(iter(rows.values())).tolist())


def _as_number(raw: RawTable, name: str) -> str | None:
    gone = ", ".join(f"'{word}'" for word in _MISSING)
    text = (
        f"CASE WHEN lower(trim({quoted(name)})) IN ({gone}) THEN NULL ELSE trim({quoted(name)}) END"
    )
    plain = f"TRY_CAST({text} AS DOUBLE)"
    money = (
        f"CASE WHEN regexp_matches({text}, '^[^0-9,.-]{{1,4}} ?-?[0-9]{{1,3}}(,[0-9]{{3}})*([.][0-9]+)?$') "
        f"THEN TRY_CAST(regexp_replace({text}, '[^0-9.-]', '', 'g') AS DOUBLE) END"
    )
    iso = f"epoch(TRY_CAST({text} AS TIMESTAMP)) / 86400"
    dates = [f"epoch(try_strptime({text}, '{form}')) / 86400" for form in _DATES]
    # eight digits are a number first: a date only where all of them are days of 1970 to 2099
    for expression in (plain, iso, *dates[1:], money):
        ((there, read_as),) = raw.database.execute(
            f"SELECT count({text}), count({expression}) FROM file"
        ).fetchall()
        if there == 0:
            return None
        if read_as >= _READABLE * there:
            return _compact_date(raw, text, dates[0]) if expression is plain else expression
    return None


def _compact_date(raw: RawTable, text: str, expression: str) -> str:
    ((there, days),) = raw.database.execute(
        f"""SELECT count({text}), count(CASE WHEN regexp_matches({text}, '^(19[7-9]|20)[0-9]+$')
            AND length({text}) = 8 THEN {expression} END) FROM file"""
    ).fetchall()
    return expression if days == there else f"TRY_CAST({text} AS DOUBLE)"
