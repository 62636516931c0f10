from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from segmentation.ml import metrics
from segmentation.ml.contacts.model import ContactModel
from segmentation.ml.records.columns import Records
from segmentation.ml.tables import Floats


def answers(*, rows: int, seed: int) -> tuple[Records, Floats, Floats]:
    """Records, answers, and their true probabilities."""
    generator = np.random.default_rng(seed)
    age, spent = generator.normal(size=rows), np.exp(generator.normal(size=rows))
    p = expit(-2 + age + 1.5 * ((spent > 1.5) & (age > 0)))
    known = Records(rows=rows, numbers={"age": age, "spent": spent}, words={})
    return known, (generator.random(rows) < p).astype(float), p


def test_probabilities_are_near_the_truth_and_calibrated() -> None:
    known, label, _ = answers(rows=3_000, seed=1)
    asked, came, truth = answers(rows=3_000, seed=2)
    model = ContactModel.fit(known, label, seed=42)
    said = model.predict(asked)
    best = metrics.auc(label=came, score=truth)
    assert metrics.auc(label=came, score=said) > best - 0.02
    assert metrics.ece(label=came, probability=said) < 0.04
    assert said.mean() == pytest.approx(truth.mean(), abs=0.03)
    assert model.weights.min() >= 0
    inner = model.inner["blend"]["log_loss"]
    assert (
        inner
        <= min(model.inner[name]["log_loss"] for name in ("logistic", "boosted trees")) + 0.002
    )


def test_without_signal_everybody_gets_about_the_rate() -> None:
    generator = np.random.default_rng(3)
    known, _, _ = answers(rows=1_000, seed=3)
    label = (generator.random(1_000) < 0.3).astype(float)
    said = ContactModel.fit(known, label, seed=42).predict(known)
    assert said.mean() == pytest.approx(label.mean(), abs=0.03)
    assert said.std() < 0.1


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (np.zeros(300), "one class only"),
        (np.r_[np.ones(5), np.zeros(295)], "only 5 positive rows"),
        (np.r_[np.ones(30), np.zeros(30)], "only 60 rows"),
    ],
)
def test_too_little_to_learn_from_is_refused(label: Floats, said: str) -> None:
    known, _, _ = answers(rows=len(label), seed=1)
    with pytest.raises(ValueError, match=said):
        ContactModel.fit(known, label, seed=42)
