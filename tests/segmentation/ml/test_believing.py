"""The whole way from logged rounds to the plan: does it leave "everybody" where that is right, and only there?"""

import numpy as np

from segmentation.ml.estimators.timing import Rounds
from segmentation.ml.estimators.uplift import UpliftModel
from segmentation.ml.policy import Economics, expected_profit


ECONOMICS = Economics(contact_cost_cents=2, unsubscribe_cost_cents=500, discount_share=0.05)
NAMES = ["recency_days", "orders", "visits_90d", *(f"feature_{number}" for number in range(9))]
ROWS, ALONE, VALUE = 8_000, 0.08, 6_000.0


def _plan(*, slope, seed, average=0.02):
    """Whom to mail, and what each mail truly earns: about 17 cents on average, unless said otherwise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, len(NAMES)))
    uplift = average + slope * np.clip(X[:, 2], -2, 2)
    treated = (rng.random(ROWS) < 0.5).astype(float)
    rounds = Rounds(
        X=X,
        treated=treated,
        propensity=np.full(ROWS, 0.5),
        ordered=(rng.random(ROWS) < np.clip(ALONE + treated * uplift, 0, 1)).astype(float),
        customer=np.arange(ROWS),
    )
    effects = UpliftModel.fit(rounds=rounds, names=NAMES, seed=seed).effects(X)
    value = VALUE * np.exp(rng.normal(0, 0.5, ROWS))
    money = {"margin_cents": 0.4 * value, "value_cents": value, "unsubscribe": 0.002}
    expectation = expected_profit(
        uplift=effects.uplift,
        deviation=effects.deviation,
        alone=effects.alone,
        economics=ECONOMICS,
        **money,
    )
    truth = expected_profit(
        uplift=uplift,
        deviation=np.zeros(ROWS),
        alone=np.full(ROWS, ALONE),
        economics=ECONOMICS,
        **money,
    )
    return expectation.pays, truth.profit_cents


def test_plan_keeps_what_everybody_earns_where_customers_do_not_differ():
    kept = []
    for seed in range(12):
        mailed, profit = _plan(slope=0.0, seed=seed)
        kept.append(profit[mailed].sum() / profit.sum())

    assert np.median(kept) > 0.95
    assert (
        np.mean(kept) > 0.85
    )  # the average effect is known to a third of itself, and may look like a loss


def test_plan_is_nobody_where_mails_lose_on_all_but_a_few():
    mailed, profit = _plan(slope=0.0, seed=0, average=-0.01)

    assert profit.sum() < 0
    assert mailed.mean() < 0.02


def test_plan_leaves_out_those_who_lose_money_where_customers_differ():
    for seed in range(3):
        mailed, profit = _plan(slope=0.04, seed=seed)

        assert 0.5 < mailed.mean() < 0.95
        assert profit[~mailed].mean() < 0
        assert profit[mailed].sum() > 1.1 * profit.sum()
