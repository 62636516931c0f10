"""The recency rule."""

import json

import numpy as np

from segmentation.ml.estimators.baselines import RecencyRule


DAYS = np.linspace(1, 300, 4_000)
BOUGHT = np.random.default_rng(0).random(4_000) < np.exp(-DAYS / 100)
RULE = RecencyRule.fit(recency_days=DAYS, bought=BOUGHT)


def test_rule_follows_the_rate_and_never_rises() -> None:
    days = np.array([25.0, 50, 100, 200, 290])
    np.testing.assert_allclose(RULE.predict(days), np.exp(-days / 100), atol=0.06)
    assert (np.diff(RULE.predict(np.arange(400.0))) <= 0).all()


def test_rule_never_says_never_or_always() -> None:
    rule = RecencyRule.fit(recency_days=DAYS, bought=DAYS < 150)
    assert 0 < rule.predict(np.array([1e6]))[0] < rule.predict(np.array([0.0]))[0] < 1


def test_customer_without_an_order_gets_the_lowest() -> None:
    assert RULE.predict(np.array([np.nan])) == RULE.probability.min()


def test_equal_recencies_are_no_error() -> None:
    rule = RecencyRule.fit(recency_days=np.full(100, 7.0), bought=np.arange(100) < 20)
    assert 0.19 < rule.predict(np.array([7.0]))[0] < 0.22


def test_rule_survives_json() -> None:
    again = RecencyRule.from_dict(json.loads(json.dumps(RULE.to_dict())))
    assert again.predict(DAYS).tolist() == RULE.predict(DAYS).tolist()
