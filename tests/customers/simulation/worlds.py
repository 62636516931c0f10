"""Small simulated shops for the tests of this folder."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from customers.sources.simulation.parameters import ShopParameters
from customers.sources.simulation.world import SimulatedWorld


DAY = 86_400
STARTS_AT = 1_780_272_000  # 1 June 2026


def world(
    *, name: str = "regulars", customers: int = 1_000, seed: int = 1, replica: int = 0
) -> SimulatedWorld:
    return SimulatedWorld(
        ShopParameters.load(name),
        customers=customers,
        seed=seed,
        starts_at=STARTS_AT,
        replica=replica,
    )


def mail(shop: SimulatedWorld, who: np.ndarray, *, at: int = STARTS_AT) -> pa.Table:
    """Deliveries to these customers (row numbers) at one moment."""
    return pa.table(
        {
            "customer_external_id": shop.population.external_ids.take(pa.array(who)),
            "campaign_id": np.full(len(who), 1),
            "delivery_id": at * 10 + who,
            "delivered_at": np.full(len(who), at),
            "discount_share": np.full(len(who), shop.parameters.mail.discount_share),
        }
    )
