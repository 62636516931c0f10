from __future__ import annotations

import numpy as np
import pytest

from feedback.attribution import NOBODY, last_click


DAY = 86_400


def attribute(orders: list[tuple[int, float]], clicks: list[tuple[int, float, int]]) -> list[int]:
    """Orders are (customer, day), clicks (customer, day, campaign)."""
    order = np.array(orders, dtype=float).reshape(-1, 2)
    click = np.array(clicks, dtype=float).reshape(-1, 3)
    return last_click(
        order_customer=order[:, 0].astype(np.int64),
        order_placed_at=(order[:, 1] * DAY).astype(np.int64),
        click_customer=click[:, 0].astype(np.int64),
        click_happened_at=(click[:, 1] * DAY).astype(np.int64),
        click_campaign=click[:, 2].astype(np.int64),
    ).tolist()


@pytest.mark.parametrize(
    ("clicks", "expected"),
    [
        pytest.param([], NOBODY, id="nobody clicked"),
        pytest.param([(1, 9, 7)], 7, id="a click the day before"),
        pytest.param([(1, 10, 7)], 7, id="a click in the same second"),
        pytest.param([(1, 11, 7)], NOBODY, id="a click after the order"),
        pytest.param([(1, 5, 7)], 7, id="exactly five days before"),
        pytest.param([(1, 4.9, 7)], NOBODY, id="more than five days before"),
        pytest.param([(1, 8, 7), (1, 9, 8)], 8, id="the last of two campaigns"),
        pytest.param([(1, 9, 8), (1, 8, 7)], 8, id="the last, in whatever order they come"),
        pytest.param([(1, 9, 7), (1, 11, 8)], 7, id="the last before, not the one after"),
        pytest.param([(2, 9, 7)], NOBODY, id="somebody else clicked"),
        pytest.param([(0, 9, 7)], NOBODY, id="a customer with a lower id clicked"),
        pytest.param([(1, 9, 7), (1, 9, 6)], 7, id="two in one second"),
    ],
)
def test_last_click_attributes_by_the_stated_rule(
    clicks: list[tuple[int, float, int]], expected: int
) -> None:
    assert attribute([(1, 10)], clicks) == [expected]


def test_last_click_agrees_with_a_loop_over_random_input() -> None:
    rng = np.random.default_rng(3)
    orders = [
        (int(c), float(d))
        for c, d in zip(rng.integers(0, 40, 300), rng.integers(0, 60, 300), strict=True)
    ]
    clicks = [
        (int(c), float(d), int(k))
        for c, d, k in zip(
            rng.integers(0, 40, 200), rng.integers(0, 60, 200), rng.integers(1, 9, 200), strict=True
        )
    ]

    def by_hand(customer: int, day: float) -> int:
        candidates = [(d, k) for c, d, k in clicks if c == customer and 0 <= day - d <= 5]
        return max(candidates)[1] if candidates else NOBODY

    assert attribute(orders, clicks) == [by_hand(*order) for order in orders]
