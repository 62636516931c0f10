"""JSON to a rule: every problem is named with its path, and nothing gets through that is not whitelisted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from segmentation.rules import fields, operators, values, vocabulary
from segmentation.rules.problems import Problem, RuleError, UnfitError
from segmentation.rules.rule import Rule
from segmentation.rules.tree import (
    Bucket,
    ConsentIs,
    Count,
    Did,
    FieldIs,
    Group,
    Leaf,
    Node,
    PropertyIs,
    ScoreIs,
    SegmentIs,
    Value,
    Window,
)


DEEPEST = 5
MOST_NODES = 100
MOST_FILTERS = 10
QUANTIFIERS = ("all", "any", "none")
COUNTS = ("at_least", "at_most", "exactly")
WINDOWS = ("within_days", "older_than_days", "between")

T = TypeVar("T")


def parse(definition: Any) -> Rule:
    """
    Read a definition as it comes from JSON.

    Raises RuleError with every problem; limits are 5 groups deep, 100 nodes, lists of 200.
    """
    parser = _Parser()
    root = parser.top(definition)
    if parser.problems or root is None:
        raise RuleError(tuple(parser.problems))
    return Rule(root)


class _Parser:
    """Walks the tree once and collects problems; a node with a problem becomes None."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.nodes = 0

    def top(self, definition: Any) -> Group | None:
        if not isinstance(definition, Mapping) or not set(definition) & set(QUANTIFIERS):
            self._tell("", 'start with a group: {"all": [...]}, {"any": [...]} or {"none": [...]}')
            return None
        return self._group(definition, path="", depth=1)

    def _tell(self, path: str, message: str) -> None:
        self.problems.append(Problem(path=path, message=message))

    def _node(self, node: Any, *, path: str, depth: int) -> Node | None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            if self.nodes == MOST_NODES + 1:
                self._tell(
                    path, f"use at most {MOST_NODES} conditions; make segments of parts of it"
                )
            return None
        if not isinstance(node, Mapping):
            self._tell(path, "give a condition or a group in curly brackets")
            return None
        if set(node) & set(QUANTIFIERS):
            return self._group(node, path=path, depth=depth + 1)
        for key, read in _LEAVES.items():
            if key in node:
                return read(self, node, path)
        self._tell(path, f"say what the condition is about: {', '.join((*QUANTIFIERS, *_LEAVES))}")
        return None

    def _group(self, node: Mapping[Any, Any], *, path: str, depth: int) -> Group | None:
        self._only(node, QUANTIFIERS, path)
        given = [key for key in QUANTIFIERS if key in node]
        if len(given) != 1:
            self._tell(path, "choose one of all, any and none; put another group inside it")
            return None
        if depth > DEEPEST:
            self._tell(path, f"nest groups at most {DEEPEST} deep")
            return None
        (quantifier,) = given
        inner = node[quantifier]
        if not isinstance(inner, list) or not inner:
            self._tell(_join(path, quantifier), "put at least one condition in the group")
            return None
        nodes = [
            self._node(one, path=_join(path, f"{quantifier}[{number}]"), depth=depth)
            for number, one in enumerate(inner[: MOST_NODES + 1])
        ]
        good = tuple(one for one in nodes if one is not None)
        return Group(quantifier, good) if len(good) == len(nodes) else None

    def field(self, node: Mapping[Any, Any], path: str) -> Leaf | None:
        known = fields.find(node["field"])
        if known is None:
            self._tell(
                _join(path, "field"),
                f"choose a field that exists; {_shown(node['field'])} is none (a trait is written trait.key)",
            )
            return None
        compared = self._comparison(node, kind=known.kind, path=path, also=("field",))
        return compared and FieldIs(known.name, *compared)

    def score(self, node: Mapping[Any, Any], path: str) -> Leaf | None:
        task = self._value(
            _join(path, "score"), values.one_of, node["score"], vocabulary.SCORES, what="a score"
        )
        compared = self._comparison(node, kind="number", path=path, also=("score",))
        return ScoreIs(task, *compared) if task and compared else None

    def did(self, node: Mapping[Any, Any], path: str) -> Leaf | None:
        self._only(node, ("did", "did_not", "count", *WINDOWS, "where"), path)
        if "did" in node and "did_not" in node:
            self._tell(path, "choose either did or did_not")
            return None
        key = "did" if "did" in node else "did_not"
        event = self._value(_join(path, key), values.text, node[key])
        count = self._count(node.get("count", {"at_least": 1}), _join(path, "count"))
        window = self._window(node, path)
        where = self._where(node.get("where", []), event or "", _join(path, "where"))
        if event is None or count is None or window is None or where is None:
            return None
        return Did(event, key == "did_not", count, window, where)

    def consent(self, node: Mapping[Any, Any], path: str) -> Leaf | None:
        self._only(node, ("consent", "is"), path)
        asked = node["consent"]
        if not isinstance(asked, Mapping):
            self._tell(_join(path, "consent"), "give a purpose and a channel in curly brackets")
            return None
        here = _join(path, "consent")
        self._only(asked, ("purpose", "channel"), here)
        purpose = self._value(
            _join(here, "purpose"), values.one_of, asked.get("purpose"), vocabulary.PURPOSES,
            what="a purpose",
        )  # fmt: skip
        channel = self._value(
            _join(here, "channel"), values.one_of, asked.get("channel"), vocabulary.CHANNELS,
            what="a channel",
        )  # fmt: skip
        given = self._choice(node, ("given", "not_given"), path)
        if purpose is None or channel is None or given is None:
            return None
        if channel not in (known := vocabulary.CONSENTS[purpose]):
            self._tell(
                _join(here, "channel"),
                f"choose {' or '.join(known)}: nobody is asked for {purpose} on {channel}",
            )
            return None
        return ConsentIs(purpose, channel, given == "given")

    def segment(self, node: Mapping[Any, Any], path: str) -> Leaf | None:
        self._only(node, ("segment", "is"), path)
        number = self._value(_join(path, "segment"), values.identifier, node["segment"])
        inside = self._choice(node, ("in", "not_in"), path)
        return SegmentIs(number, inside == "in") if number is not None and inside else None

    def bucket(self, node: Mapping[Any, Any], path: str) -> Leaf | None:
        self._only(node, ("bucket",), path)
        asked, here = node["bucket"], _join(path, "bucket")
        if not isinstance(asked, Mapping):
            self._tell(here, "give from, to and salt in curly brackets")
            return None
        self._only(asked, ("from", "to", "salt"), here)
        start = self._value(_join(here, "from"), values.number, asked.get("from"))
        stop = self._value(_join(here, "to"), values.number, asked.get("to"))
        salt = self._value(
            _join(here, "salt"), values.text, asked.get("salt", ""), may_be_empty=True
        )
        if start is None or stop is None or salt is None:
            return None
        if not 0 <= start < stop <= 100:
            self._tell(here, "give percentages with 0 <= from < to <= 100")
            return None
        return Bucket(start, stop, salt)

    def _comparison(
        self, node: Mapping[Any, Any], *, kind: str, path: str, also: tuple[str, ...]
    ) -> tuple[str, Value] | None:
        self._only(node, (*also, "is", "value"), path)
        operator = self._choice(node, operators.BY_KIND[kind], path)
        if operator is None:
            return None
        try:
            value = values.compared(node.get("value"), operator=operator, kind=kind)
        except UnfitError as error:
            self._tell(_join(path, "value"), str(error))
            return None
        return operator, value

    def _count(self, count: Any, path: str) -> Count | None:
        if not isinstance(count, Mapping) or len(count) != 1 or not set(count) <= set(COUNTS):
            self._tell(path, f"give one of {', '.join(COUNTS)} with a number")
            return None
        ((operator, number),) = count.items()
        times = self._value(
            _join(path, operator), values.whole, number, least=0, most=values.MOST_TIMES
        )
        if times == 0 and operator == "at_least":
            self._tell(
                _join(path, operator), "ask for at least 1: everybody did it at least 0 times"
            )
            return None
        return None if times is None else Count(operator, times)

    def _window(self, node: Mapping[Any, Any], path: str) -> Window | None:
        given = [key for key in WINDOWS if key in node]
        if not given:
            return Window()
        if len(given) > 1:
            self._tell(path, f"choose one of {', '.join(given)}")
            return None
        (kind,) = given
        here = _join(path, kind)
        if kind != "between":
            days = self._value(here, values.whole, node[kind], least=1, most=values.MOST_DAYS)
            return None if days is None else Window(kind, days=days)
        dates = self._value(here, values.two_days, node[kind])
        return None if dates is None else Window(kind, start=dates[0], end=dates[1])

    def _where(self, where: Any, event: str, path: str) -> tuple[PropertyIs, ...] | None:
        if not isinstance(where, list) or len(where) > MOST_FILTERS:
            self._tell(path, f"give a list of at most {MOST_FILTERS} filters")
            return None
        filters = [self._property(one, event, f"{path}[{i}]") for i, one in enumerate(where)]
        good = tuple(one for one in filters if one is not None)
        return good if len(good) == len(filters) else None

    def _property(self, node: Any, event: str, path: str) -> PropertyIs | None:
        if not isinstance(node, Mapping) or "property" not in node:
            self._tell(path, 'give a filter: {"property": ..., "is": ..., "value": ...}')
            return None
        known = fields.property_of(event, node["property"])
        if known is None:
            choice = (
                f"choose one of {', '.join(fields.ORDER_PROPERTIES)}"
                if event == vocabulary.ORDER
                else f"give the property's name in at most {fields.LONGEST_KEY} printable characters"
            )
            self._tell(_join(path, "property"), choice)
            return None
        compared = self._comparison(node, kind=known.kind, path=path, also=("property",))
        return compared and PropertyIs(known.name, *compared)

    def _choice(self, node: Mapping[Any, Any], known: tuple[str, ...], path: str) -> str | None:
        return self._value(
            _join(path, "is"), values.one_of, node.get("is"), known, what="how it compares"
        )

    def _only(self, node: Mapping[Any, Any], known: tuple[str, ...], path: str) -> None:
        for key in node:
            if key not in known:
                self._tell(path, f"leave out {_shown(key)}; known here: {', '.join(known)}")

    def _value(self, path: str, check: Callable[..., T], *given: Any, **limits: Any) -> T | None:
        try:
            return check(*given, **limits)
        except UnfitError as error:
            self._tell(path, str(error))
            return None


_LEAVES: dict[str, Callable[[_Parser, Mapping[Any, Any], str], Leaf | None]] = {
    "field": _Parser.field,
    "did": _Parser.did,
    "did_not": _Parser.did,
    "consent": _Parser.consent,
    "score": _Parser.score,
    "segment": _Parser.segment,
    "bucket": _Parser.bucket,
}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _shown(value: Any) -> str:
    """A foreign value in a message: short, quoted, printable."""
    return repr(value)[:60]
