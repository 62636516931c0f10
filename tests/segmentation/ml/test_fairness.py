"""Groups compared: numbers by hand, intervals that hold the truth, proxies found and not invented."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.ml import fairness
from segmentation.ml.fairness import Fairness


RNG = np.random.default_rng(7)
N = 2_000


def audit(*, groups: list[str], probability: np.ndarray, label: np.ndarray | None = None, **more: object) -> Fairness:  # fmt: skip
    return fairness.audit(
        field="g", probability=probability, groups=groups, label=label, **more  # type: ignore[arg-type]
    )  # fmt: skip


def test_rates_are_those_counted_by_hand() -> None:
    groups = ["a"] * 100 + ["b"] * 100
    probability = np.r_[np.full(50, 0.9), np.full(50, 0.1), np.full(20, 0.9), np.full(80, 0.1)]
    label = np.zeros(200, dtype=bool)
    label[:40] = True  # all of them selected
    label[100:110], label[120:130] = True, True  # half of them selected
    found = audit(groups=groups, probability=probability, label=label, threshold=0.5)
    a, b = found.groups
    assert (a.selected.value, b.selected.value) == (0.5, 0.2)
    assert found.ratio.value == pytest.approx(0.4)
    assert (a.found.value, b.found.value) == (1.0, 0.5)
    assert found.found_gap.value == 0.5
    assert b.observed == 0.2
    assert b.gap.value == pytest.approx(0.2 - (20 * 0.9 + 80 * 0.1) / 100)
    assert found.warns
    assert found.ratio.low is not None
    assert found.ratio.high is not None
    assert found.ratio.low < 0.4 < found.ratio.high
    assert "“b” is selected 0.40 times as often as “a”" in found.words


def test_alike_groups_do_not_warn() -> None:
    found = audit(groups=["a", "b"] * (N // 2), probability=RNG.random(N), threshold=0.5)
    assert not found.warns
    assert found.ratio.value is not None
    assert found.ratio.value > 0.9
    assert found.found_gap.value is None


def test_unknown_and_small_groups_are_left_out_and_counted() -> None:
    groups = ["a"] * 100 + ["b"] * 100 + [""] * 7 + ["c"] * 5
    found = audit(groups=groups, probability=RNG.random(212))
    assert [one.name for one in found.groups] == ["a", "b"]
    assert found.left_out == 12


@pytest.mark.parametrize("groups", [["a"] * 60, [""] * 60, ["a"] * 50 + ["b"] * 10])
def test_one_group_is_nothing_to_compare(groups: list[str]) -> None:
    found = audit(groups=groups, probability=RNG.random(60), label=RNG.random(60) < 0.5)
    assert not found.warns
    assert found.ratio.value is None
    assert "nothing can be compared" in found.words


def test_proxy_is_found_where_a_feature_gives_the_group_away_and_not_in_noise() -> None:
    rng = np.random.default_rng(5)
    group = rng.integers(0, 2, N)
    noise = rng.normal(size=(N, 4))
    blind = fairness.proxy_auc(features=noise, group=group, seed=1)
    seen = fairness.proxy_auc(features=noise + group[:, None] * [2, 0, 0, 0], group=group, seed=1)
    assert blind.low is not None
    assert blind.low < 0.5
    assert seen.low is not None
    assert seen.low > 0.8


def test_all_equal_features_and_predictions_are_no_error() -> None:
    group = ["a", "b"] * 100
    found = audit(
        groups=group, probability=np.full(200, 0.3), label=np.zeros(200, bool),
        features=np.ones((200, 3)),
    )  # fmt: skip
    assert found.ratio.value == 1
    assert found.found_gap.value is None
    assert found.proxy is not None
    assert found.proxy.value == pytest.approx(0.5, abs=0.02)


def test_promotion_is_blocked_only_below_a_declared_ratio() -> None:
    groups = ["a"] * 100 + ["b"] * 100
    probability = np.r_[np.ones(50), np.zeros(50), np.ones(20), np.zeros(80)]
    found = audit(groups=groups, probability=probability, threshold=0.5)
    assert fairness.blocked([found], {}) == ""
    assert fairness.blocked([found], {"g": 0.3, "other": 0.9}) == ""
    assert "0.40 times as often" in fairness.blocked([found], {"g": 0.5})


def test_many_numbers_become_four_bands() -> None:
    bands = fairness.in_bands([*(str(age) for age in range(20, 80)), ""])
    assert bands[0] == "below 34.75"
    assert bands[-2:] == ["64.25 and more", ""]
    assert len(set(bands)) == 5
    assert fairness.in_bands(["f", "m"]) == ["f", "m"]


def test_many_names_keep_the_largest_and_gather_the_rest() -> None:
    groups = [f"g{number % 15}" for number in range(900)] + ["big"] * 200
    found = audit(groups=groups, probability=RNG.random(1100))
    names = [one.name for one in found.groups]
    assert len(names) == fairness.MOST_GROUPS
    assert {"big", fairness.OTHERS} <= set(names)
