"""Each kind of condition as SQL over the sources of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from segmentation.ml.features import FEATURES
from segmentation.rules import buckets, comparing, deeds, fields, operators
from segmentation.rules.plan import DAY, Plan
from segmentation.rules.tree import Bucket, ConsentIs, Did, FieldIs, Leaf, ScoreIs, SegmentIs


@dataclass(frozen=True)
class Condition:
    """
    holds: TRUE when it holds, FALSE or NULL when not. actual: the value that was compared. cutoff: for
    `top_percent`, a SELECT of what the best start at.
    """

    holds: str
    actual: str
    cutoff: str = ""


def condition(leaf: Leaf, *, plan: Plan) -> Condition:
    """The SQL of one condition; its sources are joined to the plan."""
    match leaf:
        case FieldIs():
            return _field(leaf, plan=plan)
        case ScoreIs():
            return _score(leaf, plan=plan)
        case Did():
            return _did(leaf, plan=plan)
        case ConsentIs():
            return _consent(leaf, plan=plan)
        case SegmentIs():
            return _segment(leaf, plan=plan)
        case Bucket():
            return _bucket(leaf, plan=plan)


_PROFILE = {
    "country": "people.country",
    "language": "people.language",
    "email_domain": "people.email_domain",
    "source": "people.source_id",
}


def _field(leaf: FieldIs, *, plan: Plan) -> Condition:
    known = fields.find(leaf.field)
    if known is None:
        raise LookupError(f"no field {leaf.field}")
    best = ""
    if leaf.field in FEATURES:
        # the name is one of the catalogue's own: it may stand in the text
        column = f"{plan.join(f'SELECT * FROM features WHERE {plan.scope}')}.{leaf.field}"
        best = _best("features", leaf.field, leaf, plan=plan)
    elif leaf.field == "joined_days_ago":
        column = f"(({plan.value(plan.now)} - people.joined_at) / {DAY}.0)"
    elif leaf.field.startswith(fields.TRAIT):
        key = leaf.field.removeprefix(fields.TRAIT)
        column = comparing.property_text("people.traits", key, plan=plan)
    else:
        column = _PROFILE[leaf.field]
    holds = comparing.compare(
        column, leaf.operator, leaf.value, kind=known.kind, plan=plan, best=best
    )
    return Condition(holds, column, best)


def _score(leaf: ScoreIs, *, plan: Plan) -> Condition:
    task = plan.value(leaf.score)
    source = f"SELECT customer_id, value FROM scores WHERE task = {task} AND {plan.scope}"
    column = f"{plan.join(source)}.value"
    best = _best("scores", "value", leaf, plan=plan)
    holds = comparing.compare(
        column, leaf.operator, leaf.value, kind="number", plan=plan, best=best
    )
    return Condition(holds, column, best)


def cutoff_key(leaf: FieldIs | ScoreIs) -> tuple[str, int | float]:
    """Under which `Cutoffs` holds the cut-off of a `top_percent`."""
    name = leaf.score if isinstance(leaf, ScoreIs) else leaf.field
    return name, leaf.value if isinstance(leaf.value, int | float) else 0


def _best(table: str, column: str, leaf: FieldIs | ScoreIs, *, plan: Plan) -> str:
    """A SELECT of what the best n per cent start at: known before, or asked of the table itself."""
    if leaf.operator != operators.TOP:
        return ""
    name, percent = key = cutoff_key(leaf)
    if plan.cutoffs is not None:
        return f"SELECT CAST({plan.value(plan.cutoffs[key])} AS DOUBLE)"
    of_task = f" WHERE task = {plan.value(name)}" if isinstance(leaf, ScoreIs) else ""
    # a negative quantile counts from the largest
    return f"SELECT quantile_disc({column}, {plan.value(-percent / 100)}) FROM {table}{of_task}"


def _did(leaf: Did, *, plan: Plan) -> Condition:
    times = f"{plan.join(deeds.times(leaf, plan=plan))}.times"
    holds = comparing.count(times, leaf.count, plan=plan)
    return Condition(
        comparing.turned_round(holds) if leaf.negated else holds, f"coalesce({times}, 0)"
    )


def _consent(leaf: ConsentIs, *, plan: Plan) -> Condition:
    granted = plan.join(
        "SELECT customer_id, is_granted FROM consents"
        f" WHERE purpose = {plan.value(leaf.purpose)} AND channel = {plan.value(leaf.channel)}"
        f" AND {plan.scope}"
    )
    column = f"{granted}.is_granted"
    return Condition(column if leaf.given else comparing.turned_round(column), f"{column} IS TRUE")


def _segment(leaf: SegmentIs, *, plan: Plan) -> Condition:
    members = plan.join(
        "SELECT customer_id, TRUE AS inside FROM memberships"
        f" WHERE segment_id = {plan.value(leaf.segment)} AND {plan.scope}"
    )
    column = f"{members}.inside"
    return Condition(column if leaf.inside else comparing.turned_round(column), f"{column} IS TRUE")


def _bucket(leaf: Bucket, *, plan: Plan) -> Condition:
    column = f"people.{buckets.share(leaf.salt, plan=plan)}"
    # whole numbers of 2^-53, in which `core.ids.unit_interval` is exact
    start, stop = (plan.value(ceil(Fraction(one) * 2**53 / 100)) for one in (leaf.start, leaf.stop))
    return Condition(
        f"{column} >= {start} AND {column} < {stop}", f"{column} * 100.0 / 9007199254740992"
    )
