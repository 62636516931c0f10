"""Future orders, spend and churn on real data, beside what is usual, with the goals and whether they were met.

    python -m benchmarks.value ../shared/data/cdnow/CDNOW_master.txt
    python -m benchmarks.value ../shared/data/online-retail/online_retail.parquet
    python -m benchmarks.value FILE --cutoff 2011-06-10 --horizon-days 183     # any file of transactions: no goals

CDNOW: 39 weeks known, 39 weeks predicted. Online Retail: 26 weeks from 2011-06-10, churn of 90 days from 2011-09-10,
purchase within 30 days from 2011-11-09. Everything is learned and chosen before the cut-off; what comes after it is read to
judge by, once. Intervals are paired, over customers drawn again (500 times).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from segmentation.ml import btyd, lifetime, metrics
from segmentation.ml.btyd import GammaGamma, Histories
from segmentation.ml.btyd.chain import MODIFIED, PARETO, PLAIN
from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.estimators import choosing, propensity
from segmentation.ml.lifetime.measures import coverage, forecast_metrics
from segmentation.ml.offline import transactions
from segmentation.ml.offline.transactions import Transactions
from segmentation.ml.tables import Floats
from segmentation.ml.training import eligible


SHOWN = ("mae", "rmse", "spearman", "gini", "total_error", "decile_mape", "auc", "median_mae")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """`least` or `most` bounds a figure, taken by its size for a relative error."""

    name: str
    value: float
    most: float | None = None
    least: float | None = None

    def __str__(self) -> str:
        bound = f"at most {self.most:g}" if self.most is not None else f"at least {self.least:g}"
        met = self.value <= self.most if self.most is not None else self.value >= (self.least or 0)
        return f"  {'MET    ' if met else 'NOT MET'} {self.name}: {self.value:.4g} ({bound})"


@dataclass(frozen=True, kw_only=True)
class Bars:
    """The goals of one data set: rmse, total, gini, auc, decile, median of orders; gini, rmse, total, decile of spend."""

    orders: dict[str, tuple[str, float]]
    spend: dict[str, tuple[str, float]]
    seconds: float | None = None


CDNOW = Bars(
    orders={
        "rmse": ("most", 1.685), "total_error": ("most", 0.05), "gini": ("least", 0.682), "auc": ("least", 0.772),
        "decile_mape": ("most", 0.10), "median_mae": ("most", 0.71),
    },
    spend={"gini": ("least", 0.725), "rmse": ("most", 91.0), "total_error": ("most", 0.08)},
    seconds=60.0,
)  # fmt: skip
ONLINE_RETAIL = Bars(
    orders={"rmse": ("most", 1.63), "mae": ("most", 1.00), "auc": ("least", 0.815), "total_error": ("most", 0.05)},
    spend={"gini": ("least", 0.805), "decile_mape": ("most", 0.15), "total_error": ("most", 0.10)},
)  # fmt: skip
ONE_YEAR = (
    "These goals were set on two years of this shop (with 2009 and 2010). This file has the second year only: other\n"
    "customers (the old ones are missing), half the history, no season to look back to. Figures are not comparable; what is is the\n"
    "distance to the references beside them."
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--cutoff", help="judge at this moment instead of the known ones")
    parser.add_argument("--horizon-days", type=int, default=180)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        parser.error(f"{options.file}: there is no such file")
    print(f"load {os.getloadavg()[0]:.1f}")
    with transactions_of(options.file).mirror() as database:
        if options.cutoff:
            value(database, options.cutoff, options.horizon_days, bars=None, jobs=options.jobs)
            churn(database, options.cutoff, options.horizon_days, goals={}, jobs=options.jobs)
        elif "cdnow" in options.file.name.lower():
            value(database, "1997-10-01", 273, bars=CDNOW, jobs=options.jobs)
        else:
            print(ONE_YEAR)
            value(database, "2011-06-10", 183, bars=ONLINE_RETAIL, jobs=options.jobs)
            goals = {"auc": ("least", 0.78), "brier": ("most", 0.190), "ece": ("most", 0.02)}
            churn(database, "2011-09-10", 90, goals=goals, jobs=options.jobs)
            goals = {
                "auc": ("least", 0.776),
                "average_precision": ("least", 0.675),
                "ece": ("most", 0.02),
            }
            churn(database, "2011-11-09", 30, goals=goals, jobs=options.jobs)
    return 0


def value(
    database: duckdb.DuckDBPyConnection, cutoff: str, days: int, *, bars: Bars | None, jobs: int
) -> None:
    """Orders and spend within `days` of `cutoff`."""
    as_of = transactions.moment(cutoff)
    started, busy = time.perf_counter(), time.process_time()
    model = lifetime.learn(
        database, known_at=as_of, horizon_days=days, settings=lifetime.Settings(num_threads=jobs)
    )
    test = lifetime.observe(
        database, as_of=as_of, window_days=days, known_at=as_of + days * SECONDS_PER_DAY
    )
    said = model.predict(test.features, as_of=as_of, num_threads=jobs)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    orders, spend = test.orders, test.spend_cents / 100
    print(
        f"\n{days} days from {cutoff}: {len(test):,} customers, {np.mean(orders > 0):.1%} buy; {model.rung}, {seconds:.0f} s ({busy:.0f} s of CPU)"
    )
    plain = references(test, days)
    print(head("orders"))
    for name, one in plain.items():
        print(row(name, forecast_metrics(actual=orders, mean=one)))
    ours = forecast_metrics(actual=orders, mean=said.expected_orders, median=said.median_orders)
    print(row("ours", ours))
    for name in (PARETO, PLAIN):
        against(f"ours - {name}", orders, said.expected_orders, plain[name])
    print(head("spend"))
    basket = baskets(test)
    for name, one in plain.items():
        print(row(f"{name} x basket", forecast_metrics(actual=spend, mean=one * basket)))
    money = forecast_metrics(
        actual=spend, mean=said.expected_spend_cents / 100, median=said.median_spend_cents / 100
    )
    print(row("ours", money))
    against(
        f"ours - {PARETO} x basket", spend, said.expected_spend_cents / 100, plain[PARETO] * basket
    )
    inside = coverage(actual=test.spend_cents, low=said.low_cents, high=said.high_cents)
    print(f"  80 % interval holds {inside:.1%}; P(buys): AUC {metrics.auc(label=orders > 0, score=said.p_buy):.4f}, "
          f"ECE {metrics.ece(label=orders > 0, probability=said.p_buy):.4f}")  # fmt: skip
    if bars is not None:
        best_auc = max(ours["auc"] or 0, metrics.auc(label=orders > 0, score=said.p_buy))
        for goal in goals_of("orders", {**ours, "auc": best_auc}, bars.orders):
            print(goal)
        for goal in goals_of("spend", money, bars.spend):
            print(goal)
        print(Goal(name="coverage from .75", value=inside, least=0.75))
        print(Goal(name="coverage to .85", value=inside, most=0.85))
        if bars.seconds is not None:
            print(Goal(name="seconds to gather, fit and score", value=seconds, most=bars.seconds))


def churn(
    database: duckdb.DuckDBPyConnection,
    cutoff: str,
    days: int,
    *,
    goals: dict[str, tuple[str, float]],
    jobs: int,
) -> None:
    """P(buys) within `days` of `cutoff`, of customers active in the last 364 days."""
    as_of = transactions.moment(cutoff)
    first = lifetime.first_order(database, before=as_of)
    at = lifetime.moments(history_from=first or 0, known_at=as_of, horizon_days=days)
    origins = [active(one) for one in lifetime.gather(database, at=at, known_at=as_of)]
    test = active(
        lifetime.observe(
            database, as_of=as_of, window_days=days, known_at=as_of + days * SECONDS_PER_DAY
        )
    )
    settings = propensity.Settings(num_threads=jobs)
    choice = choosing.choose(origins, settings=settings)
    said: dict[str, Floats] = {}
    rhythm = btyd.fit(Histories.of(test.features), ahead=days, chain=(MODIFIED, PLAIN))
    said[f"{rhythm.name} alone"] = 1 - np.exp(
        rhythm.model.log_silence(Histories.of(test.features), ahead=float(days))
    )
    for name in reversed(choosing.CANDIDATES):
        one = choosing.Choice(algorithm=name, reason="")
        said[name] = choosing.learn(origins, choice=one, settings=settings).predict(
            test.features, as_of=as_of
        )
    print(
        f"\npurchase within {days} days from {cutoff}: {len(test.bought):,} customers, {test.bought.mean():.1%} buy"
    )
    print(f"chosen on past windows: {choice.reason}")
    print(f"  {'':28}{'AUC':>8}{'AP buy':>8}{'Brier':>8}{'ECE':>8}{'log loss':>10}")
    chosen: dict[str, float] = {}
    for name, p in said.items():
        one = {
            "auc": metrics.auc(label=test.bought, score=p),
            "average_precision": metrics.average_precision(label=test.bought, score=p),
            "brier": metrics.brier(label=test.bought, probability=p),
            "ece": metrics.ece(label=test.bought, probability=p),
            "log_loss": metrics.log_loss(label=test.bought, probability=p),
        }
        mark = "*" if name == choice.algorithm else " "
        print(
            f" {mark}{name:28}"
            + "".join(f"{v:8.4f}" for v in list(one.values())[:4])
            + f"{one['log_loss']:10.4f}"
        )
        if name == choice.algorithm:
            chosen = one
    if choice.algorithm is not None:
        gain = metrics.paired_bootstrap(
            first=metrics.log_losses(label=test.bought, probability=said[choice.algorithm]),
            second=metrics.log_losses(label=test.bought, probability=said[choosing.RECENCY]),
            seed=42,
        )
        print(
            f"  log loss of * against the recency rule {gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]"
        )
    for goal in goals_of("churn" if days > 45 else "purchase", chosen, goals):
        print(goal)


def references(test: lifetime.Origin, days: int) -> dict[str, Floats]:
    """Expected orders by the usual ways, fitted on what was known at the cut-off."""
    histories = Histories.of(test.features)
    said = {
        "all zero": np.zeros(len(test)),
        "own rate": histories.repeats / np.maximum(histories.age, 30.0) * days,
    }
    for name in (PLAIN, MODIFIED, PARETO):
        fitted = btyd.fit(histories, ahead=days, chain=(name,))
        shown = name if fitted.name == name else f"{name}: {fitted.name}"
        said[name] = fitted.model.expected(histories, ahead=days)
        if shown != name:
            print(f"  {shown}: {fitted.reason}")
    return said


def baskets(test: lifetime.Origin) -> Floats:
    days = test.features.column("order_days")
    mean = test.features.column("revenue_cents") / days / 100
    return GammaGamma.fit(orders=days, mean=mean).expected(orders=days, mean=mean)


def active(one: lifetime.Origin) -> propensity.Origin:
    known = eligible(one.features, active_days=364)
    asked = np.isin(one.features.customer_ids, known.customer_ids)
    return propensity.Origin(
        as_of=one.as_of,
        features=known,
        bought=one.orders[asked] > 0,
        horizon_days=one.window_days,
    )


def against(name: str, actual: Floats, first: Floats, second: Floats) -> None:
    """Paired 95 % intervals of RMSE and Gini."""
    rng = np.random.default_rng(42)
    measures: dict[str, Callable[[Floats, Floats], float]] = {
        "RMSE": lambda y, p: float(np.sqrt(np.mean((y - p) ** 2))),
        "Gini": lambda y, p: metrics.normalised_gini(actual=y, predicted=p),
    }
    drawn: dict[str, list[float]] = {key: [] for key in measures}
    for _ in range(500):
        rows = rng.integers(0, len(actual), len(actual))
        for key, measure in measures.items():
            drawn[key].append(
                measure(actual[rows], first[rows]) - measure(actual[rows], second[rows])
            )
    told = [
        f"{key} [{np.quantile(d, 0.025):+.4f}, {np.quantile(d, 0.975):+.4f}]"
        for key, d in drawn.items()
    ]
    print(f"  {name}: {', '.join(told)} (95 %, paired)")


def goals_of(
    what: str, measured: dict[str, float | None], goals: dict[str, tuple[str, float]]
) -> Iterator[Goal]:
    for name, (kind, bound) in goals.items():
        figure = measured.get(name)
        figure = float("nan") if figure is None else figure
        figure = abs(figure) if name == "total_error" else figure
        if kind == "most":
            yield Goal(name=f"{what} {name}", value=figure, most=bound)
        else:
            yield Goal(name=f"{what} {name}", value=figure, least=bound)


def head(what: str) -> str:
    return f"  {what:26}" + "".join(f"{name:>13}" for name in SHOWN)


def row(name: str, measured: dict[str, float | None]) -> str:
    figures = (measured.get(one) for one in SHOWN)
    return f"  {name:26}" + "".join(
        f"{'-' if one is None else f'{one:.4f}':>13}" for one in figures
    )


def transactions_of(path: Path) -> Transactions:
    """The lines of a file; CDNOW's has no names of columns and is read by its places."""
    if path.suffix.lower() != ".txt":
        return transactions.read(path)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "transactions.csv"
        lines = ["customer_id,date,amount"]
        for line in path.read_text(encoding="utf-8").splitlines():
            fields = line.split()
            if len(fields) >= 4 and fields[0].isdigit():
                lines.append(f"{fields[0]},{fields[-3]},{fields[-1]}")
        plain.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return transactions.read(plain)


if __name__ == "__main__":
    raise SystemExit(main())
