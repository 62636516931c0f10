"""Models must not tell who was in their training; one that remembers is found."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.ml import membership_attack
from segmentation.ml.estimators.propensity import Origin, Settings
from segmentation.ml.features import MODEL_FEATURES
from segmentation.ml.metrics import log_losses
from segmentation.ml.tables import FeatureTable


def origin(rows: int, *, seed: int = 1, share: float = 0.3) -> Origin:
    """Customers whose orders hang on recency and chance."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, 20.0, size=(rows, len(MODEL_FEATURES)))
    first = values[:, 0]
    bought = rng.random(rows) < share * 2 / (1 + np.exp((first - 40) / 10))
    table = FeatureTable(customer_ids=np.arange(rows), names=tuple(MODEL_FEATURES), values=values)
    return Origin(as_of=1_700_000_000, features=table, bought=bought)


def test_the_shipped_estimator_does_not_tell_who_was_in_its_training() -> None:
    found = membership_attack.attack(origin(3_000), settings=Settings(seed=3))
    assert found is not None
    assert found.rows == 3_000
    assert 0.45 < found.auc <= membership_attack.LIMIT
    assert not found.remembers


def test_an_estimator_that_remembers_is_found() -> None:
    """As many leaves as customers: the tree is a list of who bought."""
    greedy = Settings(seed=3, trees=100, learning_rate=0.3, leaves=200, rows_per_leaf=1)
    found = membership_attack.attack(origin(600), settings=greedy)
    assert found is not None
    assert found.remembers


def test_a_list_of_everybody_is_told_with_certainty() -> None:
    rng = np.random.default_rng(4)
    bought, is_member = rng.random(2_000) < 0.3, rng.random(2_000) < 0.5
    said = np.where(is_member, bought, 0.3)
    losses = log_losses(label=bought, probability=said)
    assert membership_attack.leak_of(losses=losses, is_member=is_member) > 0.99


@pytest.mark.parametrize(("rows", "share"), [(150, 0.3), (1_000, 0.0)])
def test_too_few_are_not_judged(rows: int, share: float) -> None:
    assert membership_attack.attack(origin(rows, share=share), settings=Settings()) is None
