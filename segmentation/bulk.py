"""Arrays into PostgreSQL by binary COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from django.db import connection


def copy_columns(
    table: str,
    columns: Sequence[str],
    types: Sequence[str],
    arrays: Sequence[npt.NDArray[np.generic]],
) -> int:
    """
    COPY aligned arrays into `table`; NaN becomes NULL. Returns rows written.

    types: PostgreSQL type names, one a column; the binary format does not convert.
    """
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    rows: Iterable[tuple[object, ...]] = zip(*(as_objects(array) for array in arrays), strict=True)
    with connection.cursor() as cursor, cursor.cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
    return len(arrays[0])


def as_objects(array: npt.NDArray[np.generic]) -> list[object]:
    """The values as Python has them; NaN becomes None."""
    if array.dtype.kind == "f":
        return [None if value != value else value for value in array.tolist()]  # noqa: PLR0124 - NaN
    values: list[object] = array.tolist()
    return values
