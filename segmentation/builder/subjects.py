"""What a condition is about, as one choice of the builder, and how it may compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from segmentation.builder import units
from segmentation.builder.rows import Row, Said, first
from segmentation.rules import fields, operators, vocabulary
from segmentation.rules.fields import TRAIT


SCORE = "score"
EVENT = "event"
DID = ("did", "did_not")
COUNTS = ("at_least", "at_most", "exactly")
WINDOWS = ("ever", "within_days", "older_than_days", "between")

__all__ = ["TRAIT"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """
    kind: "field", "trait", "score", "did", "event", "consent", "segment", "bucket", or "" when nothing is chosen.
    type: a key of `operators.BY_KIND`, for what compares. unit: how its numbers are typed.
    """

    kind: str
    name: str = ""
    label: str = ""
    type: str = ""
    unit: units.Unit = field(default_factory=units.Unit)

    @property
    def operators(self) -> tuple[str, ...]:
        return operators.BY_KIND.get(self.type, ())

    @property
    def is_deed(self) -> bool:
        return self.kind in {"did", EVENT}


def subject_of(row: Row) -> Subject:
    """What `row` is about; an unknown choice is none."""
    kind, _, name = row.about.partition(":")
    found: Subject | None = None
    if kind == "field" and (known := fields.FIELDS.get(name)):
        found = _subject("field", known)
    elif kind == "trait":
        key = first(row.said, "key")
        found = Subject(kind="trait", name=key, label=key or "Another attribute", type="any")
    elif kind == SCORE and (words := vocabulary.SCORES.get(name)):
        found = Subject(
            kind=SCORE, name=name, label=words.label, type="number", unit=units.of(words.unit)
        )
    elif kind == "did" and (deed := vocabulary.DEEDS.get(name)):
        found = Subject(kind="did", name=name, label=deed.label)
    elif kind == EVENT:
        found = Subject(kind=EVENT, name=first(row.said, "event"), label="Another event")
    elif kind in {"consent", "segment", "bucket"}:
        found = Subject(kind=kind)
    return found or Subject(kind="")


def property_subject(deed: Subject, said: Said) -> Subject:
    """What a filter of `deed` compares."""
    name = first(said, "property")
    known = fields.property_of(deed.name or "?", name) if name else None
    if known is None:
        return Subject(kind="property", name=name, type="any")
    return _subject("property", known)


def _subject(kind: str, known: fields.Field) -> Subject:
    return Subject(
        kind=kind, name=known.name, label=known.label, type=known.kind, unit=units.of(known.unit)
    )


def settle(row: Row) -> None:
    """Give every field of `row` that is a choice a value that can be chosen: what the page will show."""
    subject, said = subject_of(row), row.said
    if not subject.kind:
        said["about"] = [""]
    if subject.operators:
        _choose(said, "is", subject.operators)
    if subject.is_deed:
        _settle_deed(row, subject)
    elif subject.kind == "consent":
        _choose(said, "purpose", tuple(vocabulary.PURPOSES))
        _choose(said, "channel", vocabulary.CONSENTS[first(said, "purpose")])
        _choose(said, "is", ("given", "not_given"))
    elif subject.kind == "segment":
        _choose(said, "is", ("in", "not_in"))
    elif subject.kind == "bucket":
        said.setdefault("from", ["0"])
        said.setdefault("to", ["10"])


def _settle_deed(row: Row, subject: Subject) -> None:
    said = row.said
    _choose(said, "did", DID)
    _choose(said, "count_is", COUNTS)
    _choose(said, "window", WINDOWS)
    said.setdefault("count", ["1"])
    said.setdefault("days", ["90"])
    for one in row.filters:
        if subject.name == vocabulary.ORDER:
            _choose(one, "property", tuple(fields.ORDER_PROPERTIES))
        _choose(one, "is", property_subject(subject, one).operators)


def _choose(said: Said, name: str, known: tuple[str, ...]) -> None:
    if first(said, name) not in known:
        said[name] = [known[0]]


@cache
def offered() -> list[tuple[str, list[tuple[str, str]]]]:
    """Everything a condition may be about, as (group, [(choice, label)])."""
    found: dict[str, list[tuple[str, str]]] = {group: [] for group in fields.GROUPS}
    for deed, words in vocabulary.DEEDS.items():
        found[words.group].append((f"did:{deed}", words.label))
    found["Behaviour"].append((EVENT, "Another event, by its name"))
    for known in fields.FIELDS.values():
        found[known.group].append((f"field:{known.name}", known.label))
    found["Profile"].append(("trait", "Another attribute, by its name"))
    for task, score in vocabulary.SCORES.items():
        found["Predictions"].append((f"{SCORE}:{task}", score.label))
    found["Consent"].append(("consent", "Consent"))
    found["Segment membership"].append(("segment", "Segment"))
    found["Random bucket"].append(("bucket", "Random share of customers"))
    return [(group, choices) for group, choices in found.items() if choices]
