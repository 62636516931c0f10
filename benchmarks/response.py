"""
Answers to a campaign, on the customer personality data, beside its parts alone:

    python -m benchmarks.response ../shared/data/ifood-marketing/marketing_campaign.csv

Stratified five folds, three seeds. Profit: of contacting whoever is likelier to answer than cost / revenue, summed over
all customers, each predicted once. References are scikit-learn's logistic regression and LightGBM as they come.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import lightgbm as lgb
import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from segmentation.ml import metrics
from segmentation.ml.contacts.model import ContactModel
from segmentation.ml.offline import files, records
from segmentation.ml.records.columns import Records
from segmentation.ml.records.encoding import Encoder
from segmentation.ml.tables import Floats, Ints


COST, REVENUE = 3.0, 11.0
GOALS = {"AUC": 0.91, "Brier": 0.078, "profit": 1290.0}
OURS = "Coterie"


@dataclass(frozen=True, kw_only=True)
class Measured:
    auc: float
    precision: float
    brier: float
    ece: float
    profit: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--outcome", default="Response")
    parser.add_argument("--exclude", nargs="+", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=42)
    given = parser.parse_args()
    raw = files.read(given.file)
    with raw.database:
        names = records.features(raw, not_these=[given.outcome, *given.exclude])
        known = records.read(raw, records.Kinds.learn(raw, names))
        text = records.texts(raw, str(given.file), given.outcome)
        y, _ = records.numeric(str(given.file), given.outcome, text)
    found: dict[str, list[Measured]] = {}
    seconds = 0.0
    with threadpool_limits(limits=1):
        for seed in range(given.first_seed, given.first_seed + given.seeds):
            said: dict[str, Floats] = {}
            for learn, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(y, y):
                begun = process_time()
                model = ContactModel.fit(known.take(learn), y[learn], seed=seed)
                seconds = max(seconds, process_time() - begun)
                ways = references(known, y, learn, test, seed=seed)
                ways[OURS] = model.predict(known.take(test))
                for way, p in ways.items():
                    said.setdefault(way, np.empty(len(y)))[test] = p
            for way, p in said.items():
                found.setdefault(way, []).append(measured(y, p))
    print(f"{len(y)} customers, {y.mean():.1%} answered; {given.seeds} seeds")
    print(f"{'':26}{'AUC':>8}{'AP':>8}{'Brier':>9}{'ECE':>8}{'profit':>9}  by seed (AUC, profit)")
    for way, each in found.items():
        mean = average(each)
        by_seed = "  ".join(f"{one.auc:.4f} {one.profit:.0f}" for one in each)
        print(
            f"{way:26}{mean.auc:>8.4f}{mean.precision:>8.3f}{mean.brier:>9.4f}{mean.ece:>8.3f}{mean.profit:>9.0f}  {by_seed}"
        )
    ours = average(found[OURS])
    for name, value, met in (
        ("AUC", ours.auc, ours.auc >= GOALS["AUC"]),
        ("Brier", ours.brier, ours.brier <= GOALS["Brier"]),
        ("profit", ours.profit, ours.profit >= GOALS["profit"]),
    ):
        print(f"goal {name} {GOALS[name]:g}: {value:.4f}, {'met' if met else 'not met'}")
    print(f"longest training: {seconds:.1f} s of processor time")


def references(
    known: Records, y: Floats, learn: Ints, test: Ints, *, seed: int
) -> dict[str, Floats]:
    encoder = Encoder.fit(known.take(learn))
    some, others = encoder.transform(known.take(learn)), encoder.transform(known.take(test))
    logistic = LogisticRegressionCV(
        Cs=5, cv=3, scoring="neg_log_loss", max_iter=2000, l1_ratios=(0,), use_legacy_attributes=False
    ).fit(some.linear, y[learn])  # fmt: skip
    settings = {"objective": "binary", "learning_rate": 0.05, "num_leaves": 15, "verbose": -1}
    trees = lgb.train(
        settings | {"seed": seed, "num_threads": 1}, lgb.Dataset(some.trees, y[learn]), 150
    )
    return {
        "nobody or everybody": np.full(len(test), float(y[learn].mean())),
        "logistic regression": logistic.predict_proba(others.linear)[:, 1],
        "LightGBM": np.asarray(trees.predict(others.trees)),
    }


def measured(y: Floats, p: Floats) -> Measured:
    gained = np.where(p * REVENUE > COST, y * REVENUE - COST, 0.0)
    return Measured(
        auc=metrics.auc(label=y, score=p),
        precision=metrics.average_precision(label=y, score=p),
        brier=metrics.brier(label=y, probability=p),
        ece=metrics.ece(label=y, probability=p),
        profit=float(gained.sum()),
    )


def average(each: list[Measured]) -> Measured:
    return Measured(
        auc=float(np.mean([one.auc for one in each])),
        precision=float(np.mean([one.precision for one in each])),
        brier=float(np.mean([one.brier for one in each])),
        ece=float(np.mean([one.ece for one in each])),
        profit=float(np.mean([one.profit for one in each])),
    )


if __name__ == "__main__":
    main()
