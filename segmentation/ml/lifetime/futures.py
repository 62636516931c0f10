"""The table of predictions: what customers will do within a horizon."""

from dataclasses import dataclass, fields

import numpy as np

from segmentation.ml.tables import Floats, Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Futures:
    """(n,) each, one row a customer, over `horizon_days`; money in cents. Finite, but for next_order_days.

    expected_*: means. median_*: as likely to be passed as not; 0 for whoever more likely buys nothing.
    low_cents, high_cents: hold the spend of four in five customers like this one. p_buy: P(an order within the
    horizon). next_order_days: by then an order is as likely as not; NaN when not within two years.
    Orders of one day count once.
    """

    customer_ids: Ints
    horizon_days: float
    expected_orders: Floats
    median_orders: Floats
    expected_spend_cents: Floats
    median_spend_cents: Floats
    low_cents: Floats
    high_cents: Floats
    p_buy: Floats
    next_order_days: Floats

    def __post_init__(self) -> None:
        for one in fields(self):
            if one.name in {"horizon_days", "customer_ids"}:
                continue
            column = getattr(self, one.name)
            if len(column) != len(self.customer_ids):
                raise ValueError(f"{one.name} has {len(column)} rows, not {len(self.customer_ids)}")
            if one.name != "next_order_days" and not np.isfinite(column).all():
                raise ValueError(f"{one.name} must be finite")

    def __len__(self) -> int:
        return len(self.customer_ids)
