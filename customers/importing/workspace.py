"""The folder and the DuckDB file in which an import is prepared. What is finished there survives a crash.

A phase and the note that it is finished are one transaction of the DuckDB file, so a process that takes an
import up again starts after the last finished phase. The file is locked by the process that has it open.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from core import clock


MEMORY = "96MB"
"""DuckDB's share; beyond it, it writes to disk. The whole process stays below 500 MB."""
THREADS = 2


class BusyError(RuntimeError):
    """Another process is at work on this import."""


def folder(import_id: int) -> Path:
    return clock.home() / "imports" / str(import_id)


def clear(import_id: int) -> None:
    """Remove the folder with everything in it, the uploaded file included."""
    shutil.rmtree(folder(import_id), ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """`db` holds the tables `lines`, `refused` and, once translated, one for each entity."""

    db: duckdb.DuckDBPyConnection

    def phase(
        self, name: str, work: Callable[[duckdb.DuckDBPyConnection], Any], *, depends_on: object
    ) -> Any:
        """
        Do `work` and return what it returns (JSON); what an earlier process returned when it was done.

        It is done again when `depends_on` has changed since; then so are the phases after it.
        """
        told = json.dumps(depends_on, sort_keys=True, default=str)
        print_ = hashlib.sha256(told.encode()).hexdigest()
        found = self.db.execute(
            "SELECT result FROM phases WHERE name = ? AND depends_on = ?", [name, print_]
        ).fetchall()
        if found:
            return json.loads(found[0][0])
        self.db.execute("BEGIN")
        try:
            result = work(self.db)
            self.db.execute(
                "DELETE FROM phases WHERE place >= coalesce((SELECT place FROM phases WHERE name = ?), 1000)",
                [name],
            )
            self.db.execute(
                "INSERT INTO phases SELECT ?, coalesce(max(place), 0) + 1, ?, ? FROM phases",
                [name, print_, json.dumps(result)],
            )
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        return result


@contextmanager
def opened(import_id: int) -> Iterator[Workspace]:
    """The workspace of an import, made if there is none. Raises BusyError."""
    place = folder(import_id)
    place.mkdir(parents=True, exist_ok=True)
    file = place / "work.duckdb"
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "threads": THREADS,
        "temp_directory": str(place / "spill"),
    }
    try:
        db = duckdb.connect(str(file), config=config)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise BusyError(f"Import {import_id} is being worked on by another process.") from error
        raise
    except (duckdb.SerializationException, duckdb.FatalException, duckdb.InternalException):
        # a power cut left it half written: begin again
        file.unlink(missing_ok=True)
        db = duckdb.connect(str(file), config=config)
    try:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("SET enable_progress_bar = false")  # it would write into our own output
        db.execute(
            "CREATE TABLE IF NOT EXISTS phases (name VARCHAR, place INTEGER, depends_on VARCHAR, result VARCHAR)"
        )
        yield Workspace(db=db)
    finally:
        db.close()
