"""
What a sender did, in a file of its own that survives `kill -9`.

Each hand-over is written before it begins and each reply as it comes, by one plain write; no fsync,
because the operating system outlives the process. The sender holds a lock on its file, so that
others on this machine know whether it lives: a process that is only slow or stopped keeps it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path


_quoted = json.encoder.encode_basestring_ascii


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What became of one hand-over, as it is written to the journal and to the delivery."""

    delivery_id: int
    epoch: int
    verdict: str  # "" when accepted, else campaigns.channels.base.Verdict
    reply: str
    enhanced: str
    at: datetime

    @cached_property
    def at_text(self) -> str:
        """`at` as it is written, here and in the statement that marks."""
        return self.at.isoformat()

    def as_line(self) -> bytes:
        """A line of JSON, put together by hand: a third of what json.dumps takes for it."""
        return (
            f'{{"id": {self.delivery_id}, "epoch": {self.epoch}, "verdict": {_quoted(self.verdict)}, '
            f'"reply": {_quoted(self.reply)}, "enhanced": {_quoted(self.enhanced)}, '
            f'"at": "{self.at_text}"}}'
        ).encode("ascii")


class Journal:
    """The journal of one sender; `owner` names both the file and the rows it holds."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        host = "".join(c for c in socket.gethostname() if c.isalnum() or c in "-.")[:30]
        self.owner = f"{host}-{os.getpid()}-{secrets.token_hex(6)}"
        self.path = folder / f"{self.owner}.journal"
        # locked before it has the name that a sweeper looks for
        unnamed = self.path.with_suffix(".new")
        self._file = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        unnamed.rename(self.path)

    def started(self, delivery_id: int, epoch: int) -> None:
        self._write(b'{"id": %d, "epoch": %d}' % (delivery_id, epoch))

    def replied(self, reply: Reply) -> None:
        self._write(reply.as_line())

    def _write(self, line: bytes) -> None:
        """Raises OSError when the disk is full: a torn line may only ever be the last one."""
        if os.write(self._file, line + b"\n") <= len(line):
            raise OSError(errno.ENOSPC, "the journal takes no more", str(self.path))

    def close(self, *, keep: bool = False) -> None:
        """End it; the file goes unless the database may not know all that is in it."""
        if not keep:
            self.path.unlink(missing_ok=True)
        os.close(self._file)


@dataclass
class Past:
    """What the journal of a dead sender tells, by (delivery id, epoch)."""

    owner: str
    started: set[tuple[int, int]] = field(default_factory=set)
    replies: dict[tuple[int, int], Reply] = field(default_factory=dict)


def is_here(owner: str, folder: Path) -> bool:
    """Whether the journal of this sender is on this machine."""
    return (folder / f"{owner}.journal").exists()


@contextmanager
def dead_journals(folder: Path) -> Iterator[list[Past]]:
    """
    The journals whose senders are dead, locked against other sweepers; deleted if nothing is raised.

    A journal whose lock is held belongs to a sender that lives, and is left alone.
    """
    with _locked_dead_files(folder) as files:
        yield [_read(path) for path in files]
        for path in files:
            path.unlink(missing_ok=True)


@contextmanager
def _locked_dead_files(folder: Path) -> Iterator[list[Path]]:
    held: list[int] = []
    files: list[Path] = []
    try:
        for path in sorted(folder.glob("*.journal")):
            try:
                handle = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            held.append(handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if path.exists():  # else another sweeper has done it while we opened the file
                files.append(path)
        yield files
    finally:
        for handle in held:
            os.close(handle)


def _read(path: Path) -> Past:
    past = Past(owner=path.stem)
    for line in path.read_bytes().split(b"\n")[:-1]:
        entry = json.loads(line)
        key = (entry["id"], entry["epoch"])
        if "verdict" in entry:
            past.replies[key] = Reply(
                delivery_id=entry["id"], epoch=entry["epoch"], verdict=entry["verdict"],
                reply=entry["reply"], enhanced=entry["enhanced"],
                at=datetime.fromisoformat(entry["at"]),
            )  # fmt: skip
        else:
            past.started.add(key)
    return past
