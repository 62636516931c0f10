"""
Uplift on Hillstrom's e-mail experiment, beside simpler ways, paired over splits:

    python -m benchmarks.uplift ../shared/data/hillstrom/hillstrom_dev_half.csv

Half the customers teach, half judge, stratified by treatment and outcome, for ten seeds. Qini and uplift of the best are
those of scikit-uplift. Which differences are believed, and how far, is decided on the learning half alone.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import lightgbm as lgb
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from segmentation.ml.effects import judging
from segmentation.ml.effects.experiment import Experiment
from segmentation.ml.effects.model import EffectModel, Verdict
from segmentation.ml.offline import files, records
from segmentation.ml.records.columns import Records
from segmentation.ml.records.encoding import Design, Encoder
from segmentation.ml.tables import Floats, Ints


OUTCOMES = ("visit", "conversion", "spend")
CONTRASTS = {
    "women's e-mail": ("Womens E-Mail",),
    "any e-mail": ("Womens E-Mail", "Mens E-Mail"),
    "men's e-mail": ("Mens E-Mail",),
}
CONTROL = "No E-Mail"
GOALS = {
    "women's e-mail": {"qini": 0.067, "at 30 %": 0.077},
    "any e-mail": {"qini": 0.039, "at 30 %": 0.080},
    "men's e-mail": {"qini": 0.018},
}
"""Set for the whole experiment of 64,000; on a part of it every way has less to learn from."""
SECONDS = 5.0
OURS = "Coterie"
MEASURES = ("qini", "at 10 %", "at 30 %")


@dataclass(frozen=True, kw_only=True)
class Data:
    records: Records
    arm: Ints  # positions in `arms`
    arms: tuple[str, ...]
    outcomes: Mapping[str, Floats]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=42)
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    data = read(given.file)
    print(f"{data.records.rows} customers; {given.seeds} splits")
    with threadpool_limits(limits=1):
        for contrast in CONTRASTS:
            visits(data, contrast, seeds)
        rare(data, seeds)


def read(path: Path) -> Data:
    raw = files.read(path)
    with raw.database:
        names = records.features(raw, not_these=["customer_id", "segment", *OUTCOMES])
        arms, arm = np.unique(records.texts(raw, str(path), "segment"), return_inverse=True)
        return Data(
            records=records.read(raw, records.Kinds.learn(raw, names)),
            arm=arm,
            arms=tuple(arms.tolist()),
            outcomes={
                name: records.numeric(str(path), name, records.texts(raw, str(path), name))[0]
                for name in OUTCOMES
            },
        )


def halves(data: Data, contrast: str, outcome: str, *, seed: int) -> tuple[Ints, Ints, Floats]:
    """Rows to learn from, rows to judge on, and who of all was treated."""
    treated = np.isin(data.arm, [data.arms.index(name) for name in CONTRASTS[contrast]])
    rows = np.flatnonzero(treated | (data.arm == data.arms.index(CONTROL)))
    hit = data.outcomes[outcome] > 0
    learn, test = train_test_split(
        rows, test_size=0.5, random_state=seed, stratify=2 * treated[rows] + hit[rows]
    )
    return learn, test, treated.astype(float)


def visits(data: Data, contrast: str, seeds: range) -> None:
    y = data.outcomes["visit"]
    found: dict[str, list[list[float]]] = {}
    verdicts: Counter[str] = Counter()
    seconds = 0.0
    for seed in seeds:
        learn, test, treated = halves(data, contrast, "visit", seed=seed)
        begun = process_time()
        encoder = Encoder.fit(data.records.take(learn))
        known = encoder.transform(data.records.take(learn))
        model = fitted(known, y[learn], treated[learn], seed=seed)
        seconds = max(seconds, process_time() - begun)
        asked = encoder.transform(data.records.take(test))
        verdicts[str(model.verdict)] += 1
        ways = references(known, y[learn], treated[learn], asked, seed=seed)
        ways[OURS] = model.predict(asked).effect
        for way, uplift in ways.items():
            found.setdefault(way, []).append(measured(y[test], uplift, treated[test]))
    print(f"\n{contrast} against none, visits; mean (standard deviation over splits)")
    print(f"{'':34}{'Qini':>16}{'at 10 %':>10}{'at 30 %':>10}{'ours better':>13}")
    ours = np.array(found[OURS])
    for way, values in found.items():
        each = np.array(values)
        mean = each.mean(axis=0)
        better = "" if way == OURS else f"{int((ours[:, 0] > each[:, 0]).sum())}/{len(each)}"
        print(
            f"{way:34}{f'{mean[0]:.4f} ({each[:, 0].std():.4f})':>16}{mean[1]:>10.4f}{mean[2]:>10.4f}{better:>13}"
        )
    for measure, goal in GOALS[contrast].items():
        value = float(ours[:, MEASURES.index(measure)].mean())
        print(f"goal {measure} {goal}: {value:.4f}, {'met' if value >= goal else 'not met'}")
    print(
        f"goal fit in {SECONDS:.0f} s: {seconds:.1f}, {'met' if seconds <= SECONDS else 'not met'}"
    )
    print("said:", ", ".join(f"{said} {count}x" for said, count in verdicts.items()))


def rare(data: Data, seeds: range) -> None:
    print("\nConversions: evidence that customers differ (goal: none is claimed)")
    for contrast in CONTRASTS:
        said: Counter[str] = Counter()
        y = data.outcomes["conversion"]
        for seed in seeds:
            learn, _, treated = halves(data, contrast, "conversion", seed=seed)
            records_ = data.records.take(learn)
            known = Encoder.fit(records_).transform(records_)
            said[str(fitted(known, y[learn], treated[learn], seed=seed).verdict)] += 1
        claims = said[str(Verdict.DIFFERENCES)] + said[str(Verdict.GRADED)]
        told = ", ".join(f"{verdict} {count}x" for verdict, count in said.items())
        print(f"{contrast}: {told}; {'met' if not claims else 'not met'}")


def fitted(design: Design, outcome: Floats, treated: Floats, *, seed: int) -> EffectModel:
    share = np.full(len(outcome), float(treated.mean()))
    return EffectModel.fit(
        Experiment(design=design, outcome=outcome, treated=treated, propensity=share), seed=seed
    )


def references(
    known: Design, y: Floats, treated: Floats, asked: Design, *, seed: int
) -> dict[str, Floats]:
    """Uplift by ways that are known to everybody."""
    trees = [
        grown(known.trees[treated == arm], y[treated == arm], seed=seed).predict(asked.trees)
        for arm in (0, 1)
    ]
    both = np.column_stack([known.linear, treated, known.linear * treated[:, None]])
    one = LogisticRegression(C=0.1, max_iter=2000).fit(both, y)
    rows = len(asked.linear)
    p = [
        one.predict_proba(
            np.column_stack([asked.linear, np.full(rows, float(arm)), asked.linear * arm])
        )[:, 1]
        for arm in (0, 1)
    ]
    return {
        "random": np.random.default_rng(seed).random(rows),
        "response model, LightGBM": np.asarray(trees[1]),
        "T-learner, LightGBM": np.asarray(trees[1] - trees[0]),
        "S-learner, logistic, interactions": np.asarray(p[1] - p[0]),
    }


def grown(values: Floats, label: Floats, *, seed: int) -> lgb.Booster:
    settings = {"objective": "binary", "num_leaves": 8, "min_data_in_leaf": 200, "verbose": -1}
    return lgb.train(settings | {"seed": seed, "num_threads": 1}, lgb.Dataset(values, label), 60)


def measured(y: Floats, uplift: Floats, treated: Floats) -> list[float]:
    return [
        judging.qini(outcome=y, uplift=uplift, treated=treated),
        *(
            judging.at_share(outcome=y, uplift=uplift, treated=treated, share=share)
            for share in (0.1, 0.3)
        ),
    ]


if __name__ == "__main__":
    main()
