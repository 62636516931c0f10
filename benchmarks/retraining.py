"""
The three ways to a new model, side by side over past windows of a file of transactions.

    python -m benchmarks.retraining FILE [--horizon-days 30] [--past 8] [--until DATE]

At each past cut-off all three have seen the same: anew learns from all windows closed by then; warm start and blend
have an old model of all but the two newest of these, and the two newest. Printed are log loss, AUC and Brier score
over all cut-offs together, and the paired 95 % interval of the log loss against anew.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.value import transactions_of
from segmentation.ml import backtests, training
from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.estimators.propensity import Settings
from segmentation.ml.offline import transactions
from segmentation.ml.splits import rolling_origins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--horizon-days", type=int, default=30)
    parser.add_argument("--past", type=int, default=8, help="cut-offs that are judged")
    parser.add_argument("--origins", type=int, default=20)
    parser.add_argument("--until", help="a date; later rows are not read")
    parser.add_argument("--seed", type=int, default=42)
    given = parser.parse_args()
    known = transactions_of(given.file)
    if given.until:
        known, _ = known.until(transactions.moment(given.until))
    placed = known.column("placed_at")
    last = int(placed.max()) + 1
    split = rolling_origins(
        history_from=int(placed.min()),
        known_at=last,
        horizon_days=given.horizon_days,
        at_most=given.origins,
    )
    with known.mirror() as database:
        origins = training.gather(
            database,
            at=(*split.train_at, split.test_at),
            horizon_days=given.horizon_days,
            known_at=last,
        )
    found = backtests.over_past(
        [one for one in origins if len(one.bought)],
        horizon_days=given.horizon_days,
        settings=Settings(seed=given.seed),
        compare=True,
        newest=given.past,
    )
    days = (last - int(placed.min())) // SECONDS_PER_DAY
    print(json.dumps({"days": days, "cut-offs": len(origins), "judged": len(found.past)}))
    for way in found.strategies:
        against = way.against_anew
        print(
            json.dumps(
                {
                    "way": way.words,
                    "log loss": round(way.log_loss, 4),
                    "AUC": round(way.auc, 4),
                    "Brier": round(way.brier, 4),
                    "against anew": None
                    if against is None
                    else [round(one, 4) for one in (against.mean, against.low, against.high)],
                }
            )
        )
    print(f"chosen: {found.chosen.value}, weight of the old model in a blend {found.weight:.2f}")


if __name__ == "__main__":
    main()
