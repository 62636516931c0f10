"""What a template draws: the groups, conditions and filters of a tree with their fields and problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from segmentation.builder import subjects
from segmentation.builder.rows import Path, Row, Rows, Said, first, prefix_of
from segmentation.builder.subjects import Subject, property_subject, subject_of
from segmentation.rules import fields, operators, vocabulary


DEEPEST = 3
"""Groups on screen; a definition made elsewhere may be deeper and is shown so."""
QUANTIFIERS = (("all", "All of"), ("any", "Any of"), ("none", "None of"))
_COUNTS = {"at_least": "at least", "at_most": "at most", "exactly": "exactly"}
_WINDOWS = {
    "ever": "ever", "within_days": "in the last … days", "older_than_days": "more than … days ago",
    "between": "between two dates",
}  # fmt: skip
Choices = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Input:
    """
    One field. kind: select, grouped, multiple, text, number, date, lines. `redraws`: other fields hang on it.
    suggests: a key of `suggestions.SOURCES`.
    """

    name: str
    label: str
    kind: str
    values: tuple[str, ...] = ()
    options: Sequence[tuple[str, object]] = ()
    suggests: str = ""
    suffix: str = ""
    redraws: bool = False

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""


@dataclass(frozen=True, kw_only=True)
class DrawnFilter:
    number: int
    prefix: str
    inputs: list[Input]
    problems: list[str]


@dataclass(frozen=True, kw_only=True)
class DrawnRow:
    prefix: str
    title: str
    inputs: list[Input]
    filters: list[DrawnFilter]
    can_filter: bool
    problems: list[str]
    is_focus: bool
    is_group: bool = False


@dataclass(frozen=True, kw_only=True)
class DrawnGroup:
    prefix: str
    title: str
    quantifier: str
    nodes: list[DrawnGroup | DrawnRow]
    may_nest: bool
    is_root: bool
    problems: list[str]
    is_focus: bool
    is_group: bool = True
    quantifiers: Choices = QUANTIFIERS


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """
    What `draw` needs beside the tree. segments, sources: (id, name). problems: by place, see
    `definitions.place_of`. focus: the node that a button has just made or moved.
    """

    segments: Choices = ()
    sources: Choices = ()
    problems: Mapping[tuple[Path, int | None], list[str]] = field(default_factory=dict)
    focus: Path | None = None


def draw(tree: Rows, drawing: Drawing, path: Path = ()) -> DrawnGroup:
    """The fields of `tree`; what is not chosen yet gets its first choice (see `subjects.settle`)."""
    nodes: list[DrawnGroup | DrawnRow] = []
    for number, node in enumerate(tree.nodes):
        here = (*path, number)
        nodes.append(
            draw(node, drawing, here) if isinstance(node, Rows) else _row(node, drawing, here)
        )
    return DrawnGroup(
        prefix=prefix_of(path),
        title=f"Group {_numbered(path)}" if path else "Who is in the segment",
        quantifier=tree.quantifier,
        nodes=nodes,
        may_nest=len(path) + 1 < DEEPEST,
        is_root=not path,
        problems=drawing.problems.get((path, None), []),
        is_focus=drawing.focus == path and bool(path),
    )


def suggested(group: DrawnGroup) -> set[str]:
    """The lists of suggestions that the fields of a drawn tree refer to."""
    found: set[str] = set()
    for node in group.nodes:
        if isinstance(node, DrawnGroup):
            found |= suggested(node)
        else:
            inputs = [*node.inputs, *(one for each in node.filters for one in each.inputs)]
            found |= {one.suggests for one in inputs if one.suggests}
    return found


def _numbered(path: Path) -> str:
    return ".".join(str(number + 1) for number in path)


def _row(row: Row, drawing: Drawing, path: Path) -> DrawnRow:
    subjects.settle(row)
    subject, said, prefix = subject_of(row), row.said, prefix_of(path)
    inputs = [_input(said, "about", "About", "grouped", options=subjects.offered(), redraws=True)]
    if subject.is_deed:
        inputs += _of_deed(said, subject)
    elif subject.operators:
        if subject.kind == "trait":
            inputs.append(_input(said, "key", "Its name", "text", suggests="trait"))
        inputs += _comparison(said, subject, drawing)
    elif subject.kind == "consent":
        inputs += [
            _select(said, "purpose", "Purpose", vocabulary.PURPOSES, redraws=True),
            _select(said, "channel", "Channel", {
                key: vocabulary.CHANNELS[key] or "not about a channel"
                for key in vocabulary.CONSENTS[first(said, "purpose")]
            }),
            _select(said, "is", "Is", {"given": "given", "not_given": "not given"}),
        ]  # fmt: skip
    elif subject.kind == "segment":
        inputs += [
            _select(said, "is", "Is", {"in": "is in", "not_in": "is not in"}),
            _input(said, "segment", "Segment", "select", options=[("", "Choose…"), *drawing.segments]),
        ]  # fmt: skip
    elif subject.kind == "bucket":
        inputs += [
            _input(said, "from", "From", "number", suffix="%"),
            _input(said, "to", "To", "number", suffix="%"),
            _input(said, "salt", "Name of the draw", "text"),
        ]
    return DrawnRow(
        prefix=prefix,
        title=f"Condition {_numbered(path)}",
        inputs=inputs,
        filters=[_filter(one, number, subject, drawing, path) for number, one in enumerate(row.filters)],
        can_filter=subject.is_deed,
        problems=drawing.problems.get((path, None), []),
        is_focus=drawing.focus == path,
    )  # fmt: skip


def _of_deed(said: Said, subject: Subject) -> list[Input]:
    inputs = []
    if subject.kind == subjects.EVENT:
        inputs.append(
            _input(said, "event", "Name of the event", "text", suggests="event", redraws=True)
        )
    inputs += [
        _select(said, "did", "Did they?", {"did": "did", "did_not": "did not"}),
        _select(said, "count_is", "How often", _COUNTS),
        _input(said, "count", "Times", "number", suffix="times"),
        _select(said, "window", "When", _WINDOWS, redraws=True),
    ]
    window = first(said, "window")
    if window == "between":
        inputs += [
            _input(said, "start", "From", "date"),
            _input(said, "end", "To before", "date"),
        ]
    elif window != "ever":
        inputs.append(_input(said, "days", "Days", "number", suffix="days"))
    return inputs


def _filter(said: Said, number: int, deed: Subject, drawing: Drawing, path: Path) -> DrawnFilter:
    subject = property_subject(deed, said)
    if deed.name == vocabulary.ORDER:
        known = {name: one.label for name, one in fields.ORDER_PROPERTIES.items()}
        inputs = [_select(said, "property", "Property", known, redraws=True)]
    else:
        inputs = [_input(said, "property", "Property", "text", suggests="property")]
    return DrawnFilter(
        number=number,
        prefix=f"{prefix_of(path)}.where-{number}",
        inputs=inputs + _comparison(said, subject, drawing),
        problems=drawing.problems.get((path, number), []),
    )


def _comparison(said: Said, subject: Subject, drawing: Drawing) -> list[Input]:
    known = {name: operators.LABELS[name] for name in subject.operators}
    inputs = [_select(said, "is", "Compares", known, redraws=True)]
    operator = first(said, "is")
    if operator in operators.KNOWN:
        return inputs
    suggests = subject.name if subject.type == "text" else ""
    if operator == "between":
        inputs += [
            _input(said, "value", "From", "number", suffix=subject.unit.suffix),
            _input(said, "value2", "To", "number", suffix=subject.unit.suffix),
        ]
    elif operator == operators.TOP:
        inputs.append(_input(said, "value", "Value", "number", suffix="%"))
    elif operator in operators.NUMBER:
        inputs.append(_input(said, "value", "Value", "number", suffix=subject.unit.suffix))
    elif subject.type == "id":
        many = operator in {"in", "not_in"}
        options = drawing.sources if many else [("", "Choose…"), *drawing.sources]
        inputs.append(
            _input(said, "value", "Value", "multiple" if many else "select", options=options)
        )
    elif operator in {"in", "not_in"}:
        inputs.append(_input(said, "value", "Values, one a line", "lines", suggests=suggests))
    else:
        inputs.append(_input(said, "value", "Value", "text", suggests=suggests))
    return inputs  # fmt: skip


def _input(
    said: Said, name: str, label: str, kind: str, *, options: Sequence[tuple[str, object]] = (),
    suggests: str = "", suffix: str = "", redraws: bool = False,
) -> Input:  # fmt: skip
    return Input(
        name=name, label=label, kind=kind, values=tuple(said.get(name, ())), options=options,
        suggests=suggests, suffix=suffix, redraws=redraws,
    )  # fmt: skip


def _select(
    said: Said, name: str, label: str, options: Mapping[str, str], *, redraws: bool = False
) -> Input:
    return _input(said, name, label, "select", options=list(options.items()), redraws=redraws)
