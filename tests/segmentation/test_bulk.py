"""The bytes that numpy makes are what PostgreSQL reads."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection, transaction

from segmentation import bulk


pytestmark = pytest.mark.django_db


@pytest.fixture
def table() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE copied (a bigint, b float8, c float8) ON COMMIT DROP"
        )
    return "copied"


def rows() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT a, b, c FROM copied ORDER BY a")
        return list(cursor.fetchall())


def test_copy_columns_writes_numbers_and_nulls_of_every_pattern(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_ROWS", 2)  # several blocks of one pattern
    some = np.array([0.5, np.nan, -1e300, np.nan, 4.25, 5.0, 6.0])
    other = np.array([np.nan, np.nan, 0.1, 7.5, np.nan, 0.0, 1.0])
    keys = np.array([1, 2, 3, 4, 5, 6, -(2**62)])
    written = bulk.copy_columns(
        table, ["a", "b", "c"], ["int8", "float8", "float8"], [keys, some, other]
    )
    assert written == 7
    assert rows() == [
        (-(2**62), 6.0, 1.0),
        (1, 0.5, None),
        (2, None, None),
        (3, -1e300, 0.1),
        (4, None, 7.5),
        (5, 4.25, None),
        (6, 5.0, 0.0),
    ]


def test_copy_columns_of_nothing_writes_nothing(table: str) -> None:
    nothing = np.empty(0)
    assert bulk.copy_columns(table, ["a", "b"], ["int8", "float8"], [nothing, nothing]) == 0
    assert rows() == []


def test_copy_columns_of_other_types_goes_row_by_row(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE copied ADD word varchar")
    words = np.array(["x", "y"])
    bulk.copy_columns(table, ["a", "word"], ["int8", "varchar"], [np.array([1, 2]), words])
    assert [row[0] for row in rows()] == [1, 2]


def test_read_columns_gives_what_was_written(table: str) -> None:
    keys, some = np.array([3, 1, -(2**62)]), np.array([0.5, -1e300, 0.0])
    bulk.copy_columns(table, ["a", "b"], ["int8", "float8"], [keys, some])
    read_keys, read = bulk.read_columns("SELECT a, b FROM copied ORDER BY a", ["int8", "float8"])
    assert read_keys.tolist() == [-(2**62), 1, 3]
    assert read.tolist() == [0.0, -1e300, 0.5]
    assert [len(one) for one in bulk.read_columns("SELECT 1::bigint LIMIT 0", ["int8"])] == [0]


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 6, 7])
def test_read_parts_gives_every_row_once_and_in_order(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_ROWS", 3)
    query = "SELECT n::bigint, n / 2.0::float8 FROM generate_series(1, %s) n ORDER BY n"
    parts = list(bulk.read_parts(query, ["int8", "float8"], [rows]))
    assert [len(keys) for keys, _ in parts] == [3] * (rows // 3) + [rows % 3]
    assert np.concatenate([keys for keys, _ in parts]).tolist() == list(range(1, rows + 1))
    assert all(np.array_equal(some, keys / 2) for keys, some in parts)
    assert len(bulk.read_columns("SELECT n::bigint FROM generate_series(1, 7) n", ["int8"])[0]) == 7


@pytest.mark.parametrize("null", [0, 1, 4, 5])
def test_read_columns_refuses_null(table: str, null: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_ROWS", 3)
    some = np.where(np.arange(6) == null, np.nan, 1.0)
    bulk.copy_columns(table, ["a", "b"], ["int8", "float8"], [np.arange(6), some])
    with pytest.raises(ValueError, match="NULL"), transaction.atomic():
        bulk.read_columns("SELECT a, b FROM copied ORDER BY a", ["int8", "float8"])
    assert len(rows()) == 6  # the connection goes on


def test_array_as_text_keeps_every_bit_and_says_nothing_for_nan() -> None:
    numbers = np.array([0.1, np.nan, -1e300, 5e-324, 2**53 + 1.0])
    ids = np.array([1, -(2**63)], dtype=np.int64)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s::float8[], %s::bigint[], %s::bigint[]",
            [bulk.as_array(numbers), bulk.as_array(ids), bulk.as_array(ids[:0])],
        )
        assert cursor.fetchone() == (
            [0.1, None, -1e300, 5e-324, 2**53 + 1.0],
            ids.tolist(),
            [],
        )


def test_array_as_text_wants_numbers() -> None:
    with pytest.raises(TypeError, match="numbers"):
        bulk.as_array(np.array(["1}'; DROP TABLE copied"]))


def test_read_ids_gives_a_column_as_one_value() -> None:
    assert bulk.read_ids("SELECT generate_series(-1, 2)::bigint").tolist() == [-1, 0, 1, 2]
    assert bulk.read_ids("SELECT 1::bigint LIMIT 0").tolist() == []
