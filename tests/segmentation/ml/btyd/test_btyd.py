"""The likelihoods against published estimates, closed forms and the traps of other implementations."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import hyp2f1

from segmentation.ml import btyd
from segmentation.ml.btyd import BetaGeometric, GammaGamma, Histories, Pareto, chain
from segmentation.ml.btyd import geometric as geometric_module
from segmentation.ml.btyd import pareto as pareto_module
from segmentation.ml.btyd.optimum import NotFoundError


@pytest.fixture(scope="session")
def cdnow(shared_data: Path) -> Histories:
    """The 2,357 customers of the published sample, in weeks."""
    table = np.genfromtxt(
        shared_data / "cdnow" / "cdnow_customers_summary.csv", delimiter=",", names=True
    )
    return Histories(repeats=table["frequency"], last=table["recency"], age=table["T"])


def shop(customers: int = 3_000, seed: int = 1) -> Histories:
    """Customers who order at their own rate and leave at their own time; days."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.6, 1 / 60, customers)
    leaves = rng.exponential(1 / rng.gamma(0.8, 1 / 120, customers).clip(1e-9))
    age = rng.uniform(100, 360, customers)
    until = np.minimum(age, leaves)
    repeats = rng.poisson(rate * until).astype(float)
    last = np.where(repeats > 0, until * rng.random(customers) ** (1 / np.maximum(repeats, 1)), 0)
    return Histories(repeats=repeats, last=last, age=age)


# ------------------------------------------------------------------ published figures


def test_bg_gives_the_published_estimates(cdnow: Histories) -> None:
    found = BetaGeometric.fit(cdnow, modified=False)
    assert (found.r, found.alpha, found.a, found.b) == pytest.approx(
        (0.243, 4.414, 0.793, 2.426), abs=6e-4
    )
    assert found.log_likelihood(cdnow) == pytest.approx(-9582.4, abs=0.05)


def test_pareto_gives_the_published_estimates(cdnow: Histories) -> None:
    found = Pareto.fit(cdnow)
    assert (found.r, found.alpha, found.s, found.beta) == pytest.approx(
        (0.553, 10.578, 0.606, 11.669), abs=1.5e-3
    )
    assert found.log_likelihood(cdnow) == pytest.approx(-9595.0, abs=0.05)


def test_alive_by_bg_is_no_churn_score_and_silence_is(cdnow: Histories) -> None:
    once = cdnow.repeats == 0
    plain = BetaGeometric.fit(cdnow, modified=False)
    assert (plain.alive(cdnow)[once] == 1).all()
    modified = BetaGeometric.fit(cdnow, modified=True)
    assert modified.alive(cdnow)[once].max() < 0.5
    assert Pareto.fit(cdnow).alive(cdnow)[once].max() < 0.5


def test_likelihood_is_that_of_the_modified_model_at_its_own_estimates() -> None:
    one = Histories(repeats=np.zeros(1), last=np.zeros(1), age=np.full(1, 10.0))
    model = BetaGeometric(r=0.5, alpha=6.0, a=0.9, b=1.6, modified=True)
    # nothing in 10 weeks: never came alive again, or alive and silent
    stays = 1.6 / 2.5 * (6 / 16) ** 0.5
    assert model.log_likelihood(one) == pytest.approx(np.log(0.9 / 2.5 + stays))


# ------------------------------------------------------------------ mathematics


def test_gradients_agree_with_differences() -> None:
    histories = shop(400)
    at = np.log([0.4, 0.2, 0.7, 1.1])
    for target in (
        geometric_module._Scaled.of(histories, unit=360, modified=True),
        geometric_module._Scaled.of(histories, unit=360, modified=False),
        pareto_module._Scaled.of(histories, unit=360),
    ):
        slope = approx_fprime(at, lambda logs, target=target: target(logs)[0], 1e-6)
        np.testing.assert_allclose(target(at)[1], slope, rtol=2e-3, atol=0.05)


@pytest.mark.parametrize("modified", [True, False])
def test_expectation_is_the_published_closed_form(*, modified: bool) -> None:
    histories, ahead = shop(500), 90.0
    m = BetaGeometric(r=0.4, alpha=40.0, a=0.7, b=2.3, modified=modified)
    x, last, age = histories.repeats, histories.last, histories.age
    b = m.b + modified
    grown = ((m.alpha + age) / (m.alpha + age + ahead)) ** (m.r + x)
    series = hyp2f1(m.r + x, b + x, m.a + b + x - 1, ahead / (m.alpha + age + ahead))
    left = m.a / (b + np.maximum(x, 1 - modified) - 1)
    odds = left * ((m.alpha + age) / (m.alpha + last)) ** (m.r + x)
    closed = (m.a + b + x - 1) / (m.a - 1) * (1 - grown * series)
    closed /= 1 + np.where(modified | (x > 0), odds, 0)
    np.testing.assert_allclose(m.expected(histories, ahead=ahead), closed, rtol=1e-8)


