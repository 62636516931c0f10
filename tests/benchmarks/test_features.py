"""The benchmarks of features and scores run whole, on a small shop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(module: str, *arguments: str, home: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments, "--json"],
        env={**os.environ, "COTERIE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.mark.story
def test_benchmarks_of_features_and_scores_print_their_ratios(home: Path) -> None:
    features = run("features", "--customers", "300", "--rounds", "1", home=home)
    assert features["customers"] == 300
    assert features["ours"]["said"].startswith("300 x")  # type: ignore[index]
    assert features["plain"]["said"].startswith("300 x")  # type: ignore[index]
    assert features["nothing"]["said"] == "None"  # type: ignore[index]
    assert len(features["ratios"]) == 6  # type: ignore[arg-type] # by the clock, and by CPU
    scores = run("scores", "--rows", "1000", "--rounds", "1", home=home)
    assert scores["ratio"] > 0  # type: ignore[operator]
