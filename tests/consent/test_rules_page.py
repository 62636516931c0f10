"""The page of privacy rules names tests that exist, and every rule."""

from __future__ import annotations

import re
from pathlib import Path


TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reference" / "privacy-rules.md"


def test_each_rule_has_a_state_and_names_tests_that_exist() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| G")]
    assert [row[0] for row in rows] == [f"| G{number}" for number in range(1, 31)]
    assert {row[2] for row in rows} <= {"held", "partly", "not yet"}
    assert [row[0] for row in rows if row[2] == "held" and "`test_" not in row[3]] == []
    ours = (path for path in TESTS.rglob("test_*.py") if "node_modules" not in path.parts)
    known = {name for path in ours for name in re.findall(r"def (test_\w+)", path.read_text())}
    assert set(re.findall(r"`(test_\w+)`", PAGE.read_text())) - known == set()
