"""Where copies of people's data lie until they are handed over."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings


def exports_folder() -> Path:
    path: Path = settings.HOME / "exports"
    return path


def write_export(text: str, *, name: str) -> str:
    """Write `text` to a file that only this user of the machine reads; returns its path below the folder."""
    folder = exports_folder() / secrets.token_urlsafe(16)
    folder.mkdir(parents=True, mode=0o700)
    path = folder / name
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return str(path.relative_to(exports_folder()))
