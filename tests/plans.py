"""Ways in which PostgreSQL carries out a statement."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection


_FROM_THE_BEGINNING = {"Seq Scan", "CTE Scan", "Function Scan"}


def walks_again_and_again(sql: str) -> list[str]:
    """
    What the plan of `sql` would read from its beginning for each row of something else: the square of both.

    Not carried out. What reads by an index, hashes or merges is not told.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        ((plans,),) = cursor.fetchall()
    plan = plans if isinstance(plans, list) else json.loads(plans)
    return [name for one in plan for name in _inner(one["Plan"])]


def _inner(plan: dict[str, Any]) -> list[str]:
    below = plan.get("Plans", [])
    found = [name for one in below for name in _inner(one)]
    if plan["Node Type"] == "Nested Loop":
        (inner,) = (one for one in below if one["Parent Relationship"] == "Inner")
        found += _read(inner)
    return found


def _read(plan: dict[str, Any]) -> list[str]:
    if plan["Node Type"] in _FROM_THE_BEGINNING:
        return [plan.get("Relation Name") or plan.get("CTE Name") or plan["Alias"]]
    return [name for one in plan.get("Plans", []) for name in _read(one)]
