"""Champion or challenger: every way the decision can go."""

import json

import numpy as np
import pytest

from segmentation.promotion import decide


RNG = np.random.default_rng(0)
NOISE = RNG.exponential(1, 2_000)


def losses(level: float, *, spread: float = 0.1) -> np.ndarray:
    """Losses that share their rows' difficulty and differ by `level` on average."""
    return NOISE + level + spread * RNG.normal(size=len(NOISE))


STALE, CHANGED = {"champion_stale": True}, {"schema_changed": True}


@pytest.mark.parametrize(
    ("challenger", "champion", "flags", "words"),
    [
        (-0.1, None, {}, "The first model"),
        (-0.1, None, CHANGED, "The champion cannot read the features of today"),
        (-0.2, -0.1, {}, "Better than the champion"),
    ],
)
def test_better_challenger_is_promoted(
    challenger: float, champion: float | None, flags: dict[str, bool], words: str
) -> None:
    decision = decide(
        challenger=losses(challenger),
        champion=None if champion is None else losses(champion),
        baseline=losses(0),
        metric="log loss",
        **flags,
    )
    assert decision.promote
    assert decision.reason.startswith(words)


@pytest.mark.parametrize(
    ("challenger", "champion", "flags", "words"),
    [
        (+0.1, None, {}, "Not proven better than the baseline"),
        (+0.1, None, STALE | CHANGED, "Not proven better than the baseline"),
        (+0.1, +0.5, {}, "Not proven better than the baseline"),
        (-0.1, -0.2, {}, "Worse than the champion"),
        (-0.1, -0.2, STALE | CHANGED, "Worse than the champion"),
    ],
)
def test_worse_challenger_is_kept_back(
    challenger: float, champion: float | None, flags: dict[str, bool], words: str
) -> None:
    decision = decide(
        challenger=losses(challenger),
        champion=None if champion is None else losses(champion),
        baseline=losses(0),
        metric="log loss",
        **flags,
    )
    assert not decision.promote
    assert decision.reason.startswith(words)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({}, "No proof that it is better"),
        (STALE, "Not worse than the champion, which is stale"),
        (CHANGED, "Not worse than the champion, which is of another feature schema"),
    ],
)
def test_equal_challenger_replaces_only_a_champion_that_is_past_its_day(
    flags: dict[str, bool], words: str
) -> None:
    same = losses(-0.2)
    decision = decide(
        challenger=same, champion=same.copy(), baseline=losses(0), metric="log loss", **flags
    )
    assert decision.promote is bool(flags)
    assert decision.reason.startswith(words)


def test_constant_losses_equal_to_the_baseline_are_no_proof() -> None:
    decision = decide(
        challenger=np.ones(50), champion=None, baseline=np.ones(50), metric="log loss"
    )
    assert not decision.promote


def test_evidence_is_plain_json_and_repeats() -> None:
    arguments = {
        "challenger": losses(-0.2),
        "champion": losses(-0.1),
        "baseline": losses(0),
        "metric": "log loss",
        "seed": 3,
    }
    first, second = decide(**arguments), decide(**arguments)
    assert first == second
    evidence = json.loads(json.dumps(first.evidence))
    assert evidence["metric"] == "log loss"
    assert evidence["against_champion"]["mean"] == pytest.approx(-0.1, abs=0.01)
    assert evidence["against_baseline"]["high"] < 0
