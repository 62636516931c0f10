"""The benchmark of segments finds with the rule whom the mask finds."""

from __future__ import annotations

import json

import pytest

from benchmarks import segments


def test_rules_and_mask_are_counted_side_by_side(
    capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    arguments = ["--customers", "3000", "--rounds", "2", "--skip-writing", "--json"]

    assert segments.main([*arguments, "--folder", str(tmp_path)]) == 0

    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["rows"]["people"] == 3_000
    first = report["fast"]["4 of profile, features, score"]["members"]
    assert first == report["numpy mask"]["members"] > 0
    assert all(one["members"] > 0 for group in ("fast", "deeds") for one in report[group].values())
