from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segmentation.ml.records.columns import Records
from segmentation.ml.records.encoding import Encoder


def made(**columns: Any) -> Records:
    numbers = {n: np.asarray(v, float) for n, v in columns.items() if not isinstance(v[0], str)}
    words = {n: np.asarray(v, object) for n, v in columns.items() if isinstance(v[0], str)}
    return Records(rows=len(next(iter(columns.values()))), numbers=numbers, words=words)


def test_columns_that_teach_nothing_are_left_out_and_it_is_said_why() -> None:
    rows = np.arange(100)
    encoder = Encoder.fit(
        made(
            customer_id=rows[::-1] * 7,
            same=np.ones(100),
            empty=np.full(100, np.nan),
            name=[f"N{row}" for row in rows],
            town=["a", "b"] * 50,
            amount=np.random.default_rng(0).normal(size=100),
        )
    )
    assert set(encoder.names) == {"town", "amount"}
    assert set(encoder.left_out) == {"customer_id", "same", "empty", "name"}


def test_a_design_has_no_gaps_for_linear_models_whatever_comes() -> None:
    train = made(age=np.r_[np.nan, np.arange(99)], town=["a"] * 60 + ["b"] * 30 + ["rare"] * 10)
    encoder = Encoder.fit(train)
    strange = made(age=[np.nan, 1e300, -1e300], town=["never", "", "a"])
    design = encoder.transform(strange)
    assert np.isfinite(design.linear).all()
    assert np.abs(design.linear).max() <= 8
    assert np.isnan(design.trees[0, 0])
    # what was never seen is what was rare
    rare = encoder.transform(made(age=[5.0], town=["rare"]))
    never = encoder.transform(made(age=[5.0], town=["never"]))
    assert np.array_equal(rare.linear, never.linear)


def test_training_rows_are_standardised_and_other_rows_do_not_change_that() -> None:
    generator = np.random.default_rng(1)
    train = made(spent=np.exp(generator.normal(3, 1, 500)), age=generator.normal(40, 9, 500))
    encoder = Encoder.fit(train)
    linear = encoder.transform(train).linear
    assert linear.mean(axis=0) == pytest.approx(np.zeros(linear.shape[1]), abs=0.05)
    one = train.take(np.arange(10))
    assert np.array_equal(encoder.transform(one).linear, linear[:10])


def test_values_that_no_training_row_has_are_counted() -> None:
    encoder = Encoder.fit(made(town=["a", "b"] * 50))
    assert encoder.unseen(made(town=["a", "c", "c"])) == {"town": 2}


def test_without_any_column_that_varies_it_refuses() -> None:
    with pytest.raises(ValueError, match="always the same"):
        Encoder.fit(made(same=[1.0, 1.0], town=["a", "a"]))
