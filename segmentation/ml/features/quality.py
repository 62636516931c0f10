"""How good the features are: what is missing, what cannot be, what hardly is. Shares, no values.

The rules are in the catalogue, by unit. Missing: 0 where nothing happened, else empty, which trees and ranks
take as it is. Impossible (outside `Feature.possible`): cut to the nearer end. Hardly possible: kept, since a
wholesaler is a customer too, and told here.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from segmentation.ml.features.assemble import compute
from segmentation.ml.features.catalogue import FEATURES, Feature
from segmentation.ml.tables import Bools, Floats


SAMPLE = 20_000
FENCE = 3.0


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Of one feature, shares of the customers looked at: without a value, cut, and outlying."""

    name: str
    missing: float
    cut: float
    outlying: float


def report(
    connection: duckdb.DuckDBPyConnection, *, as_of: int, customers: int = SAMPLE
) -> tuple[Quality, ...]:
    """Look at the features of about so many customers, one per entry of `FEATURES`, in its order.

    The customers are every n-th by id, so that repeating it says the same. All shares are 0 when nobody is
    known at `as_of`.
    """
    asked = connection.execute(
        "SELECT customer_id FROM (SELECT customer_id, row_number() OVER (ORDER BY customer_id) AS place,"
        " count(*) OVER () AS everybody FROM customers WHERE joined_at < $as_of AND arrived_at < $as_of)"
        " WHERE place % greatest(1, everybody // $customers) = 0",
        {"as_of": as_of, "customers": customers},
    ).fetchall()
    table = compute(connection, as_of=as_of, customer_ids=[one for (one,) in asked], cut=False)
    return of_table(table)


def of_table(table: pa.Table) -> tuple[Quality, ...]:
    """The same of a table that `compute(..., cut=False)` returned."""
    return tuple(_of(feature, table.column(name).to_numpy()) for name, feature in FEATURES.items())


def _of(feature: Feature, values: Floats) -> Quality:
    known = values[~np.isnan(values)]
    impossible = np.zeros(len(known), dtype=bool)
    outlying = impossible
    if feature.possible is not None:
        low, high = feature.possible
        impossible = (known < low) | (known > high)
    elif len(known):
        outlying = _outside_fence(known)
    rows = max(len(values), 1)
    return Quality(
        name=feature.name,
        missing=(len(values) - len(known)) / rows,
        cut=float(impossible.sum()) / rows,
        outlying=float(outlying.sum()) / rows,
    )


def _outside_fence(values: Floats) -> Bools:
    """Tukey's outer fence (1977): three times the distance of the quartiles beyond them.

    On the scale of sign(x) log(1 + |x|), since counts and money are skewed by nature. Where half of the
    customers share one value there is no spread to measure by, and nothing is called outlying.
    """
    scaled = np.sign(values) * np.log1p(np.abs(values))
    low, high = np.quantile(scaled, (0.25, 0.75))
    reach = FENCE * (high - low)
    outside: Bools = (scaled < low - reach) | (scaled > high + reach)
    return outside if reach > 0 else np.zeros(len(values), dtype=bool)
