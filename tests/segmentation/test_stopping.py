from __future__ import annotations

import time
from datetime import timedelta

import duckdb
import pytest

from segmentation.mirror import stopped_after


def test_statement_that_begins_after_the_limit_is_stopped_too() -> None:
    database = duckdb.connect()
    long = "SELECT count(*) FROM range(100_000_000) a, range(1_000) b"
    with stopped_after(database, timedelta(milliseconds=10)):
        time.sleep(0.1)  # the first interrupt finds nothing to stop
        with pytest.raises(duckdb.InterruptException):
            database.execute(long).fetchall()
    assert database.execute("SELECT 1").fetchall() == [(1,)]  # and it is over with the block
