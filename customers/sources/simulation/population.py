"""Who the customers are: everything about them that does not change, drawn once from the seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from customers.sources.simulation.baskets import (
    CATEGORY_COUNT,
    TIER_COUNT,
    BasketSource,
    CatalogueBaskets,
)
from customers.sources.simulation.behaviour import Habits
from customers.sources.simulation.names import people
from customers.sources.simulation.parameters import ShopParameters
from customers.sources.simulation.randomness import Bools, Floats, Ints, Stream, generator


CHANNELS = ("WEB", "APP", "STORE")


@dataclass(frozen=True, kw_only=True)
class Population:
    """Latent customers, sorted by the day they joined; arrays of one length, days of the world."""

    external_ids: pa.Array
    joined_day: Ints
    habits: Habits
    baskets: BasketSource
    visits_per_day: Floats
    responsiveness: Floats
    annoyance: Floats
    review_tendency: Floats
    satisfaction: Floats
    refund_share: Floats
    hour: Floats
    channel: Ints
    consents: Bools
    columns: dict[str, pa.Array]
    """email, first_name, last_name, country, language."""

    def __len__(self) -> int:
        return len(self.joined_day)


def populate(
    *, parameters: ShopParameters, customers: int, seed: int, starts_at: int
) -> Population:
    """Draw `customers` who joined in the `history.days` before `starts_at` (epoch seconds)."""
    if not 1 <= customers <= 10_000_000:
        raise ValueError("customers must lie between 1 and 10,000,000.")
    law, basket = parameters.population, parameters.basket
    days, quiet = parameters.history.days, parameters.mail.window_days
    rng = generator(seed, Stream.POPULATION)
    joined = np.sort(rng.integers(0, days, size=customers))

    # Orders per year vary as a gamma (NBD); the mean gap between orders is `quiet` plus 1 / hazard.
    yearly = rng.gamma(law.orders_shape, law.orders_per_year / law.orders_shape, customers)
    gap = np.maximum(365.0 / np.maximum(yearly, 0.02), quiet + 14.0)
    stays = rng.exponential(law.lifetime_days, customers)
    stays[rng.random(customers) < law.one_time_share] = 0.0
    clock = np.where(rng.random(customers) < law.restock_share, gap, 0.0)

    tastes = rng.gamma(0.35, size=(customers, CATEGORY_COUNT)) + 1e-6
    tastes /= tastes.sum(axis=1, keepdims=True)
    tier = rng.choice(TIER_COUNT, size=customers, p=[0.35, 0.45, 0.20])
    extra = rng.lognormal(-0.5 * basket.value_spread**2, basket.value_spread, customers)
    share = basket.promotion_share
    hunts = rng.beta(1.6 * share + 1e-9, 1.6 * (1 - share), customers)

    external_ids = _numbered("C", np.arange(1, customers + 1), width=7)
    lively = np.where(stays > 0, 1.0, 0.3)
    return Population(
        external_ids=external_ids,
        joined_day=joined,
        habits=Habits(
            hazard=1.0 / (gap - quiet),
            leaves_day=(joined + stays).astype(np.int64),
            restock_days=clock,
            lapsed=law.lapsed_activity,
            quiet_days=quiet,
            christmas_peak=parameters.history.christmas_peak,
        ),
        baskets=CatalogueBaskets.stock(
            parameters=basket,
            seed=seed,
            tastes=tastes,
            tier=tier,
            lines=1 + (basket.lines - 1) * extra,
            promotion_share=hunts,
        ),
        visits_per_day=lively * law.visits_per_month / 30.4 * rng.lognormal(-0.245, 0.7, customers),
        responsiveness=rng.standard_normal(customers),
        annoyance=rng.lognormal(-0.32, 0.8, customers),
        review_tendency=rng.gamma(0.8, 1 / 0.8, customers),
        satisfaction=rng.normal(0.0, 0.6, customers),
        refund_share=np.minimum(basket.refund_share * rng.gamma(1.0, 1.0, customers), 0.9),
        hour=np.where(rng.random(customers) < 0.35, 12.5, 19.5) + rng.normal(0, 1.5, customers),
        channel=rng.choice(len(CHANNELS), size=customers, p=[0.62, 0.28, 0.10]),
        consents=rng.random(customers) < law.consent_share,
        columns=people(external_ids, seed=seed),
    )


def _numbered(prefix: str, numbers: Ints, *, width: int) -> pa.Array:
    return pa.array(np.char.add(prefix, np.char.zfill(numbers.astype(np.str_), width)).tolist())
