"""How long one rule may take, and what is said when it cannot be computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import duckdb

from segmentation.mirror import stopped_after
from segmentation.rules import RuleError


LIMIT = timedelta(minutes=2)


class TooSlowError(Exception):
    """One rule took longer than LIMIT; the others still have their turn."""

    def __init__(self) -> None:
        super().__init__(
            f"It took longer than {LIMIT.total_seconds():.0f} seconds and was stopped. Narrow the rule down,"
            " with shorter time spans first."
        )


@contextmanager
def limited(database: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Stop what `database` is doing after LIMIT; raises TooSlowError."""
    try:
        with stopped_after(database, LIMIT):
            yield
    except duckdb.InterruptException as error:
        raise TooSlowError from error


def in_words(error: Exception) -> str:
    """Why a segment could not be computed, for its page; without any value of a customer."""
    if isinstance(error, RuleError):
        return f"The rule cannot be read any more: {error}"
    if isinstance(error, TooSlowError):
        return str(error)
    if isinstance(error, duckdb.DataError):  # it quotes the value
        return f"A value could not be read ({type(error).__name__})."
    return f"{type(error).__name__}: {error}"[:500]
