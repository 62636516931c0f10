"""Purchase likelihood from the mirror to a verdict."""

import json

import numpy as np
import pytest

from segmentation.ml import metrics, training
from segmentation.ml.estimators import propensity
from segmentation.ml.estimators.propensity import Origin, PropensityModel, Settings
from segmentation.ml.features import MODEL_FEATURES
from segmentation.ml.report import Verdict
from segmentation.ml.splits import TooLittleHistoryError
from segmentation.ml.tables import FeatureTable
from segmentation.ml.training import Trained
from tests.segmentation.ml.estimators.shops import rhythmic_shop
from tests.segmentation.ml.mirrors import DAY, NOON, connect


SETTINGS = Settings(trees=60, rows_per_leaf=40)


def train(*, customers: int, seed: int = 1, days: int = 300, **changes) -> Trained:
    return training.train(
        connect(rhythmic_shop(customers=customers, seed=seed, days=days)),
        **{
            "task": "purchase_30d",
            "horizon_days": 30,
            "history_from": NOON - days * DAY,
            "known_at": NOON,
            "settings": SETTINGS,
            **changes,
        },
    )


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(customers=1_500)


def test_model_beats_recency_where_rhythm_matters(trained: Trained) -> None:
    report = trained.report
    assert report.verdict is Verdict.MODEL
    assert report.model["auc"] > report.baseline["auc"] + 0.02
    assert report.model["log_loss"] < report.baseline["log_loss"]
    assert report.loss_difference.high < 0
    assert "the model is better" in report.reason


def test_probabilities_are_calibrated_on_the_later_window(trained: Trained) -> None:
    assert trained.report.model["ece"] < 0.05
    assert trained.test_model.mean() == pytest.approx(trained.test_bought.mean(), abs=0.05)


def test_training_windows_close_before_the_test(trained: Trained) -> None:
    report = trained.report
    assert max(report.train_at) + 30 * DAY <= report.test_at == NOON - 30 * DAY
    assert (report.rows, report.positives) == (len(trained.test_ids), trained.test_bought.sum())
    assert report.train_positives < report.train_rows


def test_report_is_plain_json(trained: Trained) -> None:
    document = json.loads(json.dumps(trained.report.to_dict(), allow_nan=False))
    assert document["verdict"] == "MODEL"
    assert sum(one["rows"] for one in document["calibration"]) == document["rows"]


def test_same_seed_gives_the_same_bytes(trained: Trained) -> None:
    assert train(customers=1_500).model.to_files() == trained.model.to_files()


def test_model_survives_its_files(trained: Trained) -> None:
    again = PropensityModel.from_files(trained.model.to_files())
    table = table_of(connect(rhythmic_shop(customers=300, seed=5)))
    assert again.predict(table, as_of=NOON).tolist() == (
        trained.model.predict(table, as_of=NOON).tolist()
    )


def test_sample_of_customers_is_all_that_is_learned_from() -> None:
    result = train(customers=1_500, customer_ids=list(range(0, 1_500, 2)))
    assert set(result.test_ids % 2) == {0}


def test_baseline_gives_the_scores_where_nothing_can_be_learned() -> None:
    """Features of noise: the verdict stays with the recency rule."""
    rng = np.random.default_rng(4)

    def origin(as_of: int) -> Origin:
        recency = rng.uniform(1, 300, 1_000)
        features = FeatureTable(
            customer_ids=np.arange(1_000),
            names=("recency_days", "noise"),
            values=np.column_stack([recency, rng.normal(size=1_000)]),
        )
        return Origin(as_of=as_of, features=features, bought=rng.random(1_000) < 0.5)

    split = training.rolling_origins(history_from=0, known_at=300 * DAY, horizon_days=30)
    learn = [origin(as_of) for as_of in split.train_at]
    result = training.judge(
        learn, origin(split.test_at), task="noise", split=split, settings=SETTINGS
    )
    assert result.report.verdict is Verdict.BASELINE
    assert "no proof" in result.report.reason


def test_too_few_buyers_are_refused_in_words() -> None:
    result = train(customers=60)
    assert result.report.verdict is Verdict.REFUSED
    assert "50 of each are needed" in result.report.reason
    assert result.model is result.rule is None
    json.dumps(result.report.to_dict(), allow_nan=False)


def test_no_orders_before_the_cut_offs_is_refused_in_words() -> None:
    tables = rhythmic_shop(customers=100, seed=1)
    result = training.train(
        connect({"customers": tables["customers"]}),
        task="purchase_30d",
        horizon_days=30,
        history_from=NOON - 300 * DAY,
        known_at=NOON,
        settings=SETTINGS,
    )
    assert result.report.verdict is Verdict.REFUSED


def test_history_of_one_window_is_too_little() -> None:
    with pytest.raises(TooLittleHistoryError):
        train(customers=60, horizon_days=90, history_from=NOON - 200 * DAY)


# ------------------------------------------------------------------ the parts


def table_of(connection) -> FeatureTable:
    return training.eligible(
        FeatureTable.from_arrow(training.features.compute(connection, as_of=NOON))
    )


