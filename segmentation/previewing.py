"""
What a rule would select, before it is saved: how many, how many of them may be mailed, and who.

Members come from the analytic tables, consent from the database as it is now; so a person who has just
withdrawn is not counted as reachable, whatever the tables say.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
from django.db import OperationalError, connection, transaction

from consent import gate
from consent.enums import Purpose, Refusal
from segmentation import mirror, pictures
from segmentation.bulk import copy_columns
from segmentation.mirror import generations
from segmentation.rules import Rule, compile_rule


LIMIT = timedelta(seconds=5)
SAMPLE = 10
NO_PROFILING, GONE = "NO_PROFILING", "GONE"
_REASONS: dict[str, str] = {
    GONE: "Erased, merged or taken back since the tables were read",
    NO_PROFILING: "Withdrew the consent to profiling since the tables were read",
    **{code: str(label) for code, label in Refusal.choices},
}
"""One reason a person, the first that holds; the gate's own order follows ours."""


class NoAnswerError(Exception):
    """A page cannot tell now; the words say why and what to do."""


class NotReadError(NoAnswerError):
    """There are no analytic tables yet."""

    def __init__(self) -> None:
        super().__init__(
            "The tables are not read yet, so nobody can be counted. They are read in the background, within "
            "minutes as a rule; the segment can be saved and is then computed."
        )


class TooSlowError(NoAnswerError):
    """It took longer than a page may take; the words say what to do."""

    def __init__(self) -> None:
        super().__init__(
            f"Counting took longer than {LIMIT.seconds} seconds and was stopped. The segment can be saved and is "
            "then computed in the background; or narrow the rule down, with shorter time spans first."
        )


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """Matching people who may not be mailed, for one reason each."""

    code: str
    label: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Preview:
    """
    everyone = not_profiled + not_matching + matching, and matching = reachable + all of `excluded`.

    not_profiled: people whom the rule cannot ask about because they did not agree to profiling; 0 for a
    rule that asks nothing of the kind. read_at: when the oldest of the tables was read (wall clock); people
    of whom something changed since may be newer. sample: customer ids, the same as long as the members are.
    """

    everyone: int
    not_profiled: int
    not_matching: int
    matching: int
    reachable: int
    excluded: tuple[Excluded, ...]
    sample: tuple[int, ...]
    read_at: datetime | None
    seconds: float
    pictures: pictures.Pictures | None = field(default=None)


@dataclass(frozen=True, kw_only=True)
class Matching:
    """The first part of a preview: what the analytic tables say alone."""

    everyone: int
    not_profiled: int
    ids: npt.NDArray[np.int64]
    read_at: datetime | None


def preview(rule: Rule, *, now: datetime, profiling: bool = False) -> Preview:
    """
    Whom `rule` would select now.

    profiling: the rule depends on profiling through another segment. Raises NotReadError, and
    TooSlowError after LIMIT.
    """
    began = time.perf_counter()
    asks_profiling = profiling or rule.uses.profiling
    with tables() as database:
        found = _matching(database, rule, now=now, profiling=profiling)
        drawn = pictures.of_members(database, "matching") if len(found.ids) else None
    reasons = reasons_of(found.ids, profiling=asks_profiling)
    reachable = reasons.pop("", 0)
    withdrawn = reasons.pop(NO_PROFILING, 0) if asks_profiling else 0
    matching = len(found.ids) - withdrawn  # who has withdrawn since does not match any more
    return Preview(
        everyone=found.everyone,
        not_profiled=found.not_profiled + withdrawn,
        not_matching=found.everyone - found.not_profiled - len(found.ids),
        matching=matching,
        reachable=reachable,
        excluded=tuple(
            Excluded(code=code, label=label, count=reasons[code])
            for code, label in _REASONS.items()
            if code in reasons
        ),
        sample=sample_of(found.ids),
        read_at=found.read_at,
        seconds=time.perf_counter() - began,
        pictures=drawn,
    )


