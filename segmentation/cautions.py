"""What a marketer should know about a rule before using it."""

from __future__ import annotations

import duckdb

from segmentation import previewing
from segmentation.builder import definitions
from segmentation.rules import Rule, fields
from segmentation.rules.tree import Did, FieldIs
from segmentation.rules.vocabulary import DEEDS, ORDER
from segmentation.rules.warnings import warnings


def cautions_of(rule: Rule, *, matching: int) -> list[str]:
    """In words, the gravest first. Raises previewing.NoAnswerError."""
    found = [] if matching else ["Nobody matches. Look whether two conditions exclude each other."]
    found += [
        f"{definitions.title_of(definitions.place_of(problem)[0])}: {problem.message}."
        for problem in warnings(rule)
    ]
    with previewing.tables() as database:
        found += [
            f"No event “{event}” {f'with a property “{key}” ' if key else ''}has come in yet: "
            "is the name written as the shop writes it?"
            for event, key in _unknown(rule, database)
        ]
        found += [
            f"No customer has an attribute “{key}”: is the name written as the shop writes it?"
            for key in _unknown_traits(rule, database)
        ]
    return found


def _unknown(rule: Rule, database: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Events by name that never came, and properties that none of them had."""
    found = []
    for placed in rule.leaves():
        leaf = placed.leaf
        if not isinstance(leaf, Did) or leaf.event == ORDER:
            continue
        column = "kind" if leaf.event in DEEDS else "name"
        if column == "name" and not _any(
            database, f"SELECT 1 FROM events WHERE {column} = $event", event=leaf.event
        ):
            found.append((leaf.event, ""))
            continue
        found += [
            (DEEDS[leaf.event].label if leaf.event in DEEDS else leaf.event, one.property)
            for one in leaf.where
            if not _any(
                database,
                f"SELECT 1 FROM events WHERE {column} = $event AND properties <> ''"
                " AND list_contains(json_keys(properties), $key)",
                event=leaf.event,
                key=one.property,
            )
        ]
    return found  # fmt: skip


def _unknown_traits(rule: Rule, database: duckdb.DuckDBPyConnection) -> list[str]:
    asked = {
        placed.leaf.field.removeprefix(fields.TRAIT)
        for placed in rule.leaves()
        if isinstance(placed.leaf, FieldIs) and placed.leaf.field.startswith(fields.TRAIT)
    }
    select = "SELECT 1 FROM people WHERE traits NOT IN ('', '{}') AND list_contains(json_keys(traits), $key)"
    return [key for key in sorted(asked) if not _any(database, select, key=key)]


def _any(database: duckdb.DuckDBPyConnection, sql: str, **parameters: str) -> bool:
    return database.execute(f"{sql} LIMIT 1", parameters).fetchone() is not None
