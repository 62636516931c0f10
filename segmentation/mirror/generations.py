"""
Generations of the mirror: folders of Parquet files that never change once they can be seen.

A generation holds every table whole (`orders.parquet`) and the rows anew of customers of whom something
changed since (`orders.<number>.parquet`, with who they are in `touched.<number>.parquet`). A number is
a moment in nanoseconds: of a whole table from before it was read, of a change from after it was read.
What is newer counts, so a row is never older than the file that it is looked for in.

A new generation takes over what stays by hard links and is put in place by one rename; an older one goes
when nobody reads it any more.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from django.conf import settings


TOUCHED = "touched"


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
    paths = _paths()
    return Generation.at(paths[-1]) if paths else None


def _paths() -> list[Path]:
    """Complete generations, oldest first."""
    return sorted(path for path in folder().glob("[0-9]*") if path.name.isdigit())


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
        old = newest()
        bases = {**(old.bases if old else {}), **dict.fromkeys(files, number)}
        changes = [one for one in (old.changes if old else ()) if one > min(bases.values())]
        _publish(old, {f"{name}.parquet": path for name, path in files.items()}, bases, changes)


def publish_changes(
    files: Mapping[str, Path], *, number: int, instead_of: tuple[int, ...] = ()
) -> None:
    """Put rows of the touched customers over the tables. To be called by who holds `flip`."""
    old = newest()
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
    target.rename(folder() / f"{time.time_ns():020d}")
    for path in _paths()[:-1]:
        _remove_unless_read(path)


def _remove_unless_read(path: Path) -> None:
    with suppress(FileNotFoundError, BlockingIOError), (path / "readers").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)


def take_newest() -> tuple[Generation, IO[str]] | None:
    """The newest generation and the open file whose lock keeps it; None when there is none."""
    while paths := _paths():
        with suppress(FileNotFoundError):  # removed between looking and locking: look again
            lock = (paths[-1] / "readers").open()
            fcntl.flock(lock, fcntl.LOCK_SH)
            if (paths[-1] / "readers").exists():
                return Generation.at(paths[-1]), lock
            lock.close()
    return None