def count(rule: Rule, *, now: datetime, profiling: bool = False) -> Matching:
    """Only who matches by the tables: what is known soonest. Raises as `preview` does."""
    with tables() as database:
        return _matching(database, rule, now=now, profiling=profiling)


@contextmanager
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """
    The analytic tables for a page.

    Raises NotReadError when there are none, for making them takes minutes; TooSlowError when a statement is
    at it after LIMIT.
    """
    if generations.newest() is None:
        raise NotReadError
    with mirror.connect() as database:
        try:
            with mirror.stopped_after(database, LIMIT):
                yield database
        except duckdb.InterruptException as error:
            raise TooSlowError from error


def _matching(
    database: duckdb.DuckDBPyConnection, rule: Rule, *, now: datetime, profiling: bool
) -> Matching:
    statement = compile_rule(rule, now=int(now.timestamp()), profiling=profiling)
    database.execute(f"CREATE TEMP TABLE matching AS {statement.sql}", statement.parameters)
    ids = database.execute("SELECT customer_id FROM matching ORDER BY 1").fetchnumpy()
    who = "NOT may_profile" if profiling or rule.uses.profiling else "false"
    everyone, not_profiled = _row(
        database, f"SELECT count(*), count(*) FILTER (WHERE {who}) FROM people"
    )
    return Matching(
        everyone=int(everyone),
        not_profiled=int(not_profiled),
        ids=np.asarray(ids["customer_id"], dtype=np.int64),
        read_at=read_at(rule.uses.tables),
    )


def _row(database: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    return database.execute(sql).fetchone() or ()


def read_at(tables: frozenset[str]) -> datetime | None:
    """When the oldest of these analytic tables was read out of the database, by the wall clock."""
    generation = generations.newest()
    numbers = (
        [generation.bases[name] for name in tables if name in generation.bases]
        if generation
        else []
    )
    return datetime.fromtimestamp(min(numbers) / 1e9, tz=UTC) if numbers else None


def reasons_of(customer_ids: npt.NDArray[np.int64], *, profiling: bool) -> dict[str, int]:
    """
    How many of these people may be mailed now ("") and how many not, by the one reason why.

    profiling: who has withdrawn the consent to profiling is told apart. Raises TooSlowError after LIMIT.
    """
    if not len(customer_ids):
        return {}
    objection = f"""WHEN {"true" if profiling else "false"} AND NOT EXISTS (
        SELECT FROM consent_consentstate profiling WHERE profiling.customer_id = customer.id
        AND profiling.purpose = '{Purpose.PROFILING}' AND profiling.is_granted) THEN '{NO_PROFILING}'"""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {int(LIMIT.total_seconds() * 1000)}")
            cursor.execute("CREATE TEMP TABLE asked (customer_id bigint) ON COMMIT DROP")
            copy_columns("asked", ["customer_id"], ["int8"], [customer_ids])
            cursor.execute("ANALYZE asked")
            cursor.execute(
                f"""SELECT CASE WHEN customer.id IS NULL OR customer.erased_at IS NOT NULL
                            OR customer.merged_into_id IS NOT NULL THEN '{GONE}'
                        {objection} ELSE COALESCE({gate.REFUSAL}, '') END, count(*)
                    FROM asked LEFT JOIN customers_customer customer ON customer.id = asked.customer_id
                    {gate.joins()} GROUP BY 1"""
            )
            found = {str(code): int(number) for code, number in cursor.fetchall()}
            cursor.execute("DROP TABLE asked")  # a transaction around ours keeps it
            return found
    except OperationalError as error:
        if "statement timeout" in str(error):
            raise TooSlowError from error
        raise


def sample_of(customer_ids: npt.NDArray[np.int64], *, most: int = SAMPLE) -> tuple[int, ...]:
    """Some of them, by a hash of the key: the same people show until the members change."""
    shuffled = np.argsort((customer_ids * 7919) % 104_729, kind="stable")
    return tuple(int(one) for one in customer_ids[shuffled[:most]])
