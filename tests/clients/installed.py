"""Where node and the published JavaScript clients are, or what to do about it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest


HERE = Path(__file__).parent
ENABLE = "apt-get install -y nodejs npm"


def node_modules() -> Path:
    """The clients of package-lock.json, installed once. Without npm: skip, or fail where CI promised it."""
    modules = HERE / "node_modules"
    if not shutil.which("node") or not shutil.which("npm"):
        _without(f"node and npm are not installed: {ENABLE}")
    lock = HERE / "package-lock.json"
    with lock.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # another xdist worker may need them at the same moment
        marker = modules / ".package-lock.json"
        if not marker.exists() or marker.stat().st_mtime < lock.stat().st_mtime:
            _install()
            marker.touch()
    return modules


def _install() -> None:
    # scripts of packages are not run: the clients need none
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, check=False, cwd=HERE, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        _without(
            f"the JavaScript clients are not installed: cd {HERE} && {' '.join(command)}\n"
            f"{done.stderr[-1000:]}"
        )


def _without(message: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
