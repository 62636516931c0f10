"""
Generations of the mirror: folders of Parquet files that never change once they can be seen.

A generation holds every table whole (`orders.parquet`) and the rows anew of customers of whom something
changed since (`orders.<number>.parquet`, with who they are in `touched.<number>.parquet`). A number is
a moment in nanoseconds (or the one after the last, where the clock was set back): of a whole table from
before it was read, of a change from after it was read. What is newer counts, so a row is never older than
the file that it is looked for in.

A new generation takes over what stays by hard links and is put in place by one rename; an older one goes
when nobody reads it any more. So do folders that no generation is: of an older layout, or half removed.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from django.conf import settings

from segmentation.mirror.tables import TABLES
from segmentation.ml.features import SHOP_TABLES


TOUCHED = "touched"
GONE = "gone-"


@dataclass(frozen=True, kw_only=True)
class Generation:
    """bases: table to the number of its whole file. changes: numbers, ascending."""

    path: Path
    bases: Mapping[str, int]
    changes: tuple[int, ...]

    @classmethod
    def at(cls, path: Path) -> Self:
        read = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        return cls(path=path, bases=read["bases"], changes=tuple(read["changes"]))

    @property
    def is_whole(self) -> bool:
        """It has every table; not so when a newer version of the code reads one more."""
        return self.bases.keys() >= {*TABLES, *SHOP_TABLES}

    def base(self, table: str) -> Path:
        return self.path / f"{table}.parquet"

    def change(self, table: str, number: int) -> Path:
        return self.path / f"{table}.{number}.parquet"

    def newer(self, table: str) -> tuple[int, ...]:
        """The changes that go over the whole file of `table`."""
        return tuple(
            number
            for number in self.changes
            if number > self.bases.get(table, 0) and self.change(table, number).exists()
        )


def quoted(path: Path) -> str:
    """A file's name as DuckDB reads and writes it."""
    return "'" + str(path).replace("'", "''") + "'"


def folder() -> Path:
    path: Path = settings.HOME / "mirror"
    return path


def newest() -> Generation | None:
    """The newest generation, where it has every table; without one the mirror is to be read anew."""
    found = last()
    return found if found and found.is_whole else None


def last() -> Generation | None:
    """The newest generation, also one without every table: what a new one takes over from."""
    while paths := _paths():
        try:
            return Generation.at(paths[-1])
        except FileNotFoundError:  # removed between looking and reading: look again
            continue
    return None


def next_number() -> int:
    """The moment in nanoseconds, or the number after the last where the clock was set back."""
    with exclusive("numbers"):
        kept, found = folder() / "last-number", last()
        known = [int(path.name) for path in _numbered()]
        known += [*found.bases.values(), *found.changes] if found else []
        known += [int(kept.read_text())] if kept.exists() else []
        number = max(time.time_ns(), max(known, default=0) + 1)
        unfinished = folder() / "last-number.unfinished"
        unfinished.write_text(str(number))
        unfinished.replace(kept)
        return number


def _paths() -> list[Path]:
    """Complete generations, oldest first."""
    return [
        path
        for path in _numbered()
        if (path / "manifest.json").exists() and (path / "readers").exists()
    ]


def _numbered() -> list[Path]:
    return sorted(path for path in folder().glob("[0-9]*") if path.name.isdigit())


def is_held(name: str) -> bool:
    """Somebody is at what `exclusive` lets one do at a time; not to be asked by who is."""
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """One at a time: `writer` reads the database into files (long), `flip` makes a generation (short)."""
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def publish_tables(files: Mapping[str, Path], *, number: int) -> None:
    """Put whole tables in the place of those before; changes that are older than every table go."""
    with exclusive("flip"):
        old = last()
        bases = {**(old.bases if old else {}), **dict.fromkeys(files, number)}
        changes = [one for one in (old.changes if old else ()) if one > min(bases.values())]
        _publish(old, {f"{name}.parquet": path for name, path in files.items()}, bases, changes)


def publish_changes(
    files: Mapping[str, Path], *, number: int, instead_of: tuple[int, ...] = ()
) -> None:
    """Put rows of the touched customers over the tables. To be called by who holds `flip`."""
    old = last()
    if old is None:
        raise LookupError("there is no mirror yet that could be changed")
    changes = [*(one for one in old.changes if one not in instead_of), number]
    _publish(
        old, {f"{name}.{number}.parquet": path for name, path in files.items()}, old.bases, changes
    )


def _publish(
    old: Generation | None, files: Mapping[str, Path], bases: Mapping[str, int], changes: list[int]
) -> None:
    target = folder() / "next"
    shutil.rmtree(target, ignore_errors=True)  # of a writer that was killed
    target.mkdir()
    for name, path in files.items():
        path.rename(target / name)
    if old is not None:
        stay = {f"{name}.parquet" for name in old.bases}
        stay |= {path.name for one in changes for path in old.path.glob(f"*.{one}.parquet")}
        for name in stay - set(files):
            os.link(old.path / name, target / name)
    (target / "manifest.json").write_text(json.dumps({"bases": dict(bases), "changes": changes}))
    (target / "readers").touch()
    published = target.rename(folder() / f"{next_number():020d}")
    for path in folder().glob(f"{GONE}*"):  # of a writer that was killed
        shutil.rmtree(path)
    for path in _numbered():
        if path != published:
            _remove_unless_read(path)


def _remove_unless_read(path: Path) -> None:
    gone = path.with_name(f"{GONE}{path.name}")
    if (path / "readers").exists():
        with (path / "readers").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            path.rename(gone)  # at once: a kill in what follows leaves nothing that looks whole
    else:  # half removed: nobody can begin to read it
        path.rename(gone)
    shutil.rmtree(gone)


def take_newest() -> tuple[Generation, IO[str]] | None:
    """The newest generation and the open file whose lock keeps it; None without one that has every table."""
    while paths := _paths():
        try:
            lock = (paths[-1] / "readers").open()
        except FileNotFoundError:  # removed between looking and locking: look again
            continue
        with ExitStack() as closing:
            closing.enter_context(lock)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if not (paths[-1] / "readers").exists():
                continue
            generation = Generation.at(paths[-1])
            if not generation.is_whole:
                return None
            closing.pop_all()
            return generation, lock
    return None
