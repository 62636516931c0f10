import json

import numpy as np
import pytest

from segmentation.ml.estimators.level import Level


def _fit(*, rows, uplift, seed=0, rate=0.1):
    """`uplift`: of P(order), as a function of it."""
    rng = np.random.default_rng(seed)
    base = np.clip(rate * rng.gamma(2.0, 0.5, rows), 0.005, 0.5)
    treated = (rng.random(rows) < 0.5).astype(float)
    effect = uplift(base)
    ordered = rng.random(rows) < np.clip(base + (treated - 0.5) * effect, 0, 1)
    return Level.fit(
        base=base, lever=treated - 0.5, residual=ordered - base, variance=base * (1 - base)
    )


def test_much_data_tell_a_constant_from_a_rising_uplift():
    rare_and_regular = np.array([0.03, 0.25])
    same = _fit(rows=400_000, uplift=lambda base: 0.03 + 0 * base)
    rising = _fit(rows=400_000, uplift=lambda base: 0.04 + 0.01 * np.log(base / 0.1))

    for level, truth in ((same, (0.03, 0.03)), (rising, (0.028, 0.049))):
        uplift, deviation = level.predict(rare_and_regular)
        assert uplift == pytest.approx(truth, abs=4 * deviation.max())
        assert deviation.max() < 0.004


def test_little_data_leave_what_mails_usually_do():
    level = _fit(rows=20, uplift=lambda base: 0 * base)
    uplift, deviation = level.predict(np.array([level.rate]))

    assert uplift[0] == pytest.approx(0.3 * level.rate, abs=0.15 * level.rate)
    assert deviation[0] > 0.2 * level.rate  # and how little is known


def test_a_mail_that_takes_orders_away_is_found_out():
    level = _fit(rows=100_000, uplift=lambda base: -0.02 + 0 * base)

    assert np.all(level.predict(np.array([0.02, 0.1, 0.3]))[0] < 0)


def test_the_most_regular_buyers_count_alike():
    level = _fit(rows=1_000, uplift=lambda base: 0.2 * base)

    assert np.ptp(level.predict(level.rate * np.array([10.0, 12.0]))[0]) == 0


def test_document_round_trip_keeps_every_digit():
    level = _fit(rows=1_000, uplift=lambda base: 0.2 * base)
    again = Level.from_dict(json.loads(json.dumps(level.to_dict())))

    base = np.linspace(0.01, 0.5, 7)
    for first, second in zip(level.predict(base), again.predict(base), strict=True):
        assert first.tolist() == second.tolist()
