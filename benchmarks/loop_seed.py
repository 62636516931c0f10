"""One simulated shop, turned round by round: decide, deliver, watch, learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmarks.ceiling import Ceiling, observable_ceiling
from benchmarks.shop_mirror import ShopMirror
from customers.sources.base import ShopBatch
from customers.sources.simulation.parameters import ShopParameters
from customers.sources.simulation.world import SimulatedWorld
from segmentation.ml.estimators.timing import Rounds
from segmentation.ml.estimators.uplift import UpliftModel, Verdict
from segmentation.ml.features import FEATURES, MODEL_FEATURES, compute
from segmentation.ml.policy import (
    Economics,
    Expectation,
    Exploration,
    assign,
    assignment_probability,
    expected_profit,
    order_worth,
)
from segmentation.ml.tables import FeatureTable


Floats = NDArray[np.float64]

STARTS_AT = 1_780_272_000  # 1 June 2026: six rounds of 28 days end before the Christmas peak
DAY = 86_400
SPACING_DAYS = 28  # twice the outcome window: windows close before the next decision
_PRIOR_MAILS, _PRIOR_SHARE = (
    400.0,
    0.0025,
)  # unsubscribing before it is known: 0.1-0.5 % (benchmarks)

POLICIES = ("coterie", "everybody", "random half", "response-only", "oracle", "as run")


@dataclass(frozen=True, kw_only=True)
class RoundResult:
    """Expected true profit of each policy (cents) on the reachable customers as they then were."""

    profit: dict[str, float]
    mailed: dict[str, float]
    reachable: int
    verdict: str
    evidence: float


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """All rounds of one world, and what could have been reached in the last one."""

    seed: int
    rounds: list[RoundResult]
    ceiling: Ceiling


def run_seed(parameters: ShopParameters, *, customers: int, rounds: int, seed: int) -> SeedResult:
    """Play one world; nothing the learner gets comes from anywhere but the shop's tables."""
    return _Ring(parameters, customers=customers, seed=seed).turn(rounds)


