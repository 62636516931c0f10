"""Segments of segments."""

import pytest

from segmentation.rules import RuleError, parse
from segmentation.rules.references import profiled, refresh_order


def using(*segments: int):
    return parse({"all": [
        {"field": "country", "is": "is_known"}, *({"segment": one, "is": "not_in"} for one in segments),
    ]})  # fmt: skip


def test_segments_come_after_what_they_read() -> None:
    rules = {1: using(2, 3), 2: using(3, 99), 3: using(), 4: using()}

    assert refresh_order(rules) == (3, 2, 1, 4)


def test_cycle_is_refused_in_words() -> None:
    rules = {1: using(2), 2: using(3), 3: using(2)}

    with pytest.raises(RuleError, match="“Two” uses “3” uses “Two”"):
        refresh_order(rules, names={2: "Two"})
    with pytest.raises(RuleError, match="“5” uses “5”"):
        refresh_order({5: using(5)})


def test_profiling_is_needed_through_other_segments() -> None:
    rules = {
        1: using(2),
        2: using(7),
        3: using(),
        4: parse({"none": [{"did": "ORDER"}]}),
        5: using(4),
    }

    assert profiled(rules, machine_made={7}) == {7, 2, 1, 4, 5}
