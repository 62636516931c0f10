"""Scoring a million customers as the product does, beside LightGBM's bare Booster.predict on the same matrix.

    python -m benchmarks.scoring --rows 1000000 --rounds 3

Bare: the parsed booster over the whole feature matrix, log-odds out, no check and no table. Ours: PropensityModel.predict
over the feature table: rhythm, level, trees, calibration, probabilities out. The model is learned from drawn customers;
what it says does not matter here, what it costs does. Rounds alternate, and the ratio is of each round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time

import lightgbm
import numpy as np

from segmentation.ml.columns import ORDER_DAYS, RECENCY_DAYS, TENURE_DAYS
from segmentation.ml.estimators import propensity
from segmentation.ml.features import MODEL_FEATURES
from segmentation.ml.tables import FeatureTable


GOAL = 1.15


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    report = measure(options.rows, rounds=options.rounds, threads=options.threads)
    print(
        f"{options.rows:,} customers, {len(MODEL_FEATURES)} features, {options.rounds} rounds, load {os.getloadavg()[0]:.1f}"
    )
    print(f"  Booster.predict          {report['bare']:8.3f} s")
    print(f"  PropensityModel.predict  {report['ours']:8.3f} s")
    met = "met" if report["ratio"] <= GOAL else "not met"
    print(f"  ratio {report['ratio']:.3f} (goal at most {GOAL}: {met})")
    if options.json:
        print(json.dumps(report))
    return 0


def measure(rows: int, *, rounds: int, threads: int) -> dict[str, float]:
    learned_from = drawn(20_000, seed=1)
    chance = 1 / (1 + learned_from.column(RECENCY_DAYS) / 60)
    bought = np.random.default_rng(2).random(len(learned_from)) < chance
    origin = propensity.Origin(as_of=0, features=learned_from, bought=bought)
    model = propensity.fit([origin], settings=propensity.Settings())
    files = model.to_files()
    model = propensity.PropensityModel.from_files(files)
    table = drawn(rows, seed=3)
    booster = lightgbm.Booster(model_str=model.trees)
    bare, ours = [], []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        booster.predict(table.values, raw_score=True, num_threads=threads)
        middle = time.perf_counter()
        model.predict(table, as_of=0, num_threads=threads)
        bare.append(middle - started)
        ours.append(time.perf_counter() - middle)
    ratios = [b / a for a, b in zip(bare[1:], ours[1:], strict=True)]
    return {
        "bare": statistics.median(bare[1:]),
        "ours": statistics.median(ours[1:]),
        "ratio": statistics.median(ratios),
    }


def drawn(rows: int, *, seed: int) -> FeatureTable:
    """Customers whose rhythm could be, and whose other features are noise."""
    rng = np.random.default_rng(seed)
    values = rng.lognormal(1, 1, (rows, len(MODEL_FEATURES)))
    tenure = rng.uniform(1, 700, rows)
    days = 1.0 + rng.poisson(tenure / 90)
    columns = {
        TENURE_DAYS: tenure,
        RECENCY_DAYS: np.where(days > 1, tenure * rng.random(rows), tenure),
        ORDER_DAYS: days,
    }
    for name, column in columns.items():
        values[:, MODEL_FEATURES.index(name)] = column
    return FeatureTable(customer_ids=np.arange(rows), names=MODEL_FEATURES, values=values)


if __name__ == "__main__":
    raise SystemExit(main())
