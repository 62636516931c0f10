"""Rolling origins: cut-offs to learn from and one to be judged by, never overlapping in time."""

from dataclasses import dataclass

from segmentation.ml.columns import SECONDS_PER_DAY


@dataclass(frozen=True, kw_only=True)
class TimeSplit:
    """Cut-offs in epoch seconds, ascending.

    Every training label closes at or before `test_at`: the gap is as long as the label window. The
    label of `test_at` closes at or before the moment we look from.
    """

    train_at: tuple[int, ...]
    test_at: int
    horizon_days: int


class TooLittleHistoryError(ValueError):
    """The history is shorter than what one training and one test window need; the message says how much."""


def rolling_origins(
    *,
    history_from: int,
    known_at: int,
    horizon_days: int,
    step_days: int = 30,
    at_most: int = 12,
    history_days: int = 60,
) -> TimeSplit:
    """Lay cut-offs every `step_days` back from the last one whose label is closed at `known_at`.

    The first `history_days` after `history_from` are kept for features. All times in epoch seconds.
    Raises TooLittleHistoryError when no training cut-off is left.
    """
    horizon = horizon_days * SECONDS_PER_DAY
    test_at = known_at - horizon
    last, first = test_at - horizon, history_from + history_days * SECONDS_PER_DAY
    train_at = tuple(
        last - position * step_days * SECONDS_PER_DAY
        for position in range(at_most)
        if last - position * step_days * SECONDS_PER_DAY >= first
    )
    if not train_at:
        have = max(0, known_at - history_from) // SECONDS_PER_DAY
        need = history_days + 2 * horizon_days
        raise TooLittleHistoryError(
            f"{have} days of history; {need} are needed to learn and to judge"
        )
    return TimeSplit(train_at=train_at[::-1], test_at=test_at, horizon_days=horizon_days)
