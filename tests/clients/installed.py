"""Where node and the published JavaScript clients are, or what to do about it."""

from __future__ import annotations

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
    marker = modules / ".package-lock.json"
    lock = HERE / "package-lock.json"
    if not marker.exists() or marker.stat().st_mtime < lock.stat().st_mtime:
        # scripts of packages are not run: the clients need none
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command, check=False, cwd=HERE, capture_output=True, text=True, timeout=600
        )
        if done.returncode:
            _without(f"the JavaScript clients are not installed: cd {HERE} && {' '.join(command)}")
        marker.touch()
    return modules


def _without(message: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
