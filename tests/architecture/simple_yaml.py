"""As much YAML as docker/compose.yaml uses, since no YAML library is installed; refuses the rest.

Block mappings and lists, flow lists and flow-less scalars, comments, anchors on mappings, `<<: *name`.
"""

from __future__ import annotations

import json
import re
from typing import Any


KEY = re.compile(r"^(?P<key><<|[A-Za-z0-9_.-]+):(?:\s+(?P<value>.+))?$")


def parse(text: str) -> Any:
    lines = [
        (len(line) - len(line.lstrip()), line.strip())
        for line in text.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    value, rest = _block(lines, anchors={})
    assert not rest, f"not understood: {rest[0]}"
    return value


def _block(
    lines: list[tuple[int, str]], *, anchors: dict[str, Any]
) -> tuple[Any, list[tuple[int, str]]]:
    """The value that begins at the first line, and the lines after it."""
    indent = lines[0][0]
    if lines[0][1].startswith("- "):
        items = []
        while lines and lines[0][0] == indent and lines[0][1].startswith("- "):
            items.append(_scalar(lines[0][1][2:]))
            lines = lines[1:]
        return items, lines
    mapping: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    while lines and lines[0][0] == indent:
        match = KEY.match(lines[0][1])
        assert match, f"not understood: {lines[0][1]}"
        key, value = match["key"], match["value"] or ""
        assert key not in mapping, f"twice: {key}"
        lines = lines[1:]
        if key == "<<":
            assert value.startswith("*"), value
            merged = anchors[value[1:]]
        elif value and not value.startswith("&"):
            mapping[key] = _scalar(value)
        elif lines and lines[0][0] > indent:
            mapping[key], lines = _block(lines, anchors=anchors)
            if value:
                anchors[value[1:]] = mapping[key]
        else:
            mapping[key] = None
    assert not lines or lines[0][0] < indent, f"indentation: {lines[0][1]}"
    return {**merged, **mapping}, lines


def _scalar(text: str) -> Any:
    if text.startswith(("[", '"')):
        return json.loads(text)
    assert not text.startswith(("{", "'", "|", ">", "*", "!")), f"not understood: {text}"
    return int(text) if text.isdecimal() else {"true": True, "false": False}.get(text, text)
