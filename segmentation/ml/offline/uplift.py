"""`predict uplift`: learn from an experiment in a file whom a treatment changes, and whom it pays to treat."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from segmentation.ml.effects.arms import ArmModels, Choice, choose
from segmentation.ml.effects.balance import balance, propensity
from segmentation.ml.effects.evidence import SURE
from segmentation.ml.effects.model import LEARNERS, EffectModel, Uplift
from segmentation.ml.offline import tasks
from segmentation.ml.offline.arms import control_of, costs_of
from segmentation.ml.offline.files import FileError
from segmentation.ml.offline.tables import Pair, read_pair
from segmentation.ml.records import leaks
from segmentation.ml.records.encoding import Design, Encoder
from segmentation.ml.tables import Bools, Floats


HELP = "Learn from an experiment in a file what a treatment changes for each customer, and whom it pays to treat."
DIGITS = 8


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--train", required=True, metavar="FILE", help="the experiment: one row a customer"
    )
    parser.add_argument("--score", required=True, metavar="FILE", help="customers to predict for")
    parser.add_argument(
        "--treatment", required=True, metavar="COLUMN", help="0/1, yes/no, or names of arms"
    )
    parser.add_argument(
        "--outcome", required=True, metavar="COLUMN", help="0/1, yes/no, or an amount of money"
    )
    parser.add_argument("--control", metavar="ARM", help="the arm that got nothing, if not obvious")
    parser.add_argument(
        "--value", type=float, default=1.0, metavar="MONEY",
        help="what an outcome earns (of money: what part of it); default 1",
    )  # fmt: skip
    parser.add_argument(
        "--cost", nargs="+", default=["0"], metavar="MONEY",
        help="of treating one customer; default 0. ARM=MONEY for arms of different cost",
    )  # fmt: skip
    parser.add_argument(
        "--budget", type=float, metavar="MONEY", help="the most that treating may cost altogether"
    )
    parser.add_argument(
        "--exclude", nargs="+", default=[], metavar="COLUMN", help="columns not to learn from"
    )
    parser.add_argument(
        "--keep", nargs="+", default=[], metavar="COLUMN",
        help="columns to learn from although they look like something that happened after the treatment",
    )  # fmt: skip
    parser.add_argument(
        "--arms-out",
        metavar="FILE",
        help="where to write the uplift of every arm, not only the best",
    )


def predict(options: Namespace) -> tasks.Prediction:
    """Raises FileError, also when nothing can be learned."""
    pair = read_pair(options, named=(options.treatment, options.outcome))
    arms = pair.named[options.treatment]
    control = control_of(
        sorted(set(arms)), options.control, path=options.train, column=options.treatment
    )
    costs = costs_of(options.cost, sorted(set(arms) - {control}))
    _check_money(options)
    warnings = [*pair.warnings]
    known = pair.train
    after = _after(pair, arms, control, keep=options.keep)
    warnings += leaks.told(tuple(one for one, _ in after), kept=False)
    known = known.without(frozenset(one.column for one, _ in after))
    try:
        encoder = Encoder.fit(known)
        design = encoder.transform(known)
        probabilities, unequal = _propensities(design, arms, control)
        warnings += unequal
        models = ArmModels.fit(
            design=design,
            outcome=pair.outcome,
            arm=arms,
            control=control,
            propensity=probabilities,
            seed=options.seed,
            jobs=options.jobs,
        )
    except ValueError as error:
        raise FileError(f"{options.train}: {error}") from error
    warnings += leaks.spread(encoder.unseen(pair.score))
    effects = models.predict(encoder.transform(pair.score))
    choice = choose(effects, value=options.value, costs=costs, budget=options.budget)
    warnings += [_said(name, model) for name, model in models.models.items() if model.believed < 1]
    return tasks.Prediction(
        table=_table(pair.ids, choice),
        meta={
            "treatment": options.treatment,
            "outcome": options.outcome,
            "control": control,
            "rows_learned_from": len(arms),
            "columns": list(encoder.names),
            "columns_left_out": {**pair.left_out, **encoder.left_out},
            "arms": {name: _meta(model) for name, model in models.models.items()},
            "value": options.value,
            "costs": costs,
            "budget": options.budget,
            "treated": int(choice.treat.sum()),
            "spent": round(float(choice.cost[choice.treat].sum()), 6),
            "expected_profit": round(float(choice.profit[choice.treat].sum()), 6),
        },
        warnings=tuple(warnings),
        extra={options.arms_out: _every_arm(pair.ids, effects)} if options.arms_out else {},
    )


def _check_money(options: Namespace) -> None:
    if not np.isfinite(options.value) or options.value <= 0:
        raise FileError("--value: must be above zero")
    if options.budget is not None and not options.budget >= 0:
        raise FileError("--budget: must be zero or more")


def _after(
    pair: Pair, arms: Sequence[str], control: str, *, keep: Sequence[str]
) -> list[tuple[leaks.Suspect, float]]:
    """Columns that all but decide the outcome and differ between the arms: they happened after the treatment."""
    found = []
    treated = (np.asarray(arms, dtype=object) != control).astype(float)
    for one in leaks.suspects(pair.train, happened=pair.outcome > pair.outcome.min()):
        if one.certain and one.column not in keep:
            only = pair.train.without(frozenset(set(pair.train.names) - {one.column}))
            try:
                apart = balance(Encoder.fit(only).transform(only).linear, treated).p
            except ValueError:
                continue
            if apart < _APART:
                found.append((one, apart))
    return found


_APART = 0.01


def _propensities(
    design: Design, arms: Sequence[str], control: str
) -> tuple[dict[str, Floats], list[str]]:
    """P(arm | arm or control) of every row, and a warning where the arms were not made by chance."""
    found: dict[str, Floats] = {}
    warnings = []
    names = np.asarray(arms, dtype=object)
    for name in sorted(set(arms) - {control}):
        which: Bools = (names == name) | (names == control)
        part = Design(linear=design.linear[which], trees=design.trees[which])
        treated = (names[which] == name).astype(float)
        if min(treated.sum(), (1 - treated).sum()) < 2:
            found[name] = np.full(
                len(names), 0.5
            )  # refused with its reason when it is learned from
            continue
        judged = balance(part.linear, treated)
        if not judged.plausible:
            warnings.append(
                f"arm {name} and control differ before the treatment (p = {judged.p:.1g}): it was not given by chance. "
                "What the columns tell of that is allowed for; what they do not tell is not"
            )
        found[name] = np.full(len(names), np.nan)
        found[name][which] = propensity(part, treated, randomised=judged.plausible)
    return found, warnings


def _said(name: str, model: EffectModel) -> str:
    what = (
        f"{model.believed * 100:.0f}\u00a0% of the differences that are predicted are kept"
        if model.believed
        else "everybody gets the average effect"
    )
    return f"arm {name}: {model.verdict}; {what}"


def _table(ids: Sequence[str], choice: Choice) -> pa.Table:
    columns: dict[str, Any] = {
        "id": list(ids),
        "uplift": np.round(choice.uplift, DIGITS),
        "lo95": np.round(choice.low, DIGITS),
        "hi95": np.round(choice.high, DIGITS),
        "arm": list(choice.arm),
        "treat": choice.treat.astype(np.int64),
        "expected_profit": np.round(choice.profit, DIGITS),
    }
    return pa.table(columns)


def _every_arm(ids: Sequence[str], effects: dict[str, Uplift]) -> pa.Table:
    parts = [
        pa.table(
            {
                "id": list(ids),
                "arm": [name] * len(ids),
                "uplift": np.round(one.effect, DIGITS),
                "lo95": np.round(one.effect - SURE * one.deviation, DIGITS),
                "hi95": np.round(one.effect + SURE * one.deviation, DIGITS),
            }
        )
        for name, one in sorted(effects.items())
    ]
    return pa.concat_tables(parts)


def _meta(model: EffectModel) -> dict[str, Any]:
    low, high = model.held.interval
    return {
        "verdict": str(model.verdict),
        "heterogeneity_proven": model.held.proven,
        "average_effect": round(model.average, DIGITS),
        "average_effect_interval": [
            round(model.average + sign * SURE * model.average_error, DIGITS) for sign in (-1, 1)
        ],
        "held_out_qini": round(model.held.qini, DIGITS),
        "held_out_qini_interval": [round(low, DIGITS), round(high, DIGITS)],
        "held_out_qini_by_expected_outcome": round(model.graded.qini, DIGITS),
        "proven_by_expected_outcome": model.graded.proven,
        "believed": round(model.believed, 4),
        "slope": round(model.blend.slope, 4),
        "learners": [
            {"name": name, "weight": round(weight, 4), "slope": round(slope, 4), "held_out_qini": round(qini, DIGITS)}
            for name, weight, slope, qini in zip(
                LEARNERS, model.blend.weights.tolist(), model.blend.slopes.tolist(), model.blend.qini.tolist(), strict=True
            )
        ],
    }  # fmt: skip
