"""Cut-offs that never share a day of labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.splits import TooLittleHistoryError, rolling_origins


@given(
    days=st.integers(200, 2_000),
    horizon=st.integers(1, 60),
    step=st.integers(1, 60),
    at_most=st.integers(1, 20),
)
def test_training_labels_close_before_the_test_begins(
    days: int, horizon: int, step: int, at_most: int
) -> None:
    now = days * SECONDS_PER_DAY
    split = rolling_origins(
        history_from=0, known_at=now, horizon_days=horizon, step_days=step, at_most=at_most
    )
    window = horizon * SECONDS_PER_DAY
    assert split.test_at + window <= now
    assert all(as_of + window <= split.test_at for as_of in split.train_at)
    assert list(split.train_at) == sorted(set(split.train_at))
    assert 1 <= len(split.train_at) <= at_most
    assert split.train_at[0] >= 60 * SECONDS_PER_DAY


def test_a_short_history_says_how_long_it_must_be() -> None:
    with pytest.raises(TooLittleHistoryError, match="239 days of history; 240 are needed"):
        rolling_origins(history_from=0, known_at=239 * SECONDS_PER_DAY, horizon_days=90)
    enough = rolling_origins(history_from=0, known_at=240 * SECONDS_PER_DAY, horizon_days=90)
    assert len(enough.train_at) == 1
