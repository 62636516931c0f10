"""What the doors keep for a process must not pass from test to test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from customers.intake import holders, own_connection


@pytest.fixture(autouse=True)
def fresh_doors() -> Iterator[None]:
    holders.forget()
    own_connection.close()  # and no pause: monkeypatch may have put one back
    yield
    holders.forget()
    own_connection.close()
