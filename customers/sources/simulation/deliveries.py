"""The mails the world knows of: what the ledger says was delivered, one row per delivery."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customers.sources.simulation.behaviour import DAY
from customers.sources.simulation.randomness import Bools, Floats, Ints


SCHEMA = pa.schema([
    ("customer_external_id", pa.string()), ("campaign_id", pa.int64()),
    ("delivery_id", pa.int64()), ("delivered_at", pa.int64()), ("discount_share", pa.float64()),
])  # fmt: skip
"""What `advance` and `oracle` take: every delivery so far, in any order; later ones are ignored."""


@dataclass(frozen=True, kw_only=True)
class Deliveries:
    """Arrays of one length, sorted by (day, customer, delivery). `customer` indexes the population.

    `day`: the first day on which the mail works, the first to begin at or after its arrival; so what a day
    brings never depends on mails that arrive during it.
    """

    customer: Ints
    day: Ints
    delivered_at: Ints
    campaign_id: Ints
    delivery_id: Ints
    discount_share: Floats

    @classmethod
    def from_table(
        cls, table: pa.Table | None, *, external_ids: pa.Array, origin: int
    ) -> Deliveries:
        """Deliveries to people this world does not know are left out: they are not its customers."""
        table = (SCHEMA.empty_table() if table is None else table).select(SCHEMA.names)
        table = table.cast(SCHEMA)
        index = pc.index_in(table["customer_external_id"], value_set=external_ids)
        known = index.is_valid()
        table, index = table.filter(known), index.filter(known)
        customer = index.to_numpy().astype(np.int64)
        delivered = table["delivered_at"].to_numpy()
        day = -((origin - delivered) // DAY)  # rounded up
        delivery = table["delivery_id"].to_numpy()
        order = np.lexsort((delivery, customer, day))
        return cls(
            customer=customer[order],
            day=day[order],
            delivered_at=delivered[order],
            campaign_id=table["campaign_id"].to_numpy()[order],
            delivery_id=delivery[order],
            discount_share=table["discount_share"].to_numpy()[order],
        )

    def where(self, mask: Bools) -> Deliveries:
        return Deliveries(**{name: column[mask] for name, column in vars(self).items()})

    def digest(self) -> bytes:
        """The same for the same deliveries, in whatever order they were given."""
        state = hashlib.sha256()
        for column in vars(self).values():
            state.update(np.ascontiguousarray(column).tobytes())
        return state.digest()
