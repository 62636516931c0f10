"""Clusters on two published shops, beside plain k-means: are they apart, there again, large enough, and do names last?

    python -m benchmarks.clusters [--data ../shared/data] [--resamples 10]

Reference: scikit-learn's k-means, k = 4, on standardised log1p of recency, orders and money. Both are judged by the
same code: silhouettes by scikit-learn in the reference's space, adjusted Rand index of refits on resamples of the
customers against the fit on all, everybody assigned. The reference gets the same matching of names. "kept" is the
share of customers who have the same name by last month's model and by this month's, both on this month's data;
"moved" adds what customers did in that month (last month's name on last month's data against this month's).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score

from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS, RECENCY_DAYS, SECONDS_PER_DAY
from segmentation.ml.estimators import clusters
from segmentation.ml.estimators.clusters import naming
from segmentation.ml.tables import FeatureTable, Floats, Ints


SEED = 42
Assign = Callable[[FeatureTable], Ints]


@dataclass(frozen=True, kw_only=True)
class Shop:
    """orders: customer, at, order, cents. months: cut-offs, a month apart, the last being the judged one."""

    name: str
    orders: pd.DataFrame
    months: tuple[str, ...]
    least_silhouette: float

    def rfm(self, cutoff: str) -> FeatureTable:
        moment = pd.Timestamp(cutoff)
        known = self.orders[self.orders["at"] < moment].groupby("customer")
        found = known.agg(at=("at", "max"), orders=("order", "nunique"), cents=("cents", "sum"))
        recency = (moment - found["at"]).dt.total_seconds() / SECONDS_PER_DAY
        return FeatureTable(
            customer_ids=found.index.to_numpy(dtype=np.int64),
            names=(RECENCY_DAYS, ORDERS, NET_REVENUE_CENTS),
            values=np.column_stack([recency, found["orders"], found["cents"]]).astype(np.float64),
        )


def online_retail(folder: Path) -> Shop:
    lines = pd.read_parquet(folder / "online-retail" / "online_retail.parquet")
    sold = (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0) & lines["CustomerID"].notna()
    lines = lines[sold & ~lines["InvoiceNo"].astype(str).str.startswith("C")]
    return Shop(
        name="Online Retail",
        orders=pd.DataFrame(
            {
                "customer": lines["CustomerID"].astype(np.int64),
                "at": lines["InvoiceDate"],
                "order": lines["InvoiceNo"].astype(str),
                "cents": lines["Quantity"] * lines["UnitPrice"] * 100,
            }
        ),
        months=("2011-08-10", "2011-09-10", "2011-10-10", "2011-11-10", "2011-12-10"),
        least_silhouette=0.33,
    )


def cdnow(folder: Path) -> Shop:
    lines = pd.read_csv(
        folder / "cdnow" / "CDNOW_master.txt", sep=r"\s+", header=None, dtype={1: str},
        names=["customer", "at", "pieces", "amount"],
    )  # fmt: skip
    return Shop(
        name="CDNOW",
        orders=pd.DataFrame(
            {
                "customer": lines["customer"],
                "at": pd.to_datetime(lines["at"], format="%Y%m%d"),
                "order": lines["at"],  # a day's lines are one order
                "cents": lines["amount"] * 100,
            }
        ),
        months=("1998-03-01", "1998-04-01", "1998-05-01", "1998-06-01", "1998-07-01"),
        least_silhouette=0.42,
    )


def plain_space(table: FeatureTable) -> tuple[Floats, Floats]:
    logs = np.log1p(np.maximum(table.values, 0))
    return logs.mean(axis=0), logs.std(axis=0)


def reference(table: FeatureTable, *, seed: int) -> Assign:
    mean, scale = plain_space(table)

    def points(other: FeatureTable) -> Floats:
        found: Floats = (np.log1p(np.maximum(other.values, 0)) - mean) / scale
        return found

    method = KMeans(n_clusters=4, n_init=10, random_state=seed).fit(points(table))
    return lambda other: np.asarray(method.predict(points(other)), dtype=np.int64)


def stability(table: FeatureTable, labels: Ints, refit: Callable[[FeatureTable, int], Assign], times: int) -> float:  # fmt: skip
    generator = np.random.default_rng(SEED)
    agreement = []
    for attempt in range(times):
        drawn = generator.integers(0, len(table), len(table))
        resample = FeatureTable(
            customer_ids=np.arange(len(table)),
            names=table.names,
            values=table.columns(table.names)[drawn],
        )
        agreement.append(adjusted_rand_score(labels, refit(resample, attempt)(table)))
    return float(np.mean(agreement))


def measures(
    table: FeatureTable, labels: Ints, refit: Callable[[FeatureTable, int], Assign], times: int
) -> dict[str, float]:
    mean, scale = plain_space(table)
    points = (np.log1p(np.maximum(table.values, 0)) - mean) / scale
    size = min(10_000, len(points))
    return {
        "groups": len(np.unique(labels)),
        "silhouette": float(silhouette_score(points, labels, sample_size=size, random_state=SEED)),
        "DB": float(davies_bouldin_score(points, labels)),
        "ARI": stability(table, labels, refit, times),
        "smallest": float(np.bincount(labels).min() / len(labels)),
    }


def renamed(before: Ints, after: Ints) -> Ints:
    """`after` in the numbers of `before` where matched, by the product's own rule; new numbers for the rest."""
    together = naming.counts(before, after, shape=(before.max() + 1, after.max() + 1))
    heirs = naming.matched(together, np.zeros(together.shape))
    numbers = np.array([heirs.get(new, 100 + new) for new in range(after.max() + 1)])
    found: Ints = numbers[after]
    return found


