"""`evaluate churn`: predicted churn against who bought and who did not."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np

from segmentation.ml.metrics import calibration, log_losses, paired_bootstrap
from segmentation.ml.offline import past, tasks
from segmentation.ml.offline.clv_scores import rounded
from segmentation.ml.offline.files import FileError, column_like, read
from segmentation.ml.report import binary_metrics


HELP = "Judge predicted churn: AUC, average precision, Brier, calibration, against what came true."


def add_arguments(parser: ArgumentParser) -> None:
    past.add_window(parser)


def evaluate(options: Namespace) -> tasks.Evaluation:
    """truth: customer_id and `churned` (0 or 1) or `bought` or `transactions`; or transactions themselves with
    --cutoff and --horizon-days, where customers who are not in it bought nothing. Raises FileError.
    """
    customers, said = past.predictions(options, ("p_churn",))
    path = Path(options.truth)
    raw = read(path)
    with raw.database:
        tells_churn = column_like(raw, "churned", "churn") is not None
    names = (
        ("churned", "churn") if tells_churn else ("bought", "transactions", "orders", "purchases")
    )
    true = past.outcomes(path, options=options, wanted={"orders": names})
    silent = sum(customer not in true.orders for customer in customers)
    if silent == len(customers):
        raise FileError(f"{options.pred} and {options.truth} have no customer in common")
    asked = np.array([customer in true.orders or not tells_churn for customer in customers])
    values = np.array([true.orders.get(customer, 0.0) for customer in customers])[asked]
    churned = values > 0 if tells_churn else values == 0
    p_churn = said["p_churn"][asked]
    if churned.all() or not churned.any():
        raise FileError(f"{path}: all customers did the same; there is nothing to tell apart")
    constant = np.full(len(churned), churned.mean())
    gain = paired_bootstrap(
        first=log_losses(label=churned, probability=p_churn),
        second=log_losses(label=churned, probability=constant),
        seed=options.seed,
    )
    left_out = "left out" if tells_churn else "counted as churned"
    return tasks.Evaluation(
        metrics={
            "customers": len(churned),
            "churned": round(float(churned.mean()), 6),
            **rounded(binary_metrics(label=churned, probability=p_churn)),
            "average_precision_buy": rounded(
                binary_metrics(label=~churned, probability=1 - p_churn)
            )["average_precision"],
            "log_loss_against_constant": rounded(vars(gain)),
            "calibration": [
                rounded(vars(one)) for one in calibration(label=churned, probability=p_churn)
            ],
        },
        warnings=(f"{silent} customers are not in {options.truth}: {left_out}",) if silent else (),
    )
