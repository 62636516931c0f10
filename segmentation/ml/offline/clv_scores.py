"""`evaluate clv`: predicted orders and spend against what came true."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from segmentation.ml.lifetime.measures import coverage, forecast_metrics, tenths
from segmentation.ml.metrics import auc, brier, ece
from segmentation.ml.offline import past, tasks
from segmentation.ml.offline.files import FileError


HELP = "Judge predicted orders and spend: errors, ranking, calibration by tenths, coverage of the interval."
_ORDERS = ("transactions", "orders", "purchases")
_SPEND = ("spend", "amount", "revenue")
_COLUMNS = (
    *("exp_transactions", "med_transactions", "exp_spend", "med_spend"),
    *("p_buy", "lo80_spend", "hi80_spend"),
)
DIGITS = 6


def add_arguments(parser: ArgumentParser) -> None:
    past.add_window(parser)


def evaluate(options: Namespace) -> tasks.Evaluation:
    """truth: customer_id, transactions, spend, or transactions themselves with --cutoff and --horizon-days.

    Customers who are not in the truth bought nothing. Raises FileError.
    """
    customers, said = past.predictions(options, _COLUMNS)
    true = past.outcomes(
        Path(options.truth), options=options, wanted={"orders": _ORDERS, "spend": _SPEND}
    )
    silent = sum(customer not in true.orders for customer in customers)
    if silent == len(customers):
        raise FileError(f"{options.pred} and {options.truth} have no customer in common")
    orders = np.array([true.orders.get(customer, 0.0) for customer in customers])
    spend = np.array([true.spend.get(customer, 0.0) for customer in customers])
    return tasks.Evaluation(
        metrics={
            "customers": len(customers),
            "buyers": int(np.count_nonzero(orders)),
            "transactions": rounded(
                forecast_metrics(
                    actual=orders, mean=said["exp_transactions"], median=said["med_transactions"]
                )
            ),
            "spend": rounded(
                forecast_metrics(actual=spend, mean=said["exp_spend"], median=said["med_spend"])
            ),
            "p_buy": _probability(orders > 0, said["p_buy"]),
            "coverage_80": round(
                coverage(actual=spend, low=said["lo80_spend"], high=said["hi80_spend"]), DIGITS
            ),
            "spend_by_tenth": [
                rounded(vars(one)) for one in tenths(actual=spend, predicted=said["exp_spend"])
            ],
        },
        warnings=(f"{silent} customers are not in {options.truth}: they bought nothing",)
        if silent
        else (),
    )


def _probability(bought: Any, probability: Any) -> dict[str, Any]:
    """How P(buys) ranks, and how right it is."""
    return rounded(
        {
            "auc": auc(label=bought, score=probability),
            "brier": brier(label=bought, probability=probability),
            "ece": ece(label=bought, probability=probability),
        }
    )


def rounded(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """For JSON: NaN is null."""
    return {
        name: None if value is None or np.isnan(value) else round(float(value), DIGITS)
        for name, value in values.items()
    }
