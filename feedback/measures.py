"""The measures of models in words: what each is called, what it means, how it is written, and which way is better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from customers import display
from feedback.reports.model_versions import Measure


class Best(Enum):
    HIGH = "HIGH"
    LOW = "LOW"
    ZERO = "ZERO"  # an error with a sign
    NONE = "NONE"  # it says something, not how good the model is


def _three_digits(value: float) -> str:
    return display.number(value, decimals=3)


def _signed_percent(share: float) -> str:
    return f"{'+' if round(share, 3) > 0 else ''}{display.percent(share)}"


def _two_points(share: float) -> str:
    return display.points(share, decimals=2)


def _percent_points(share: float) -> str:
    return display.number(share * 100, decimals=2)


def _small_percent(share: float) -> str:
    return display.percent(share, decimals=2)


@dataclass(frozen=True)
class Words:
    """`meaning` stands below the name in small letters."""

    name: str
    meaning: str = ""
    best: Best = Best.NONE
    show: Callable[[float], str] = _three_digits


_LOWER = "lower is better"
_HIGHER = "higher is better"

WORDS: dict[str, Words] = {
    "auc": Words("Ranking (AUC)", "0.5 is chance, 1 is perfect", Best.HIGH),
    "average_precision": Words("Average precision", _HIGHER, Best.HIGH),
    "top_decile_lift": Words(
        "Lift of the best tenth", "times the average; higher is better", Best.HIGH
    ),
    "log_loss": Words("Log loss", _LOWER, Best.LOW),
    "brier": Words("Brier score", _LOWER, Best.LOW),
    "ece": Words("Calibration error", _LOWER, Best.LOW),
    "qini": Words("Qini", "0 is chance; higher is better", Best.HIGH),
    # lifetime value
    "orders_gini": Words("Ranking by orders (Gini)", "0 is chance, 1 is perfect", Best.HIGH),
    "orders_auc": Words("Ranking by ordering at all (AUC)", "0.5 is chance, 1 is perfect", Best.HIGH),
    "orders_total_error": Words("Sum of orders", "off by", Best.ZERO, _signed_percent),
    "orders_decile_mape": Words(
        "Orders of each tenth", "off by, on average", Best.LOW, display.percent
    ),
    "orders_rmse": Words("Orders a customer", "root mean squared error", Best.LOW),
    "orders_median_mae": Words("Median of orders", "mean error a customer", Best.LOW),
    "spend_gini": Words("Ranking by spend (Gini)", "0 is chance, 1 is perfect", Best.HIGH),
    "spend_auc": Words(
        "Ranking by spending at all (AUC)", "0.5 is chance, 1 is perfect", Best.HIGH
    ),
    "spend_total_error": Words("Sum of spend", "off by", Best.ZERO, _signed_percent),
    "spend_decile_mape": Words(
        "Spend of each tenth", "off by, on average", Best.LOW, display.percent
    ),
    "spend_rmse": Words(
        "Spend a customer", "root mean squared error", Best.LOW, display.money
    ),
    "spend_median_mae": Words(
        "Median of spend", "mean error a customer", Best.LOW, display.money
    ),
    "covered": Words(
        "Within the interval", "share of customers; 80\u00a0% should be", Best.NONE, display.percent
    ),
    # uplift
    "average_effect": Words(
        "Average effect", "points of the chance to order", Best.NONE, _two_points
    ),
    "average_error": Words("Its standard error", "points", Best.NONE, _percent_points),
    "evidence": Words("Evidence that customers differ", "log Bayes factor; above 3 is strong"),
    "believed": Words(
        "Differences believed", "share of the predicted ones that unseen customers showed",
        Best.NONE, display.percent,
    ),
    "unsubscribe_share": Words(
        "Unsubscribed after a message", "share of those mailed", Best.NONE, _small_percent
    ),
    "rounds": Words("Learned from", "closed campaigns", Best.NONE, display.number),
    "slope": Words("Slope on unseen customers", "1: differences as predicted; 0: noise"),
    "slope_error": Words("Its standard error"),
    # clusters
    "silhouette": Words("Silhouette", "how well apart, −1 to 1", Best.HIGH),
    "stability": Words("Stability", "1: found again on other halves of the data", Best.HIGH),
    "smallest_share": Words(
        "Smallest cluster", "share of customers", Best.NONE, display.percent
    ),
    "davies_bouldin": Words("Davies-Bouldin index", _LOWER, Best.LOW),
    "calinski_harabasz": Words("Calinski-Harabasz index", _HIGHER, Best.HIGH),
    "kept": Words(
        "Kept the name of their cluster", "share of customers, over the last refit",
        Best.NONE, display.percent,
    ),
    # first purchase, sentiment
    "accuracy": Words("Named the right one", "share of those held out", Best.HIGH, display.percent),
    "top2": Words(
        "Right among the two likeliest", "share of customers held out", Best.HIGH, display.percent
    ),
    "again": Words(
        "Right for those who came again", "share of them", Best.HIGH, display.percent
    ),
    "macro_f1": Words("F1, mean of all there are", "1 is perfect", Best.HIGH),
    "macro_f1_good_bad": Words(
        "F1, good against bad", "1 is perfect; texts that are neither left out", Best.HIGH
    ),
    "majority": Words(
        "The largest segment", "share; who always names it is right so often",
        Best.NONE, display.percent,
    ),
    "calibration": Words("Calibration error", _LOWER, Best.LOW),
    "customers": Words("Held out to judge by", "customers", Best.NONE, display.number),
    "horizon_days": Words("Looks ahead", "days", Best.NONE, display.number),
    # recommendations
    "ndcg": Words("Order of the ten (NDCG)", "0 to 1; higher is better", Best.HIGH),
    "recall": Words("Found among the ten", "share of what was bought", Best.HIGH, display.percent),
    "hit_rate": Words(
        "At least one of the ten was bought", "share of buyers", Best.HIGH, display.percent
    ),
    "coverage": Words(
        "Products recommended to anybody", "share of all", Best.NONE, display.percent
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ShownMeasure:
    """is_better: than the simple rule; None where there is none, or where neither way is better."""

    name: str
    meaning: str
    value: str
    baseline: str
    is_better: bool | None


def in_words(measures: Sequence[Measure]) -> list[ShownMeasure]:
    """In the order of WORDS (the database keeps JSON keys in none of ours), others behind by their names."""
    order = {name: place for place, name in enumerate(WORDS)}
    shown = []
    for one in sorted(measures, key=lambda one: (order.get(one.name, len(order)), one.name)):
        words = WORDS.get(one.name) or Words(one.name.replace("_", " ").capitalize())
        shown.append(
            ShownMeasure(
                name=words.name,
                meaning=words.meaning,
                value=words.show(one.value),
                baseline=display.NOTHING if one.baseline is None else words.show(one.baseline),
                is_better=_is_better(one, words.best),
            )
        )
    return shown


def _is_better(one: Measure, best: Best) -> bool | None:
    if one.baseline is None or best is Best.NONE:
        return None
    if best is Best.HIGH:
        return one.value > one.baseline
    if best is Best.LOW:
        return one.value < one.baseline
    return abs(one.value) < abs(one.baseline)