def months(shop: Shop) -> tuple[list[str], clusters.ClusterModel]:
    """Refit every month on from the month before; the reference anew each month, its names matched."""
    rows = []
    table = shop.rfm(shop.months[0])
    model, plain = clusters.fit(table, seed=SEED), reference(table, seed=SEED)
    for cutoff in shop.months[1:]:
        later = shop.rfm(cutoff)
        next_model = clusters.fit(later, seed=SEED, previous=model)
        next_plain = reference(later, seed=SEED)
        _, was, now = np.intersect1d(table.customer_ids, later.customer_ids, return_indices=True)
        ours = model.keys(later) == next_model.keys(later)
        ours_moved = model.keys(table)[was] == next_model.keys(later)[now]
        theirs = renamed(plain(later), next_plain(later))
        theirs_kept = plain(later) == theirs
        theirs_moved = plain(table)[was] == theirs[now]
        rows.append(
            f"  {cutoff}  {next_model.title:<22} kept {ours.mean():6.1%}  moved {1 - ours_moved.mean():6.1%}"
            f"   | reference kept {theirs_kept.mean():6.1%}  moved {1 - theirs_moved.mean():6.1%}"
        )
        table, model, plain = later, next_model, next_plain
    return rows, model


def judged(shop: Shop, *, times: int) -> None:
    table = shop.rfm(shop.months[-1])
    print(f"\n{shop.name}: {len(table):,} customers with an order before {shop.months[-1]}")
    continued_rows, continued = months(shop)
    begun = time.process_time()
    model = clusters.fit(table, seed=SEED)
    seconds = time.process_time() - begun

    def again(candidate: clusters.Candidate) -> Callable[[FeatureTable, int], Assign]:
        return lambda resample, seed: (
            clusters.fit(
                resample, seed=seed, ks=[candidate.k], algorithms=[candidate.algorithm]
            ).assign
        )

    rows = {
        f"ours, automatic ({model.title})": measures(
            table, model.assign(table), again(model.candidate), times
        ),
        f"ours, refitted monthly ({continued.title})": measures(
            table, continued.assign(table), again(continued.candidate), times
        ),
        "reference (k-means, k = 4)": measures(
            table,
            reference(table, seed=SEED)(table),
            lambda resample, seed: reference(resample, seed=seed),
            times,
        ),
    }
    print(f"  {'':<46}" + "".join(f"{name:>12}" for name in next(iter(rows.values()))))
    for name, row in rows.items():
        print(f"  {name:<46}" + "".join(f"{value:12.3f}" for value in row.values()))
    print(
        f"  goals: 3 to 8 groups, ARI >= 0.85, silhouette >= {shop.least_silhouette}, smallest >= 0.05"
    )
    print(f"  whole automatic choice: {seconds:.1f} s of CPU; {model.reason}")
    print("  names over monthly refits (goal: kept >= 90 %)")
    print("\n".join(continued_rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--resamples", type=int, default=10)
    given = parser.parse_args()
    print(__doc__)
    for load in (online_retail, cdnow):
        judged(load(given.data), times=given.resamples)


if __name__ == "__main__":
    main()
