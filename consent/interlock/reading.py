"""What the files of the logbook tell, line by line: there may be weeks of a large shop's messages in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from consent.interlock import logbook


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Lines of some files that are `wanted`, read anew each time they are gone through; torn ones are left out."""

    paths: Sequence[Path]
    wanted: Callable[[Mapping[str, Any]], bool]

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for path in self.paths:
            for line in _parsed(path):
                if line is not None and self.wanted(line):
                    yield line


@dataclass(frozen=True, kw_only=True)
class Reading:
    """
    What the files tell, in order, without a gap.

    `begins`: they tell of everything since then; None: of everything ever. `lost` names the file before
    that which is not there. `committed`: tokens and when. `damaged` counts lines that cannot be read.
    """

    acts: Lines
    sent: Lines
    committed: Mapping[str, datetime]
    begins: datetime | None
    lost: str
    damaged: int


def read() -> Reading:
    """Goes through all files once; of what they tell only the tokens stay in memory."""
    paths: dict[str, list[Path]] = {}
    damaged, begins, lost = 0, None, ""
    for kind in (logbook.ACTS, logbook.SENT):
        paths[kind], since, before = _without_a_gap(kind)
        if since is not None and (begins is None or since > begins):
            begins, lost = since, before
    committed = {}
    for path in (*paths[logbook.ACTS], *paths[logbook.SENT]):
        for line in _parsed(path):
            if line is None:
                damaged += 1
            elif "done" in line or "d" in line:
                committed[line["t"]] = datetime.fromisoformat(line["at"])
    return Reading(
        acts=Lines(paths=paths[logbook.ACTS], wanted=lambda line: "act" in line),
        sent=Lines(paths=paths[logbook.SENT], wanted=lambda line: "at" in line),
        committed=committed, begins=begins, lost=lost, damaged=damaged,
    )  # fmt: skip


def _without_a_gap(kind: str) -> tuple[list[Path], datetime | None, str]:
    """The files, since when they tell everything (None: ever), and the file that is missing before that."""
    found: list[Path] = []
    begins: str | None = None
    before = ""
    for path in reversed(logbook.files(kind)):
        if before and path.name != before:
            break
        found.insert(0, path)
        head = next((line for line in _parsed(path) if line and "begins" in line), {})
        begins, before = head.get("begins"), str(head.get("after", "?"))
        if not before:
            return found, None, ""
    return found, datetime.fromisoformat(begins) if begins else None, before


def _parsed(path: Path) -> Iterator[Mapping[str, Any] | None]:
    """The lines of a file, one after the other; None for one that is torn."""
    with path.open("rb") as file:
        for raw in file:
            if raw := raw.rstrip(b"\n"):
                try:
                    yield json.loads(raw)
                except ValueError:
                    yield None
