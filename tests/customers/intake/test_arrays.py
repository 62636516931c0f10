"""PostgreSQL reads the arrays as what was put into them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from customers.intake import arrays, own_connection


TIMES = (
    datetime(2026, 6, 1, 12, 0, 0, 123_456, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=45))),
)


@pytest.mark.django_db(transaction=True)
def test_what_comes_back_is_what_was_sent() -> None:
    sent = {
        "bigint": (arrays.numbers((0, -1, 2**63 - 1, -(2**63))), [0, -1, 2**63 - 1, -(2**63)]),
        "timestamptz": (arrays.times(TIMES), list(TIMES)),
        "text": (arrays.texts(("", None, "ä\n'\"\\{}", "NULL")), ["", None, "ä\n'\"\\{}", "NULL"]),
        "bytea": (arrays.bodies((b"", b"\0\xff" * 3, b"{}")), [b"", b"\0\xff" * 3, b"{}"]),
    }
    for kind, (array, expected) in sent.items():

        def ask(
            cursor: own_connection.Cursor, kind: str = kind, array: bytes = array
        ) -> list[object]:
            cursor.execute(f"SELECT unnest(%b::{kind}[])", [array])
            return [value for (value,) in cursor.fetchall()]

        assert own_connection.run(ask) == expected, kind


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        arrays.texts(("\ud800",))