def test_expectations_are_finite_for_wholesalers_and_at_the_pole() -> None:
    """The closed form is 0 / 0 at a = 1 and overflows for many orders."""
    many = Histories(
        repeats=np.array([0.0, 900, 5_000]), last=np.array([0.0, 300, 359]), age=np.full(3, 360.0)
    )
    for model in (
        BetaGeometric(r=0.5, alpha=30.0, a=1.0, b=2.0, modified=True),
        BetaGeometric(r=0.5, alpha=30.0, a=1.0, b=2.0, modified=False),
        Pareto(r=0.5, alpha=30.0, s=1.0, beta=50.0),
    ):
        said = model.expected(many, ahead=180.0)
        assert np.isfinite(said).all()
        assert (said >= 0).all()
        assert said[2] < 5_000 / 360 * 180 * 1.05
        assert (np.diff(said) > 0).all() or said[1] < said[0] + 1e-9 or said[2] > said[1]


@pytest.mark.parametrize("name", chain.CHAIN)
def test_silence_falls_with_time_and_agrees_with_expected_orders(name: str) -> None:
    histories = shop(800)
    fitted = btyd.fit(histories, ahead=60.0, chain=(name,))
    assert fitted.name == name
    silences = [fitted.model.log_silence(histories, ahead=float(d)) for d in (1, 30, 60, 400)]
    assert all((after <= before).all() for before, after in pairwise(silences))
    # P(an order) is at most the expected number of orders
    expected = fitted.model.expected(histories, ahead=60.0)
    assert (1 - np.exp(silences[2]) <= expected * (1 + 1e-6) + 1e-9).all()


# ------------------------------------------------------------------ the chain


def test_infinite_and_absurd_expectations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = shop(800)
    absurd = BetaGeometric(r=50.0, alpha=1.0, a=0.01, b=50.0, modified=False)
    assert "promises" in chain.check(absurd, histories, ahead=90.0)
    broken = BetaGeometric(r=float("nan"), alpha=1.0, a=1.0, b=1.0, modified=False)
    assert "finite" in chain.check(broken, histories, ahead=90.0)
    monkeypatch.setitem(chain._FITS, chain.PARETO, lambda *_: broken)
    monkeypatch.setitem(chain._FITS, chain.MODIFIED, lambda *_: absurd)
    found = btyd.fit(histories, ahead=90.0)
    assert found.name == chain.PLAIN
    assert "MBG/NBD: it promises" in found.reason

    def never(*_: object) -> None:
        raise NotFoundError("no maximum")

    monkeypatch.setitem(chain._FITS, chain.PLAIN, never)
    last = btyd.fit(histories, ahead=90.0)
    assert last.name == chain.STEADY
    assert np.isfinite(last.model.expected(histories, ahead=90.0)).all()


def test_few_customers_are_pulled_to_the_usual_and_fewer_get_a_rate() -> None:
    some = btyd.fit(shop(80), ahead=60.0)
    assert "pulled to what shops usually show" in some.reason
    few = btyd.fit(shop(8), ahead=60.0)
    assert few.name == chain.STEADY
    assert "10 are needed" in few.reason
    said = few.model.expected(shop(8), ahead=60.0)
    assert len(np.unique(said)) > 1  # no silent constant
    nobody = btyd.fit(shop(0), ahead=60.0)
    assert len(nobody.model.expected(shop(0), ahead=60.0)) == 0


def test_fits_do_not_depend_on_the_start_and_are_repeatable() -> None:
    histories = shop(2_000)
    first = Pareto.fit(histories)
    assert first == Pareto.fit(histories)
    other = Pareto.fit(histories, start=Pareto(r=1.0, alpha=50.0, s=1.0, beta=100.0))
    assert other.log_likelihood(histories) == pytest.approx(
        first.log_likelihood(histories), abs=0.05
    )


def test_histories_that_cannot_be_are_refused() -> None:
    for wrong in (
        {"last": np.array([5.0])},
        {"repeats": np.array([-1.0])},
        {"age": np.array([np.nan])},
    ):
        given = {"repeats": np.ones(1), "last": np.ones(1), "age": np.full(1, 2.0), **wrong}
        with pytest.raises(ValueError, match=r"finite|needed"):
            Histories(**given)


# ------------------------------------------------------------------ money


def test_baskets_shrink_to_the_shop_and_first_orders_count() -> None:
    rng = np.random.default_rng(3)
    usual = rng.gamma(4.0, 10.0, 2_000)
    orders = 1.0 + rng.poisson(2, 2_000)
    mean = np.array([rng.gamma(2.0 * n, m / (2.0 * n)) for n, m in zip(orders, usual, strict=True)])
    model = GammaGamma.fit(orders=orders, mean=mean)
    said = model.expected(orders=np.array([1.0, 1, 50, 0]), mean=np.array([20.0, 80, 80, np.nan]))
    assert 20 < said[0] < said[1] < said[2] < 80
    assert said[3] == pytest.approx(usual.mean(), rel=0.2)


def test_baskets_of_nobody_and_of_nothing_are_finite() -> None:
    for orders, mean in (([], []), ([1.0], [0.0]), ([2.0] * 30, [10.0] * 30), ([1.0, 1], [5.0, 9])):
        model = GammaGamma.fit(orders=np.array(orders), mean=np.array(mean))
        said = model.expected(orders=np.array([1.0, 0.0]), mean=np.array([10.0, np.nan]))
        assert np.isfinite(said).all()
