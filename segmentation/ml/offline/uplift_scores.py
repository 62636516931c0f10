"""`evaluate uplift`: predicted uplift and whom to treat, against customers of an experiment."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from segmentation.ml.effects import judging
from segmentation.ml.offline import joined, tasks
from segmentation.ml.offline.arms import control_of, costs_of
from segmentation.ml.offline.files import FileError
from segmentation.ml.tables import Bools, Floats, Ints


HELP = "Judge predicted uplift on an experiment: Qini, AUUC, uplift of the best, IRR, NIR and profit, with intervals."
SHARES = (0.1, 0.2, 0.3, 0.5)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--treatment", required=True, metavar="COLUMN", help="of --truth")
    parser.add_argument("--outcome", required=True, metavar="COLUMN", help="of --truth")
    parser.add_argument("--control", metavar="ARM", help="the arm that got nothing, if not obvious")
    parser.add_argument(
        "--value", type=float, default=1.0, metavar="MONEY", help="what an outcome earns; default 1"
    )
    parser.add_argument(
        "--cost", nargs="+", default=["0"], metavar="MONEY",
        help="of treating one customer; default 0. ARM=MONEY for arms of different cost",
    )  # fmt: skip
    parser.add_argument(
        "--compare", metavar="FILE", help="other predictions: intervals of the differences, paired"
    )
    parser.add_argument("--resamples", type=int, default=200, help="of the intervals; default 200")


def evaluate(options: Namespace) -> tasks.Evaluation:
    """Raises FileError."""
    told, warnings, measures = _measures(options, options.pred)
    wanted = dict(measures)
    if options.compare:
        other, more, others = _measures(options, options.compare, only=told["ids"])
        warnings = (*warnings, *more)
        if other["ids"] != told["ids"]:
            raise FileError(f"{options.compare} does not have the rows of {options.pred}")
        for name, measure in measures.items():
            wanted[f"{name} - other"] = _difference(measure, others[name])
    rows = len(told["ids"])
    spread = judging.intervals(
        wanted, rows=rows, seed=options.seed, resamples=max(options.resamples, 20)
    )
    everybody = np.arange(rows)
    values = {name: measure(everybody) for name, measure in wanted.items()}
    return tasks.Evaluation(
        metrics={
            "rows": rows,
            "arms": told["arms"],
            "control": told["control"],
            **{name: round(v, 10) if np.isfinite(v) else None for name, v in values.items()},
            "intervals": {
                name: [round(one.low, 10), round(one.high, 10)] for name, one in spread.items()
            },
        },
        warnings=warnings,
    )


def _difference(
    first: Callable[[Ints], float], second: Callable[[Ints], float]
) -> Callable[[Ints], float]:
    return lambda which: first(which) - second(which)


def _measures(
    options: Namespace, pred: str, *, only: Sequence[str] | None = None
) -> tuple[dict[str, Any], tuple[str, ...], dict[str, Callable[[Ints], float]]]:
    """What is known of the rows, warnings, and measures by name that take positions of rows."""
    rows = joined.join(
        pred,
        options.truth,
        said=("uplift", "arm", "treat"),
        true=(options.treatment, options.outcome),
        identifier=options.id,
    )
    actual = np.array(rows.true[options.treatment], dtype=object)
    names = sorted(set(actual))
    control = control_of(names, options.control, path=options.truth, column=options.treatment)
    arms = [name for name in names if name != control]
    y = joined.outcome(options.truth, options.outcome, rows.true[options.outcome])
    uplift = joined.number(pred, "uplift", rows.said["uplift"])
    treat: Bools = joined.number(pred, "treat", rows.said["treat"]) == 1
    advised = np.where(treat, np.array(rows.said["arm"], dtype=object), control)
    if unknown := sorted(set(advised) - set(names)):
        raise FileError(f"{pred}: arm {unknown[0]} is not in {options.truth}")
    costs = {control: 0.0, **costs_of(options.cost, arms)}
    t = (actual != control).astype(float)
    found: dict[str, Callable[[Ints], float]] = {
        "average_effect": lambda i: judging.incremental_response_rate(
            outcome=y[i], treated=t[i], chosen=np.ones(len(i))
        )
    }
    if np.isin(y, (0.0, 1.0)).all():
        found["qini"] = lambda i: judging.qini(outcome=y[i], uplift=uplift[i], treated=t[i])
        found["auuc"] = lambda i: judging.auuc(outcome=y[i], uplift=uplift[i], treated=t[i])
    for share in SHARES:
        found[f"uplift_at_{share:.0%}"] = _best(y, uplift, t, share)
    value = options.value
    paid = np.array([costs[name] for name in actual])
    found["irr"] = lambda i: judging.incremental_response_rate(
        outcome=y[i], treated=t[i], chosen=treat[i]
    )
    found["nir"] = lambda i: judging.net_incremental_revenue(
        outcome=y[i], treated=t[i], chosen=treat[i], value=value, spent=paid[i]
    )
    for rule, assigned in (
        ("rule", advised),
        ("nobody", np.full(len(y), control, dtype=object)),
        *((f"everybody {name}", np.full(len(y), name, dtype=object)) for name in arms),
    ):
        found[f"profit_per_customer {rule}"] = _profit(y, actual, assigned, costs, value)
    for rule in ("nobody", *(f"everybody {name}" for name in arms)):
        found[f"profit_per_customer rule - {rule}"] = _difference(
            found["profit_per_customer rule"], found[f"profit_per_customer {rule}"]
        )
    found["share_treated"] = lambda i: float(treat[i].mean())
    return {"ids": list(rows.ids), "arms": arms, "control": control}, rows.warnings, found


def _best(y: Floats, uplift: Floats, t: Floats, share: float) -> Callable[[Ints], float]:
    return lambda i: judging.at_share(outcome=y[i], uplift=uplift[i], treated=t[i], share=share)


def _profit(
    y: Floats, actual: Any, assigned: Any, costs: dict[str, float], value: float
) -> Callable[[Ints], float]:
    """Profit of giving everybody what is `assigned`; the share of an arm is the chance of having been in it."""
    shares = {name: float(np.mean(actual == name)) for name in set(actual)}
    followed = (actual == assigned).astype(float)
    probability = np.array([shares[name] for name in assigned])
    spent = np.array([costs[name] for name in assigned])
    return lambda i: judging.policy_profit(
        outcome=y[i],
        followed=followed[i],
        probability=probability[i],
        spent=spent[i],
        value=value,
    )
