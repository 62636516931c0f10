"""The benchmark's table: means over worlds with 95 % t intervals, all paired within a world."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats

from benchmarks.loop_seed import POLICIES, SeedResult


_SIMPLE = ("everybody", "random half", "response-only")


def summarise(results: list[SeedResult]) -> dict[str, Any]:
    """Plain JSON: per round and policy, and the paired differences to the simple policies."""
    rounds = []
    for number in range(len(results[0].rounds)):
        played = [result.rounds[number] for result in results]
        profit = {name: np.array([one.profit[name] for one in played]) for name in POLICIES}
        heads = np.array([one.reachable for one in played])
        oracle = np.maximum(profit["oracle"], 1e-9)
        best = max(_SIMPLE, key=lambda name: float(profit[name].mean()))
        rounds.append({
            "round": number + 1,
            "share": {name: _interval(profit[name] / oracle) for name in POLICIES},
            "euro_per_1000": {name: _interval(profit[name] / heads * 10) for name in POLICIES},
            "mailed": {name: float(np.mean([one.mailed[name] for one in played])) for name in POLICIES},
            "over": {
                name: _interval((profit["coterie"] - profit[name]) / oracle) for name in _SIMPLE
            },
            "best_simple": best,
            "verdicts": dict(Counter(one.verdict for one in played)),
        })  # fmt: skip
    ceilings = [result.ceiling for result in results]
    return {
        "seeds": [result.seed for result in results],
        "rounds": rounds,
        "ceiling": {
            name: _interval(np.array([getattr(one, name) for one in ceilings]))
            for name in ("by_uplift", "by_profit", "explained")
        },
    }


def render(report: dict[str, Any]) -> None:
    """Print the tables."""
    console = Console(width=150)
    worlds = len(report["seeds"])
    console.print(
        f"[bold]{report['params']}[/]: {report['customers']:,} customers, {worlds} simulated shops,"
        f" {report['seconds']:.0f} s. Expected true incremental profit of each policy on the same"
        " customers in the same state; mean and 95 % interval over shops (t)."
    )
    share = Table(title="Share of the oracle's incremental profit, %")
    money = Table(title="Incremental profit, EUR per 1,000 reachable customers")
    for table in (share, money):
        table.add_column("round", justify="right")
        for name in POLICIES:
            table.add_column(_heading(name), justify="right")
    for row in report["rounds"]:
        share.add_row(str(row["round"]), *(_text(row["share"][name], 100) for name in POLICIES))
        money.add_row(
            str(row["round"]), *(_text(row["euro_per_1000"][name], 1) for name in POLICIES)
        )
    paired = Table(
        title="Coterie's targeting less simple policies, paired, % of the oracle's profit"
    )
    for name in ("round", *(f"less {name}" for name in _SIMPLE), "mailed, %", "verdict (shops)"):
        paired.add_column(name, justify="right")
    for row in report["rounds"]:
        verdicts = ", ".join(f"{name} ({count})" for name, count in row["verdicts"].items())
        paired.add_row(
            str(row["round"]),
            *(_text(row["over"][name], 100) + _mark(row["over"][name]) for name in _SIMPLE),
            f"{100 * row['mailed']['coterie']:.0f}",
            verdicts,
        )
    for table in (share, money, paired):
        console.print(table)
    ceiling = report["ceiling"]
    console.print(
        "'Coterie' is the model's recommendation applied to all reachable customers, as for the other"
        " policies; 'as run' is what the campaign earned with its holdout (10 %) and its exploration."
        " In round 1 nothing is known: the recommendation is everybody, what is run is a random half of those"
        " outside the holdout."
    )
    console.print(
        f"Of the variance of true uplift the features explain {_text(ceiling['explained'], 100)} %. A model"
        " fitted on the true uplifts with these features, and with our base rates and order values, reaches"
        f" {_text(ceiling['by_uplift'], 100)} % of the oracle; fitted on the true profits"
        f" {_text(ceiling['by_profit'], 100)} % (last round). The rest cannot be seen."
    )


def _interval(values: np.ndarray) -> dict[str, float | None]:
    mean = float(values.mean())
    if len(values) < 2:
        return {"mean": mean, "low": None, "high": None}
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return {"mean": mean, "low": mean - half, "high": mean + half}


def _text(interval: dict[str, Any], factor: float) -> str:
    if interval["low"] is None:
        return f"{interval['mean'] * factor:.1f}"
    return f"{interval['mean'] * factor:.1f} \\[{interval['low'] * factor:.1f}, {interval['high'] * factor:.1f}]"


def _mark(interval: dict[str, Any]) -> str:
    if interval["low"] is None:
        return ""
    return " +" if interval["low"] > 0 else " -" if interval["high"] < 0 else ""


def _heading(name: str) -> str:
    return {"coterie": "Coterie", "as run": "as run (Coterie)"}.get(name, name)
