"""Statements that leave together hold their locks only for so long."""

from __future__ import annotations

import time

import pytest
from django.db import OperationalError, connection, transaction

from core import statements


def stand_still() -> None:
    with transaction.atomic(), statements.together(seconds=1):
        statements.send("SELECT 1")
        connection.connection.pgconn.send_flush_request()
        connection.connection.pgconn.flush()
        time.sleep(1.5)
        statements.run("SELECT 1")


@pytest.mark.django_db(transaction=True)
def test_who_stands_still_between_two_statements_is_ended() -> None:
    with pytest.raises(OperationalError):
        stand_still()
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_the_bound_ends_with_its_transaction() -> None:
    with transaction.atomic(), statements.together(seconds=60):
        assert statements.run("SHOW transaction_timeout") == [("1min",)]
    assert statements.run("SHOW transaction_timeout") == [("0",)]
