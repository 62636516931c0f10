"""A rule to one SELECT of customer ids, with parameters, over the analytic tables.

    SELECT people.customer_id FROM people LEFT JOIN (...) AS s0 ... WHERE people.may_profile AND (...)

Every source has at most one row a customer and is joined once, however often the rule asks for it; only the
columns that are asked for are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any

from segmentation.rules import buckets, comparing, operators
from segmentation.rules.conditions import condition, cutoff_key
from segmentation.rules.plan import Cutoffs, Plan, Statement
from segmentation.rules.rule import Rule
from segmentation.rules.tree import FieldIs, Group, Node, ScoreIs


def compile_rule(
    rule: Rule,
    *,
    now: int,
    zone: tzinfo = UTC,
    profiling: bool = False,
    customer_ids: Sequence[int] | None = None,
    cutoffs: Cutoffs | None = None,
) -> Statement:
    """
    The statement whose only column, customer_id, is the members of `rule` at `now` (epoch seconds).

    zone: in which calendar dates begin. profiling: leave out who did not agree to profiling even if the rule
    itself would not (another segment that it names does; see `references.profiled`). customer_ids: only these
    are asked about. cutoffs: what `cutoffs` found over everybody; needed for `top_percent` where the
    connection holds only some customers.
    """
    plan = Plan(now=now, zone=zone, customer_ids=customer_ids, cutoffs=cutoffs)
    holds = _sql(rule.root, plan=plan)
    who = "people.may_profile AND " if rule.uses.profiling or profiling else ""
    return Statement(
        f"SELECT people.customer_id\n{from_people(plan)}\nWHERE {who}({holds})", plan.parameters
    )


def from_people(plan: Plan) -> str:
    """The FROM clause: every customer once, whatever the sources hold."""
    people = f"SELECT * FROM people WHERE {plan.scope}"
    for salt, name in plan.shares.items():
        people = buckets.with_share(people, name, salt=salt, plan=plan)
    joins = "".join(
        f"\nLEFT JOIN ({select}) AS {alias} ON {alias}.customer_id = people.customer_id"
        for select, alias in plan.joins.items()
    )
    return f"FROM ({people}) AS people{joins}"


def cutoffs(rule: Rule, connection: Any) -> dict[tuple[str, int | float], float | None]:
    """
    What the best n per cent start at, for every `top_percent` of the rule, over all who are in the tables.

    The best n per cent are the ceil(n % of those with a value), and who has the same value as the last of them.
    """
    found: dict[tuple[str, int | float], float | None] = {}
    for placed in rule.leaves():
        leaf = placed.leaf
        if isinstance(leaf, FieldIs | ScoreIs) and leaf.operator == operators.TOP:
            plan = Plan(now=0)
            cutoff = condition(leaf, plan=plan).cutoff
            ((found[cutoff_key(leaf)],),) = connection.execute(cutoff, plan.parameters).fetchall()
    return found


def _sql(node: Node, *, plan: Plan) -> str:
    if not isinstance(node, Group):
        return condition(node, plan=plan).holds
    inner = [f"({_sql(one, plan=plan)})" for one in node.nodes]
    if node.quantifier == "none":
        return comparing.turned_round(" OR ".join(inner))
    return (" AND " if node.quantifier == "all" else " OR ").join(inner)
