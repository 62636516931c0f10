"""Rows of the form to the definition of a rule, and back."""

from __future__ import annotations

import re
from typing import Any

from segmentation.builder import units
from segmentation.builder.rows import Path, Row, Rows, Said, first
from segmentation.builder.subjects import EVENT, SCORE, TRAIT, Subject, property_subject, subject_of
from segmentation.rules import Problem, operators
from segmentation.rules.tree import (
    Bucket,
    ConsentIs,
    Did,
    FieldIs,
    Group,
    Leaf,
    ScoreIs,
    SegmentIs,
    Value,
)
from segmentation.rules.vocabulary import DEEDS


UNSAID = "choose what this condition is about"


# ------------------------------------------------------------------ to a definition
def definition_of(tree: Rows) -> dict[str, Any]:
    """The JSON of `tree`; what is not filled in is left for the parser to name."""
    nodes = [
        definition_of(node) if isinstance(node, Rows) else _condition(node) for node in tree.nodes
    ]
    return {tree.quantifier: nodes}


def _condition(row: Row) -> dict[str, Any]:
    subject, said = subject_of(row), row.said
    if subject.is_deed:
        return _deed(row, subject)
    if subject.operators:
        about = {"score": subject.name} if subject.kind == SCORE else {"field": _field(subject)}
        return {**about, **_comparison(said, subject)}
    if subject.kind == "consent":
        asked = {name: first(said, name) for name in ("purpose", "channel")}
        return {"consent": asked, "is": first(said, "is")}
    if subject.kind == "segment":
        return {"segment": _whole(first(said, "segment")), "is": first(said, "is")}
    if subject.kind == "bucket":
        start, stop = (units.stored(first(said, name), units.Unit()) for name in ("from", "to"))
        return {"bucket": {"from": start, "to": stop, "salt": first(said, "salt")}}
    return {}


def _field(subject: Subject) -> str:
    return TRAIT + subject.name if subject.kind == "trait" else subject.name


def _comparison(said: Said, subject: Subject) -> dict[str, Any]:
    operator = first(said, "is")
    if operator in operators.KNOWN:
        return {"is": operator}
    unit = units.Unit() if operator == operators.TOP else subject.unit
    value: Any
    if operator == "between":
        value = [units.stored(first(said, name), unit) for name in ("value", "value2")]
    elif operator in {*operators.NUMBER, operators.TOP}:
        value = units.stored(first(said, "value"), unit) if first(said, "value") else None
    elif operator in {"in", "not_in"}:
        listed = [line.strip() for one in said.get("value", ()) for line in one.splitlines()]
        value = [_whole(one) if subject.type == "id" else one for one in listed if one]
    else:
        value = first(said, "value")
        value = _whole(value) if subject.type == "id" else value
    return {"is": operator} | ({} if value in (None, "", []) else {"value": value})


def _deed(row: Row, subject: Subject) -> dict[str, Any]:
    said = row.said
    found: dict[str, Any] = {
        first(said, "did"): subject.name,
        "count": {first(said, "count_is"): _whole(first(said, "count"))},
    }
    window = first(said, "window")
    if window == "between":
        found["between"] = [first(said, "start"), first(said, "end")]
    elif window != "ever":
        found[window] = _whole(first(said, "days"))
    if row.filters:
        found["where"] = [
            {"property": of.name, **_comparison(one, of)}
            for one in row.filters
            for of in [property_subject(subject, one)]
        ]
    return found


def _whole(text: str) -> int | str:
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else text


# ------------------------------------------------------------------ and back
def rows_of(group: Group) -> Rows:
    """The rows that a rule is shown as: `rows_of(parse(d).root)` says the same as `d`."""
    return Rows(
        quantifier=group.quantifier,
        nodes=[rows_of(node) if isinstance(node, Group) else _row(node) for node in group.nodes],
    )


def _row(leaf: Leaf) -> Row:
    match leaf:
        case FieldIs():
            is_trait = leaf.field.startswith(TRAIT)
            row = Row(said={"about": ["trait" if is_trait else f"field:{leaf.field}"]})
            if is_trait:
                row.said["key"] = [leaf.field.removeprefix(TRAIT)]
        case ScoreIs():
            row = Row(said={"about": [f"{SCORE}:{leaf.score}"]})
        case Did():
            return _row_of_deed(leaf)
        case ConsentIs():
            return _said(about="consent", purpose=leaf.purpose, channel=leaf.channel,
                         **{"is": "given" if leaf.given else "not_given"})  # fmt: skip
        case SegmentIs():
            return _said(
                about="segment",
                segment=str(leaf.segment),
                **{"is": "in" if leaf.inside else "not_in"},
            )
        case Bucket():
            start, stop = (units.shown(edge, units.Unit()) for edge in (leaf.start, leaf.stop))
            return _said(about="bucket", salt=leaf.salt, **{"from": start, "to": stop})
    _compared(row.said, leaf.operator, leaf.value, subject_of(row))
    return row


def _said(**said: str) -> Row:
    return Row(said={name: [value] for name, value in said.items()})


def _compared(said: Said, operator: str, value: Value, subject: Subject) -> None:
    said["is"] = [operator]
    unit = units.Unit() if operator == operators.TOP else subject.unit
    if operator == "between" and isinstance(value, tuple):
        said["value"], said["value2"] = ([units.shown(one, unit)] for one in value)
    elif isinstance(value, tuple):
        # choices travel one by one, texts one a line
        texts = [str(one) for one in value]
        said["value"] = texts if subject.type == "id" else ["\n".join(texts)]
    elif value is not None:
        said["value"] = [units.shown(value, unit)]


def _row_of_deed(deed: Did) -> Row:
    known = deed.event in DEEDS
    row = _said(
        about=f"did:{deed.event}" if known else EVENT, did="did_not" if deed.negated else "did",
        count_is=deed.count.operator, count=str(deed.count.number), window=deed.window.kind,
    )  # fmt: skip
    if not known:
        row.said["event"] = [deed.event]
    if deed.window.days:
        row.said["days"] = [str(deed.window.days)]
    if deed.window.start and deed.window.end:
        row.said["start"] = [deed.window.start.isoformat()]
        row.said["end"] = [deed.window.end.isoformat()]
    for one in deed.where:
        said: Said = {"property": [one.property]}
        _compared(said, one.operator, one.value, property_subject(subject_of(row), said))
        row.filters.append(said)
    return row


# ------------------------------------------------------------------ problems where they belong
def place_of(problem: Problem) -> tuple[Path, int | None]:
    """The row (and its filter) that a problem of the parser belongs to."""
    path = tuple(int(number) for number in re.findall(r"\b(?:all|any|none)\[(\d+)\]", problem.path))
    inside = re.search(r"\bwhere\[(\d+)\]", problem.path)
    return path, int(inside[1]) if inside else None


def title_of(path: Path) -> str:
    """What the page calls the node at this place."""
    return f"Condition {'.'.join(str(number + 1) for number in path)}" if path else "Rule"


def in_words(problem: Problem) -> str:
    """The message, for people who see fields and not JSON."""
    message = (
        UNSAID if problem.message.startswith("say what the condition is about") else problem.message
    )
    return message[:1].upper() + message[1:]
