from __future__ import annotations

import numpy as np

from segmentation.ml.records.columns import Records
from segmentation.ml.records.leaks import suspects


def test_columns_that_know_the_outcome_are_suspected_and_others_are_not() -> None:
    generator = np.random.default_rng(0)
    happened = generator.random(3_000) < 0.2
    noise = generator.normal(size=3_000)
    paid = np.where(happened & (noise > 0), np.exp(noise), 0.0)
    known = Records(
        rows=3_000,
        numbers={
            "nearly": happened + 0.1 * noise,
            "paid": paid,  # without exception, for half of those who bought
            "duration": noise,
            "age": happened * 0.5 + generator.normal(size=3_000),
        },
        words={"town": generator.choice(np.array(["a", "b"], dtype=object), 3_000)},
    )
    found = {one.column: one for one in suspects(known, happened=happened)}
    assert set(found) == {"nearly", "paid", "duration"}
    assert found["nearly"].certain
    assert found["paid"].certain
    assert not found["duration"].certain


def test_a_column_far_ahead_of_all_others_is_suspected() -> None:
    generator = np.random.default_rng(1)
    happened = generator.random(3_000) < 0.3
    known = Records(
        rows=3_000,
        numbers={
            "pages": 1.8 * happened + generator.normal(size=3_000),
            "age": generator.normal(size=3_000),
        },
        words={},
    )
    assert [one.column for one in suspects(known, happened=happened)] == ["pages"]
