"""What customers will do: on shops whose truth is known, with little data and with odd data."""

import json

import numpy as np
import pytest

from segmentation.ml import lifetime
from segmentation.ml.estimators.levels import Levels
from segmentation.ml.features import MODEL_FEATURES
from segmentation.ml.lifetime import Settings, ValueModel
from segmentation.ml.lifetime.measures import coverage, forecast_metrics
from segmentation.ml.lifetime.spread import Spread
from segmentation.ml.report import Verdict
from segmentation.ml.tables import FeatureTable
from tests.segmentation.ml.estimators.shops import rhythmic_shop
from tests.segmentation.ml.mirrors import DAY, NOON, connect


SETTINGS = Settings(trees=25)
CUT = NOON - 60 * DAY


@pytest.fixture(scope="module")
def mirror():
    return connect(rhythmic_shop(customers=1_200, seed=5))


@pytest.fixture(scope="module")
def model(mirror) -> ValueModel:
    return lifetime.learn(mirror, known_at=CUT, horizon_days=60, settings=SETTINGS)


@pytest.fixture(scope="module")
def test_window(mirror) -> lifetime.Origin:
    return lifetime.observe(mirror, as_of=CUT, window_days=60, known_at=NOON)


def test_forecasts_are_better_than_none_and_at_the_right_level(model, test_window) -> None:
    said = model.predict(test_window.features, as_of=CUT)
    measured = forecast_metrics(
        actual=test_window.orders, mean=said.expected_orders, median=said.median_orders
    )
    assert measured["gini"] > 0.5
    assert abs(measured["total_error"]) < 0.15
    assert measured["median_mae"] < measured["mae_of_zero"]
    inside = coverage(actual=test_window.spend_cents, low=said.low_cents, high=said.high_cents)
    assert 0.7 < inside < 0.92


def test_numbers_of_a_customer_fit_together(model, test_window) -> None:
    said = model.predict(test_window.features, as_of=CUT)
    assert (said.low_cents <= said.high_cents).all()
    assert (said.expected_orders >= said.p_buy - 1e-12).all()
    assert ((said.median_orders == 0) == (said.p_buy <= 0.5)).all()
    assert ((said.p_buy > 0) & (said.p_buy < 1)).all()
    # as likely as not within the horizon: then the date lies within it
    likely = said.p_buy > 0.55
    assert likely.any()
    assert (said.next_order_days[likely] <= 60).all()
    assert not (said.next_order_days[said.p_buy < 0.45] < 60).any()


def test_a_longer_horizon_promises_more(model, test_window) -> None:
    short = model.predict(test_window.features, as_of=CUT, horizon_days=30)
    long = model.predict(test_window.features, as_of=CUT, horizon_days=365)
    assert (long.expected_orders > short.expected_orders).all()
    assert (long.expected_spend_cents > short.expected_spend_cents).all()
    with pytest.raises(ValueError, match="positive number of days"):
        model.predict(test_window.features, as_of=CUT, horizon_days=0)


def test_files_give_the_same_model_back_and_learning_is_repeatable(
    mirror, model, test_window
) -> None:
    files = model.to_files()
    again = ValueModel.from_files(files)
    first, second = (one.predict(test_window.features, as_of=CUT) for one in (model, again))
    for name in (
        "expected_orders",
        "expected_spend_cents",
        "high_cents",
        "p_buy",
        "next_order_days",
    ):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert again.to_files() == files
    anew = lifetime.learn(mirror, known_at=CUT, horizon_days=60, settings=SETTINGS)
    assert anew.to_files() == files


def test_what_comes_after_the_cut_is_not_seen(model) -> None:
    tables = rhythmic_shop(customers=1_200, seed=5)
    orders = tables["orders"]
    tables["orders"] = orders.filter(np.array(orders["placed_at"]) < CUT)
    blind = lifetime.learn(connect(tables), known_at=CUT, horizon_days=60, settings=SETTINGS)
    assert blind.to_files() == model.to_files()


def test_contributions_go_by_features_that_a_person_can_be_shown(model, test_window) -> None:
    names, parts = model.contributions(test_window.features)
    assert parts.shape == (len(test_window.features), len(names))
    assert np.isfinite(parts).all()
    assert np.abs(parts).sum() > 0
    assert not any(name.startswith("btyd") for name in names)
    names, parts = model.without_trees().contributions(test_window.features)
    assert (names, parts.shape[1]) == ((), 0)


def test_reasons_are_sentences(model, test_window) -> None:
    few = test_window.features.rows(np.arange(len(test_window)) < 5)
    told = model.reasons(few)
    assert len(told) == 5
    assert all("order" in one for one in model.without_trees().reasons(few))


def test_report_compares_with_rhythm_alone(mirror) -> None:
    report = lifetime.judge(mirror, known_at=NOON, horizon_days=60, settings=SETTINGS)
    assert report.verdict in (Verdict.MODEL, Verdict.BASELINE)
    assert report.buyers > 50
    assert len(report.deciles) == 10
    assert report.covered is not None
    json.dumps(report.to_dict(), allow_nan=False)


# ------------------------------------------------------------------ little data, odd data


