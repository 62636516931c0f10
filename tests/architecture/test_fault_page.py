"""The page of faults names tests that exist, and every fault."""

from __future__ import annotations

import re
from pathlib import Path


TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reference" / "faults.md"


def test_each_fault_has_a_state_and_names_tests_that_exist() -> None:
    text = PAGE.read_text()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| F")]
    assert [row[0] for row in rows] == [f"| F{number}" for number in range(1, 25)]
    assert {len(row) for row in rows} <= {6, 7}
    assert {row[3] for row in rows} <= {"held", "partly", "not yet"}
    assert [row[0] for row in rows if row[3] == "held" and "`test_" not in row[4]] == []
    ours = (path for path in TESTS.rglob("test_*.py") if "node_modules" not in path.parts)
    known = {name for path in ours for name in re.findall(r"def (test_\w+)", path.read_text())}
    assert set(re.findall(r"`(test_\w+)`", text)) - known == set()