def test_eligible_are_customers_active_within_a_year() -> None:
    table = FeatureTable(
        customer_ids=np.arange(4),
        names=("recency_days", "orders"),
        values=np.array([[1, 1], [365, 3], [366, 3], [np.nan, 0]]),
    )
    assert training.eligible(table).customer_ids.tolist() == [0, 1]


def test_level_is_that_of_the_season_a_year_ago_else_the_newest() -> None:
    model = PropensityModel(
        names=(),
        trees="",
        rates=((0, 0.1), (30 * DAY, 0.2), (400 * DAY, 0.4)),
        calibration=(1.0, 1.0, 0.0),
    )
    assert model.level(365 * DAY) == 0.1
    assert model.level(390 * DAY) == 0.2
    assert model.level(430 * DAY) == 0.4


def test_model_refuses_a_table_without_its_features(trained: Trained) -> None:
    table = FeatureTable(
        customer_ids=np.arange(2), names=("orders",), values=np.array([[1.0], [2.0]])
    )
    with pytest.raises(KeyError, match="features missing"):
        trained.model.predict(table, as_of=NOON)


def test_large_history_is_thinned_by_customer() -> None:
    rng = np.random.default_rng(8)

    def origin(as_of: int, first: int) -> Origin:
        ids = np.arange(first, first + 4_000)
        features = FeatureTable(
            customer_ids=ids, names=("recency_days",), values=rng.random((4_000, 1))
        )
        return Origin(as_of=as_of, features=features, bought=rng.random(4_000) < 0.5)

    origins = [origin(0, 0), origin(1, 2_000)]
    kept = propensity._thinned(origins, settings=Settings(most_rows=2_000))
    first, second = (set(one.features.customer_ids) for one in kept)
    assert len(first) + len(second) == pytest.approx(2_000, rel=0.1)
    shared = set(range(2_000, 4_000))
    assert first & shared == second & shared
    assert [len(one.bought) for one in kept] == [len(first), len(second)]
    folds = propensity._fold(kept[0].features.customer_ids, 42)
    assert np.bincount(folds).min() > 0.4 * len(folds)
    assert propensity._thinned(origins, settings=Settings(most_rows=8_000)) is origins


def test_reasons_have_a_column_per_feature(trained: Trained) -> None:
    table = table_of(connect(rhythmic_shop(customers=30, seed=2)))
    assert trained.model.reasons(table).shape == (len(table), len(MODEL_FEATURES))


def test_beta_calibration_undoes_a_distortion() -> None:
    rng = np.random.default_rng(6)
    truth = rng.uniform(0.02, 0.9, 20_000)
    bought = rng.random(20_000) < truth
    bent = truth**2 / (truth**2 + (1 - truth))
    weights = propensity._beta_calibration(bent, bought)
    straight = propensity._calibrated(bent, weights)
    assert metrics.ece(label=bought, probability=bent) > 0.05
    assert metrics.ece(label=bought, probability=straight) < 0.012
    assert (np.diff(straight[np.argsort(bent)]) >= 0).all()


def test_labels_must_match_the_customers() -> None:
    table = FeatureTable(customer_ids=np.arange(2), names=("a",), values=np.zeros((2, 1)))
    with pytest.raises(ValueError, match="1 labels for 2 customers"):
        Origin(as_of=0, features=table, bought=np.array([True]))


@pytest.mark.parametrize(
    ("recency", "other"), [(5.0, 1.0), (5.0, np.nan)], ids=["all equal", "equal or unknown"]
)
def test_model_that_says_the_same_of_all_does_not_serve(recency: float, other: float) -> None:
    def origin(as_of: int) -> Origin:
        features = FeatureTable(
            customer_ids=np.arange(400), names=("recency_days", "other"),
            values=np.tile([[recency, other]], (400, 1)),
        )  # fmt: skip
        return Origin(as_of=as_of, features=features, bought=np.arange(400) % 3 == 0)

    split = training.rolling_origins(history_from=0, known_at=300 * DAY, horizon_days=30)
    result = training.judge(
        [origin(as_of) for as_of in split.train_at], origin(split.test_at), task="constant",
        split=split, settings=SETTINGS, trials=1,
    )  # fmt: skip
    assert result.report.verdict is Verdict.BASELINE
    assert "says the same of all" in result.report.reason
    assert json.dumps(result.report.to_dict(), allow_nan=False)


@pytest.mark.parametrize("buys", [True, False])
def test_one_class_only_is_refused_in_words(buys) -> None:
    rng = np.random.default_rng(1)

    def origin(as_of: int) -> Origin:
        features = FeatureTable(
            customer_ids=np.arange(400), names=("recency_days",),
            values=rng.uniform(1, 300, (400, 1)),
        )  # fmt: skip
        return Origin(as_of=as_of, features=features, bought=np.full(400, buys))

    split = training.rolling_origins(history_from=0, known_at=300 * DAY, horizon_days=30)
    result = training.judge(
        [origin(as_of) for as_of in split.train_at], origin(split.test_at), task="one class",
        split=split, settings=SETTINGS,
    )  # fmt: skip
    assert result.report.verdict is Verdict.REFUSED
    assert f"{400 if buys else 0} buyers and {0 if buys else 400} others" in result.report.reason