def test_short_history_is_told_and_rhythm_serves() -> None:
    mirror = connect(rhythmic_shop(customers=300, seed=2, days=20))
    model = lifetime.learn(mirror, known_at=NOON, horizon_days=90, settings=SETTINGS)
    assert "too short to look back" in model.reason
    said = model.predict(lifetime.customers(mirror, as_of=NOON), as_of=NOON)
    assert len(np.unique(said.expected_orders)) > 10
    report = lifetime.judge(mirror, known_at=NOON, horizon_days=90, settings=SETTINGS)
    assert report.verdict is Verdict.REFUSED


def test_few_buyers_get_no_trees() -> None:
    mirror = connect(rhythmic_shop(customers=25, seed=2))
    model = lifetime.learn(mirror, known_at=NOON, horizon_days=30, settings=SETTINGS)
    assert not model.trees
    assert "are needed for trees" in model.reason
    said = model.predict(lifetime.customers(mirror, as_of=NOON), as_of=NOON)
    assert np.isfinite(said.expected_spend_cents).all()


def test_a_shop_without_customers_has_no_futures() -> None:
    mirror = connect({})
    model = lifetime.learn(mirror, known_at=NOON, horizon_days=30, settings=SETTINGS)
    assert len(model.predict(lifetime.customers(mirror, as_of=NOON), as_of=NOON)) == 0


@pytest.mark.parametrize("orders", [0.0, 1.0])
def test_windows_in_which_all_did_the_same_are_survived(orders: float, test_window) -> None:
    features = test_window.features
    origin = lifetime.Origin(
        as_of=CUT - 60 * DAY, window_days=60, features=features,
        orders=np.full(len(features), orders), spend_cents=np.full(len(features), 900 * orders),
    )  # fmt: skip
    model = ValueModel.fit([origin], now=features, horizon_days=60, settings=SETTINGS)
    said = model.predict(features, as_of=CUT)
    assert (said.p_buy < 0.1).all() if orders == 0 else said.p_buy.mean() > 0.9


def test_customers_who_are_all_alike_get_the_same() -> None:
    values = np.full((300, len(MODEL_FEATURES)), 5.0)
    for name, value in (("tenure_days", 90.0), ("recency_days", 30.0), ("order_days", 3.0)):
        values[:, MODEL_FEATURES.index(name)] = value
    table = FeatureTable(customer_ids=np.arange(300), names=MODEL_FEATURES, values=values)
    bought = (np.arange(300) % 3 == 0).astype(float)
    origin = lifetime.Origin(
        as_of=0, window_days=30, features=table, orders=bought, spend_cents=bought * 1_000
    )
    model = ValueModel.fit([origin] * 3, now=table, horizon_days=30, settings=SETTINGS)
    said = model.predict(table, as_of=DAY)
    assert np.ptp(said.expected_orders) == 0
    assert said.p_buy[0] == pytest.approx(1 / 3, abs=0.08)


# ------------------------------------------------------------------ the parts


def test_level_follows_the_season_and_else_what_agreed() -> None:
    year = 365 * DAY
    levels = Levels.of([(0, 60, 0.5), (90 * DAY, 60, -0.5), (200 * DAY, 60, 0.4)])
    assert levels.at(year, ahead=60) == 0.5
    assert levels.at(year, ahead=300) != 0.5  # only a part of that season was seen
    agreed = Levels.of([(n * 90 * DAY, 60, 0.3) for n in range(3)]).at(300 * DAY, ahead=60)
    torn = Levels.of([(n * 90 * DAY, 60, 0.3 + (-1) ** n) for n in range(3)]).at(
        300 * DAY, ahead=60
    )
    assert 0.2 < agreed < 0.3
    assert abs(torn) < 0.15
    assert Levels.of([]).at(0, ahead=30) == 0


def test_intervals_hold_what_they_should() -> None:
    rng = np.random.default_rng(4)
    p, mean = rng.uniform(0.2, 1, 20_000), rng.lognormal(3, 0.5, 20_000)
    actual = np.where(rng.random(20_000) < p, mean * rng.lognormal(-0.125, 0.5, 20_000), 0)
    spread = Spread.fit(expected=mean * p, p_buy=p, actual=actual)
    low, high = spread.interval(expected=mean * p, p_buy=p)
    wide = high > 0
    assert 0.78 < coverage(actual=actual[wide], low=low[wide], high=high[wide]) < 0.82
    median = spread.quantile(0.5, expected=mean * p, p_buy=p)
    assert np.mean(actual <= median) == pytest.approx(0.5, abs=0.06)
    assert (median[p < 0.5] == 0).all()


def test_moments_close_before_the_cut_and_hold_the_season_a_year_ago() -> None:
    at = lifetime.moments(history_from=NOON - 800 * DAY, known_at=NOON, horizon_days=90)
    assert all(as_of + days * DAY <= NOON for as_of, days in at)
    assert any(abs((NOON - as_of) / DAY - 365.25) < 1 and days == 90 for as_of, days in at)
    short = lifetime.moments(history_from=NOON - 273 * DAY, known_at=NOON, horizon_days=273)
    assert [as_of + days * DAY for as_of, days in short] == [NOON] * len(short)
    with pytest.raises(lifetime.TooLittleHistoryError, match="20 days of history"):
        lifetime.moments(history_from=NOON - 20 * DAY, known_at=NOON, horizon_days=30)
