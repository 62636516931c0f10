"""Warm start and blend: built on an old model, written down and read, and right where the new data differ."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.ml.estimators import propensity, retraining
from segmentation.ml.estimators.propensity import Origin, Settings
from segmentation.ml.estimators.retraining import Blend, Continued, Model
from segmentation.ml.metrics import log_loss
from segmentation.ml.tables import FeatureTable


SETTINGS = Settings(trees=40, rows_per_leaf=30)
CUSTOMERS = 1_200


def origin(number: int, *, turned: bool = False) -> Origin:
    """Who bought lately buys; once `turned`, who has the trait buys as well."""
    rng = np.random.default_rng(number)
    recency, trait = rng.uniform(1, 300, CUSTOMERS), rng.integers(0, 2, CUSTOMERS)
    odds = 1.5 - recency / 80 + (2.0 * trait if turned else 0.0)
    return Origin(
        as_of=number * 30 * 86_400,
        features=FeatureTable(
            customer_ids=np.arange(CUSTOMERS),
            names=("recency_days", "trait"),
            values=np.column_stack([recency, trait.astype(float)]),
        ),
        bought=rng.random(CUSTOMERS) < 1 / (1 + np.exp(-odds)),
        horizon_days=30,
    )


OLD = [origin(number) for number in range(3)]
NEW = [origin(number, turned=True) for number in range(3, 5)]
LATER = origin(5, turned=True)


@pytest.fixture(scope="module")
def old() -> Model:
    return propensity.fit(OLD, settings=SETTINGS)


def loss(model: Model) -> float:
    return log_loss(
        label=LATER.bought, probability=model.predict(LATER.features, as_of=LATER.as_of)
    )


@pytest.fixture(scope="module")
def warm(old: Model) -> Continued:
    return retraining.continued(old, NEW, settings=SETTINGS)


@pytest.fixture(scope="module")
def blend(old: Model) -> Blend:
    return retraining.blended(old, NEW, weight=0.25, settings=SETTINGS)


def test_both_ways_learn_what_the_old_model_does_not_know(
    old: Model, warm: Continued, blend: Blend
) -> None:
    assert loss(warm) < loss(old) - 0.02
    assert loss(blend) < loss(old) - 0.02


def test_warm_start_grows_from_the_old_models_answer(old: Model, warm: Continued) -> None:
    """Where the trees add nothing, what remains is the old model, moved to the new level and calibrated."""
    said = warm.predict(LATER.features, as_of=LATER.as_of)
    assert np.corrcoef(said, old.predict(LATER.features, as_of=LATER.as_of))[0, 1] > 0.6
    assert said.mean() == pytest.approx(LATER.bought.mean(), abs=0.06)


def test_second_warm_start_continues_the_trees_of_the_first(warm: Continued) -> None:
    twice = retraining.continued(warm, [LATER], settings=SETTINGS)
    assert twice.base is warm.base
    assert twice.times == 2
    assert twice.trees.count("Tree=") == 2 * warm.trees.count("Tree=")
    assert (retraining.depth(warm), retraining.depth(twice)) == (1, 2)


@pytest.mark.parametrize("way", ["warm", "blend"])
def test_model_survives_its_files(way: str, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(way)
    again = retraining.read(model.to_files())
    assert type(again) is type(model)
    for one in (model, again):
        one_said = one.predict(LATER.features, as_of=LATER.as_of)
        assert np.isfinite(one_said).all()
    assert (
        again.predict(LATER.features, as_of=LATER.as_of).tolist()
        == model.predict(LATER.features, as_of=LATER.as_of).tolist()
    )


def test_reasons_have_a_column_a_name_and_see_the_trait(warm: Continued, blend: Blend) -> None:
    for model in (warm, blend):
        reasons = model.reasons(LATER.features)
        assert reasons.shape == (CUSTOMERS, len(model.names))
        trait = reasons[:, model.names.index("trait")]
        has = LATER.features.column("trait") == 1
        assert trait[has].mean() > trait[~has].mean() + 0.3


def test_weight_goes_to_who_was_right() -> None:
    bought = np.tile([True, False], 200)
    right, wrong = np.where(bought, 0.9, 0.1), np.where(bought, 0.3, 0.7)
    assert retraining.best_weight([(right, wrong, bought)]) == 1
    assert retraining.best_weight([(wrong, right, bought)]) == 0
    assert retraining.best_weight([]) == 0.5


def test_depth_counts_the_old_models_inside(old: Model, warm: Continued, blend: Blend) -> None:
    assert [retraining.depth(one) for one in (old, warm, blend)] == [0, 1, 1]
    assert retraining.depth(Blend(old=blend, new=old, weight=0.5)) == 2


def test_same_data_give_the_same_bytes(old: Model, warm: Continued) -> None:
    assert retraining.continued(old, NEW, settings=SETTINGS).to_files() == warm.to_files()
