"""
The tree of a rule as fields of a form: read from what was posted, and changed by its buttons.

The root's fields begin with `t`, those of its third node with `t-2`, of that one's first with `t-2-0`:
`t.quantifier`, `t-2.about`, `t-2.where-0.property`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias


DEEPEST_READ = 6  # a definition may be 5 deep; what is nested further was not made here
MOST_FILTERS = 10
MOST_NODES = 100
Said: TypeAlias = dict[str, list[str]]
Path: TypeAlias = tuple[int, ...]


@dataclass(kw_only=True)
class Row:
    """One condition: what its fields say, by name; `filters` are those of an event's properties."""

    said: Said = field(default_factory=dict)
    filters: list[Said] = field(default_factory=list)

    @property
    def about(self) -> str:
        return first(self.said, "about")


@dataclass(kw_only=True)
class Rows:
    """A group: all, any or none of `nodes`."""

    quantifier: str = "all"
    nodes: list[Row | Rows] = field(default_factory=list)


def first(said: Said, name: str) -> str:
    return next(iter(said.get(name, ())), "").strip()


def prefix_of(path: Path) -> str:
    return "-".join(("t", *map(str, path)))


def path_of(prefix: str) -> Path:
    """Raises ValueError for what no button of ours says."""
    start, *numbers = prefix.split("-")
    if start != "t":
        raise ValueError(prefix)
    return tuple(int(number) for number in numbers)


def read(posted: Iterable[tuple[str, list[str]]]) -> Rows:
    """The tree in the fields of a form; one empty condition when there is none."""
    by_node: dict[str, Said] = {}
    for key, values in posted:
        node, dot, name = key.partition(".")
        if dot:
            by_node.setdefault(node, {})[name] = list(values)
    found = _read((), by_node)
    return found if isinstance(found, Rows) and found.nodes else Rows(nodes=[Row()])


def _read(path: Path, by_node: dict[str, Said]) -> Row | Rows | None:
    said = by_node.get(prefix_of(path))
    if said is None or len(path) > DEEPEST_READ:
        return None
    if "quantifier" not in said:
        return _row(said)
    nodes: list[Row | Rows] = []
    while (node := _read((*path, len(nodes)), by_node)) is not None:
        nodes.append(node)
    return Rows(quantifier=first(said, "quantifier"), nodes=nodes)


def _row(said: Said) -> Row:
    row = Row()
    filters: dict[int, Said] = {}
    for key, values in said.items():
        head, dot, name = key.partition(".")
        number = head.removeprefix("where-")
        if dot and number.isdecimal() and len(number) < 3:
            filters.setdefault(int(number), {})[name] = values
        else:
            row.said[key] = values
    row.filters = [filters[number] for number in sorted(filters)]
    return row


# ------------------------------------------------------------------ the buttons
def change(tree: Rows, act: str) -> Path | None:
    """
    Do what a button says (`remove:t-2`, `add-condition:t`); returns where the eye should go then.

    An act that means nothing here changes nothing: the form may be older than the page.
    """
    name, _, rest = act.partition(":")
    prefix, _, number = rest.partition(":")
    try:
        path = path_of(prefix)
        node = _at(tree, path)
        if isinstance(node, Rows):
            return _change_group(tree, node, name, path)
        if name == "add-filter" and len(node.filters) < MOST_FILTERS:
            node.filters.append({})
            return path
        if name == "remove-filter":
            del node.filters[int(number)]
            return path
        return _change_node(tree, name, path)
    except (ValueError, IndexError):
        return None


def _change_group(tree: Rows, group: Rows, name: str, path: Path) -> Path | None:
    if name in {"add-condition", "add-group"}:
        if size(tree) >= MOST_NODES:
            return None
        made = Row() if name == "add-condition" else Rows(quantifier="any", nodes=[Row()])
        group.nodes.append(made)
        return (*path, len(group.nodes) - 1)
    return _change_node(tree, name, path)


def _change_node(tree: Rows, name: str, path: Path) -> Path | None:
    if not path or name not in {"remove", "up", "down"}:
        return None
    *above, number = path
    nodes = _group_at(tree, tuple(above)).nodes
    if name == "remove":
        del nodes[number]
        if not nodes:
            nodes.append(Row())
        return (*above, min(number, len(nodes) - 1))
    to = number + (1 if name == "down" else -1)
    if 0 <= to < len(nodes):
        nodes[number], nodes[to] = nodes[to], nodes[number]
        return (*above, to)
    return path


def size(tree: Rows) -> int:
    """Conditions and groups below `tree`."""
    return sum(1 + (size(node) if isinstance(node, Rows) else 0) for node in tree.nodes)


def _at(tree: Rows, path: Path) -> Row | Rows:
    node: Row | Rows = tree
    for number in path:
        if not isinstance(node, Rows) or number < 0:
            raise IndexError(path)
        node = node.nodes[number]
    return node


def _group_at(tree: Rows, path: Path) -> Rows:
    node = _at(tree, path)
    if not isinstance(node, Rows):
        raise IndexError(path)
    return node
