"""What grows while a rule is compiled: the joined sources and the parameters of one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any


DAY = 86_400


@dataclass(frozen=True)
class Statement:
    """One SELECT for DuckDB: `connection.execute(statement.sql, statement.parameters)`."""

    sql: str
    parameters: dict[str, Any]


Cutoffs = Mapping[tuple[str, int | float], float | None]
"""What the best n per cent start at, by (score or field, n); None where nobody has a value."""


@dataclass(kw_only=True)
class Plan:
    """
    The sources that a statement joins to `people`, each once however often it is asked for, and its
    parameters: every value that a user or a clock gives is one, nothing of it is in the text.

    now: epoch seconds. zone: in which calendar dates begin. customer_ids: read only these; None is all.
    cutoffs: see `compiling.cutoffs`. joins: the sources with their aliases.
    shares: the columns of `buckets`, by salt.
    """

    now: int
    zone: tzinfo = UTC
    customer_ids: Sequence[int] | None = None
    cutoffs: Cutoffs | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    joins: dict[str, str] = field(default_factory=dict)
    shares: dict[str, str] = field(default_factory=dict)
    _names: dict[tuple[type, Any], str] = field(default_factory=dict)

    def value(self, value: Any) -> str:
        """The placeholder of a value; equal values share one."""
        key = (type(value), value)
        if key not in self._names:
            self._names[key] = f"p{len(self._names)}"
            self.parameters[self._names[key]] = value
        return f"${self._names[key]}"

    def midnight(self, day: date) -> str:
        """The placeholder of the second in which a day begins."""
        return self.value(int(datetime.combine(day, time(), tzinfo=self.zone).timestamp()))

    def ago(self, days: int) -> str:
        return self.value(self.now - days * DAY)

    @property
    def scope(self) -> str:
        """A condition on customer_id that every source repeats."""
        if self.customer_ids is None:
            return "TRUE"
        if len(self.customer_ids) == 1:
            return f"customer_id = {self.value(int(self.customer_ids[0]))}"
        ids = self.value(tuple(int(one) for one in self.customer_ids))
        return f"customer_id IN (SELECT unnest(CAST({ids} AS BIGINT[])))"

    def join(self, select: str) -> str:
        """Join a SELECT with at most one row a customer; returns its alias."""
        return self.joins.setdefault(select, f"s{len(self.joins)}")