class _Ring:
    def __init__(self, parameters: ShopParameters, *, customers: int, seed: int) -> None:
        self.parameters, self.seed = parameters, seed
        self.world = SimulatedWorld(parameters, customers=customers, seed=seed, starts_at=STARTS_AT)
        history = self.world.history()
        self.mirror = ShopMirror(history)
        self.reachable = self.mirror.flags(history, "CONSENT_GIVEN")
        self.economics = Economics(
            contact_cost_cents=parameters.mail.contact_cost_cents,
            unsubscribe_cost_cents=parameters.mail.unsubscribe_cost_cents,
            discount_share=parameters.mail.discount_share,
        )
        self.logged: list[dict[str, NDArray]] = []
        self.sent: list[pa.Table] = []
        self.mails, self.unsubscribed = 0, 0

    def turn(self, rounds: int) -> SeedResult:
        results = []
        for number in range(rounds):
            at = self.world.starts_at + number * SPACING_DAYS * DAY
            table = FeatureTable.from_arrow(compute(self.mirror.connection, as_of=at)).only(
                MODEL_FEATURES
            )
            audience = np.flatnonzero(self.reachable)
            features = table.rows(self.reachable)
            model = self._learn(features.names)
            expectation, by_response = self._judge(model, features)
            probability = assignment_probability(
                audience=len(audience), expectation=expectation, exploration=Exploration()
            )
            truth = self.world.oracle(at, self._deliveries()).take(pa.array(audience))
            results.append(self._score(truth, expectation, by_response, probability, model))
            if number == rounds - 1:
                alone = None if model is None else model.effects(features.values).alone
                ceiling = observable_ceiling(
                    features=features, truth=truth, alone=alone, economics=self.economics,
                    unsubscribe=self._unsubscribe_share, worth=_worth(features), seed=self.seed,
                )  # fmt: skip
            self._campaign(number, at, audience, features, probability)
        return SeedResult(seed=self.seed, rounds=results, ceiling=ceiling)

    def _learn(self, names: tuple[str, ...]) -> UpliftModel | None:
        if not self.logged:
            return None
        joined = {
            name: np.concatenate([part[name] for part in self.logged]) for name in self.logged[0]
        }
        themes = {name: FEATURES[name].theme for name in names}
        return UpliftModel.fit(
            rounds=Rounds(**joined, window_days=self.parameters.mail.window_days),
            names=names,
            themes=themes,
            seed=self.seed,
        )

    def _judge(
        self, model: UpliftModel | None, features: FeatureTable
    ) -> tuple[Expectation | None, NDArray]:
        """What the model expects, and whom the response-only policy would mail."""
        if model is None:
            return None, np.ones(len(features), dtype=bool)
        margin, value = _worth(features)
        effects = model.effects(features.values)
        expectation = expected_profit(
            uplift=effects.uplift, deviation=effects.deviation, alone=effects.alone,
            margin_cents=margin, value_cents=value, unsubscribe=self._unsubscribe_share, economics=self.economics,
        )  # fmt: skip
        _, mailed = model.response.predict(features.values)
        earns = mailed * (margin - self.economics.discount_share * value)
        costs = self.economics.contact_cost_cents
        costs += self._unsubscribe_share * self.economics.unsubscribe_cost_cents
        return expectation, earns > costs

    def _score(
        self,
        truth: pa.Table,
        expectation: Expectation | None,
        by_response: NDArray,
        probability: Floats,
        model: UpliftModel | None,
    ) -> RoundResult:
        profit = truth["profit_cents"].to_numpy()
        count = len(profit)
        # Without any data the recommendation is the marketer's habit: everybody. What is run is a random half.
        chosen = np.ones(count, bool) if expectation is None else expectation.pays
        shares = {
            "coterie": chosen.astype(float),
            "everybody": np.ones(count),
            "random half": np.full(count, 0.5),
            "response-only": by_response.astype(float),
            "oracle": (profit > 0).astype(float),
            "as run": probability,
        }
        return RoundResult(
            profit={name: float(share @ profit) for name, share in shares.items()},
            mailed={name: float(share.mean()) for name, share in shares.items()},
            reachable=count,
            verdict=(Verdict.NOTHING if model is None else model.verdict).value,
            evidence=0.0 if model is None else model.posterior.evidence,
        )

    def _campaign(
        self, number: int, at: int, audience: NDArray, features: FeatureTable, probability: Floats
    ) -> None:
        """Assign, deliver, let 28 days pass, and log what the shop's tables then say."""
        draw = np.random.default_rng([self.seed, 77, number]).random(len(audience))
        treated = assign(probability, draw)
        who = audience[treated]
        self.sent.append(pa.table({
            "customer_external_id": self.world.population.external_ids.take(pa.array(who)),
            "campaign_id": np.full(len(who), number), "delivery_id": number * 10**8 + who,
            "delivered_at": np.full(len(who), at),
            "discount_share": np.full(len(who), self.economics.discount_share),
        }))  # fmt: skip
        self.mirror.add_events(who, pa.array(["DELIVERED"] * len(who)), np.full(len(who), at))
        batch = self.world.advance(at, at + SPACING_DAYS * DAY, self._deliveries())
        self.mirror.add(batch)
        ends_at = at + self.parameters.mail.window_days * DAY
        in_window = batch.orders.filter(pc.less(batch.orders["placed_at"], ends_at))
        ordered = self.mirror.flags(ShopBatch(orders=in_window), None)
        days = self.mirror.first_order_days(ShopBatch(orders=in_window), since=at)
        self.logged.append({
            "X": features.values, "treated": treated.astype(float), "propensity": probability,
            "ordered": ordered[audience].astype(float), "customer": audience,
            "days": days[audience],
        })  # fmt: skip
        gone = self.mirror.flags(batch, "UNSUBSCRIBED")
        self.mails += len(who)
        self.unsubscribed += int(gone.sum())
        self.reachable &= ~(gone | self.mirror.flags(batch, "BOUNCED"))

    @property
    def _unsubscribe_share(self) -> float:
        return (self.unsubscribed + _PRIOR_MAILS * _PRIOR_SHARE) / (self.mails + _PRIOR_MAILS)

    def _deliveries(self) -> pa.Table | None:
        return pa.concat_tables(self.sent) if self.sent else None


def _worth(features: FeatureTable) -> tuple[Floats, Floats]:
    return order_worth(
        orders=features.column("orders"),
        revenue_cents=features.column("revenue_cents"),
        margin_cents=features.column("margin_cents"),
        discount_share=features.column("discount_share"),
        deviation_cents=features.column("order_value_std_cents"),
    )
