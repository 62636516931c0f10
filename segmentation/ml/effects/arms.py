"""Several treatments against one control: an effect model each, and which treatment pays for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from segmentation.ml.effects.evidence import SURE
from segmentation.ml.effects.experiment import Experiment
from segmentation.ml.effects.model import EffectModel, Uplift
from segmentation.ml.records.encoding import Design
from segmentation.ml.tables import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class ArmModels:
    """models by the name of the arm; `control` is what they are compared with."""

    models: Mapping[str, EffectModel]
    control: str

    @classmethod
    def fit(
        cls,
        *,
        design: Design,
        outcome: Floats,
        arm: Sequence[str],
        control: str,
        propensity: Mapping[str, Floats],
        seed: int,
        jobs: int = 1,
    ) -> Self:
        """propensity[a] (n,): P(arm a | a or control). Raises ValueError naming the arm of which nothing can be learned."""
        arms = np.asarray(arm, dtype=object)
        models = {}
        for name in sorted(set(arms) - {control}):
            which = (arms == name) | (arms == control)
            try:
                experiment = Experiment(
                    design=Design(linear=design.linear[which], trees=design.trees[which]),
                    outcome=outcome[which],
                    treated=(arms[which] == name).astype(float),
                    propensity=propensity[name][which],
                )
            except ValueError as error:
                raise ValueError(f"arm {name}: {error}") from error
            models[name] = EffectModel.fit(experiment, seed=seed, jobs=jobs)
        return cls(models=models, control=control)

    def predict(self, design: Design) -> dict[str, Uplift]:
        return {name: model.predict(design) for name, model in self.models.items()}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Of n customers: the arm that earns most, its effect with bounds, whether to treat, and what that earns."""

    arm: tuple[str, ...]
    uplift: Floats
    low: Floats
    high: Floats
    treat: Bools
    profit: Floats
    cost: Floats


def choose(
    effects: Mapping[str, Uplift],
    *,
    value: float,
    costs: Mapping[str, float],
    budget: float | None = None,
) -> Choice:
    """The arm of the largest value * uplift - cost, treated where that is above zero.

    With a budget of money: the most profit per unit of cost first, and nothing that costs more than is left; best up
    to one customer (Dantzig 1957). Arms whose expected profit ties go by name.
    """
    names = sorted(effects)
    cost = np.array([costs[name] for name in names])
    profit = np.column_stack([value * effects[name].effect for name in names]) - cost
    best: Ints = profit.argmax(axis=1)
    rows = np.arange(len(best))
    effect = np.column_stack([effects[name].effect for name in names])[rows, best]
    deviation = np.column_stack([effects[name].deviation for name in names])[rows, best]
    earned, paid = profit[rows, best], cost[best]
    treat = earned > 0
    if budget is not None:
        treat &= _affordable(earned, paid, treat, budget)
    return Choice(
        arm=tuple(names[at] for at in best),
        uplift=effect,
        low=effect - SURE * deviation,
        high=effect + SURE * deviation,
        treat=treat,
        profit=earned,
        cost=paid,
    )


def _affordable(earned: Floats, paid: Floats, wanted: Bools, budget: float) -> Bools:
    with np.errstate(divide="ignore"):
        rate = np.where(paid > 0, earned / np.where(paid > 0, paid, 1), np.inf)
    order = np.lexsort((-earned, -np.where(wanted, rate, -np.inf)))
    kept = np.zeros(len(earned), dtype=bool)
    kept[order] = np.cumsum(np.where(wanted, paid, 0)[order]) <= budget + 1e-9
    return kept
