import numpy as np
import pytest

from segmentation.ml.policy import (
    Economics,
    Expectation,
    Exploration,
    OrderMoments,
    assign,
    assignment_probability,
    expected_profit,
    order_worth,
    within_budget,
)


ECONOMICS = Economics(contact_cost_cents=2, unsubscribe_cost_cents=800, discount_share=0.05)


def _expect(uplift, alone=0.1, deviation=0.0, values=4000.0, **belief):
    uplift = np.asarray(uplift, float)
    values = np.broadcast_to(np.asarray(values, float), uplift.shape)
    return expected_profit(
        uplift=uplift,
        deviation=np.full(len(uplift), deviation),
        alone=np.full(len(uplift), alone),
        margin_cents=values / 2,
        value_cents=values,
        unsubscribe=0.0025,
        economics=ECONOMICS,
        **belief,
    )


def test_expected_profit_by_hand():
    # 0.03 * 2000 margin - 0.13 * 5 % of 4000 voucher - 2 sending - 0.0025 * 800 unsubscribing
    assert _expect([0.03, 0.01]).profit_cents == pytest.approx([30.0, -6.0])


def test_expected_profit_agrees_with_the_simulators_formula():
    from customers.sources.simulation.parameters import ShopParameters
    from customers.sources.simulation.profit import incremental_profit

    mail = ShopParameters.load("regulars").mail
    rng = np.random.default_rng(0)
    alone, uplift = rng.random(50) * 0.3, rng.normal(0.01, 0.02, 50)
    margin, value, gone = rng.random(50) * 3000, rng.random(50) * 9000, rng.random(50) * 0.01
    mailed = np.clip(alone + uplift, 0, 1)

    truth = incremental_profit(
        organic=alone, mailed=mailed, bounce=np.zeros(50), unsubscribe=gone, margin_cents=margin,
        value_cents=value, discount_share=mail.discount_share, mail=mail,
    )  # fmt: skip
    ours = expected_profit(
        uplift=mailed - alone,
        deviation=np.zeros(50),
        alone=alone,
        margin_cents=margin,
        value_cents=value,
        unsubscribe=gone,
        economics=Economics(
            contact_cost_cents=mail.contact_cost_cents,
            unsubscribe_cost_cents=mail.unsubscribe_cost_cents,
            discount_share=mail.discount_share,
        ),
    )
    assert ours.profit_cents == pytest.approx(truth)


def test_budget_takes_the_best_that_pay():
    expectation = Expectation(
        profit_cents=np.array([5.0, -1.0, 9.0, 2.0, 7.0]), deviation_cents=np.ones(5)
    )

    assert within_budget(expectation, budget=2).tolist() == [False, False, True, False, True]
    assert within_budget(expectation, budget=9).tolist() == expectation.pays.tolist()
    assert not within_budget(expectation, budget=0).any()


def test_probabilities_without_a_model_are_a_coin_outside_the_holdout():
    probability = assignment_probability(audience=4, expectation=None, exploration=Exploration())

    assert probability == pytest.approx([0.45] * 4)


def test_probabilities_keep_everybody_open_and_rise_with_certainty():
    expectation = Expectation(
        profit_cents=np.array([-1000.0, 0.0, 1000.0]), deviation_cents=np.ones(3)
    )

    probability = assignment_probability(
        audience=3, expectation=expectation, exploration=Exploration()
    )

    # 0.9 outside the holdout: a tenth by coin, the rest within [0.05, 0.95]
    expected = [0.9 * (0.05 + 0.9 * share) for share in (0.05, 0.5, 0.95)]
    assert probability == pytest.approx(expected)


def test_assignment_has_the_logged_frequencies():
    rng = np.random.default_rng(0)
    expectation = Expectation(profit_cents=rng.normal(size=20), deviation_cents=np.ones(20))
    probability = assignment_probability(
        audience=20, expectation=expectation, exploration=Exploration()
    )

    draws = 4_000
    frequency = np.mean([assign(probability, rng.random(20)) for _ in range(draws)], axis=0)

    assert np.all(np.abs(frequency - probability) < 4.5 * np.sqrt(0.25 / draws))


def test_budget_holds_in_expectation():
    probability = assignment_probability(
        audience=100, expectation=None, exploration=Exploration(), budget=9
    )

    assert probability.sum() == pytest.approx(9)
    with pytest.raises(ValueError, match="Shares"):
        Exploration(holdout_share=1.0)


def test_order_worth_shrinks_short_histories_towards_the_mean():
    rng = np.random.default_rng(0)
    count = rng.integers(1, 12, 3_000).astype(float)
    personal = rng.normal(5_000, 800, 3_000)
    baskets = [personal[i] + rng.normal(0, 1_500, int(count[i])) for i in range(3_000)]
    revenue = np.array([basket.sum() for basket in baskets])
    deviation = np.array([b.std(ddof=1) if len(b) > 1 else np.nan for b in baskets])

    margin, value = order_worth(
        orders=count,
        revenue_cents=revenue,
        margin_cents=0.4 * revenue,
        discount_share=np.zeros(3_000),
        deviation_cents=deviation,
    )

    own = revenue / count
    assert np.mean((value - personal) ** 2) < 0.6 * np.mean((own - personal) ** 2)
    assert margin == pytest.approx(0.4 * value)


def test_order_worth_of_people_without_orders_is_the_mean():
    zero = np.zeros(3)
    margin, value = order_worth(
        orders=np.array([0.0, 1.0, 1.0]),
        revenue_cents=np.array([0.0, 1000.0, 3000.0]),
        margin_cents=np.array([0.0, 400.0, 1200.0]),
        discount_share=zero,
        deviation_cents=np.full(3, np.nan),
    )

    assert value[0] == pytest.approx(2000)
    assert margin[0] == pytest.approx(800)


def test_order_worth_by_moments_of_parts_is_that_of_everybody():
    rng = np.random.default_rng(1)
    orders = rng.integers(0, 6, 500).astype(float)
    paid = {
        "orders": orders,
        "revenue_cents": orders * rng.uniform(500, 9_000, 500),
        "margin_cents": orders * rng.uniform(100, 900, 500),
        "discount_share": np.where(orders > 0, rng.uniform(0, 0.4, 500), np.nan),
        "deviation_cents": np.where(orders > 1, rng.uniform(0, 900, 500), np.nan),
    }
    nobody = OrderMoments.of(**{name: values[:0] for name, values in paid.items()})
    parts = [
        {name: values[start : start + 120] for name, values in paid.items()}
        for start in range(0, 500, 120)
    ]

    moments = sum((OrderMoments.of(**part) for part in parts), start=nobody)
    said = [order_worth(**part, moments=moments) for part in parts]

    for number, whole in enumerate(order_worth(**paid)):
        together = np.concatenate([one[number] for one in said])
        assert together == pytest.approx(whole, rel=1e-12)
