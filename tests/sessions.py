"""A second session of the tests' database: somebody else, with locks of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection


@contextmanager
def another_session() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    parameters = connection.get_connection_params()
    wanted = {
        key: parameters[key]
        for key in ("dbname", "host", "port", "user", "password")
        if parameters.get(key)
    }
    with psycopg.connect(**wanted, autocommit=True) as session:
        yield session
        # a closed session's locks are gone only when the server has noticed
        session.execute("SELECT pg_advisory_unlock_all()")
