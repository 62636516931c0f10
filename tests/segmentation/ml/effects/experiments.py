"""Experiments of which the truth is known."""

from __future__ import annotations

import numpy as np

from segmentation.ml.effects.experiment import Experiment
from segmentation.ml.records.columns import Records
from segmentation.ml.records.encoding import Encoder
from segmentation.ml.tables import Floats


def records(*, rows: int, seed: int) -> Records:
    generator = np.random.default_rng(seed)
    return Records(
        rows=rows,
        numbers={
            "age": generator.normal(40, 10, rows).round(),
            "spent": np.exp(generator.normal(4, 1, rows)),
        },
        words={"town": generator.choice(np.array(["north", "south", "west"], dtype=object), rows)},
    )


def experiment(
    *, rows: int, seed: int, slope: float, share: float = 0.5, money: bool = False
) -> tuple[Experiment, Floats]:
    """Visits of 20 %, 5 points more if treated and `slope` more for each ten years of age; and the true effect."""
    generator = np.random.default_rng(seed + 1)
    known = records(rows=rows, seed=seed)
    age = (known.numbers["age"] - 40) / 10
    effect = np.clip(0.05 + slope * age, -0.15, 0.6)
    treated = (generator.random(rows) < share).astype(float)
    outcome = (generator.random(rows) < 0.2 + treated * effect).astype(float)
    if money:
        worth = np.exp(generator.normal(3, 0.5, rows))
        outcome, effect = outcome * worth, effect * np.exp(3.125)
    design = Encoder.fit(known).transform(known)
    return (
        Experiment(
            design=design,
            outcome=outcome,
            treated=treated,
            propensity=np.full(rows, float(treated.mean())),
        ),
        effect,
    )
