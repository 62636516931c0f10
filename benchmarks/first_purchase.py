"""
What a first order tells about the segment, on UCI Online Retail, beside simpler ways:

    python -m benchmarks.first_purchase ../shared/data/online-retail/online_retail.parquet

Every customer is held out once (five folds of customers): groups of products, segments, vocabulary and models
are learned from the other four fifths. The label is the segment of the whole behaviour before the cut-off; inputs
are lines of the first order alone. The second table: customers who came in the last two months, learned
from those who came before, with nothing known after the day the two months began.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.first_purchase.behaviour import behaviour
from segmentation.ml.first_purchase.inputs import inputs
from segmentation.ml.first_purchase.judging import intervals, judge
from segmentation.ml.first_purchase.model import FirstPurchaseModel, Settings
from segmentation.ml.first_purchase.orders import Lines
from segmentation.ml.offline import transactions
from segmentation.ml.offline.first_purchase import lines_of
from segmentation.ml.tables import Floats, Ints


FOLDS = 5
GOALS = (
    "goals: accuracy 71 %, of two or more orders 58 %, top two 89 %, calibration error at most 3 %"
)


@dataclass(kw_only=True)
class Collected:
    """What one way said about every held-out customer."""

    shares: list[Floats] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    known = transactions.read(given.file)
    for cutoff in ("2011-10-01", "2011-12-10"):
        part, _ = known.until(transactions.moment(cutoff))
        print(f"\nHeld-out customers, behaviour before {cutoff} ({given.seeds} seeds; {GOALS})")
        held_out(
            lines_of(part), until=transactions.moment(cutoff), seeds=range(42, 42 + given.seeds)
        )
    begin, end = transactions.moment("2011-10-01"), transactions.moment("2011-12-10")
    print("\nCustomers who first came from 2011-10-01, learned from those before")
    newcomers(lines_of(known.until(end)[0]), begin=begin, end=end)


def held_out(lines: Lines, *, until: int, seeds: range) -> None:
    ahead = (until - lines.first_moments()) / SECONDS_PER_DAY
    ways: dict[str, Collected] = {}
    became, orders, customers = [], [], []
    seconds = 0.0
    for seed in seeds:
        fold = np.random.default_rng(seed).permutation(lines.customers) % FOLDS
        for number in range(FOLDS):
            learn, test = lines.of(fold != number), lines.of(fold == number)
            begun = process_time()
            model = FirstPurchaseModel.fit(
                learn, days_ahead=ahead[fold != number], settings=Settings(seed=seed)
            )
            seconds = max(seconds, process_time() - begun)
            said = compare(model, learn, test, ahead[fold != number], ahead[fold == number])
            for way, shares in said.items():
                ways.setdefault(way, Collected()).shares.append(shares)
            became.append(model.became(test))
            customers.append(np.flatnonzero(fold == number))
            orders.append(behaviour(test, model.segments.products).orders.astype(np.int64))
    table(
        ways,
        became=np.concatenate(became),
        orders=np.concatenate(orders),
        customers=np.concatenate(customers),
    )
    print(f"longest training: {seconds:.1f} s of processor time")


def newcomers(lines: Lines, *, begin: int, end: int) -> None:
    before = lines.where(lines.placed_at < begin)
    learn = before.of(np.bincount(before.customer, minlength=lines.customers) > 0)
    test = lines.of(lines.first_moments() >= begin)
    ahead = (begin - learn.first_moments()) / SECONDS_PER_DAY
    asked = (end - test.first_moments()) / SECONDS_PER_DAY
    model = FirstPurchaseModel.fit(learn, days_ahead=ahead, settings=Settings())
    said = compare(model, learn, test, ahead, asked)
    orders = behaviour(test, model.segments.products).orders.astype(np.int64)
    ways = {way: Collected(shares=[shares]) for way, shares in said.items()}
    table(ways, became=model.became(test), orders=orders, customers=np.arange(test.customers))


def compare(
    model: FirstPurchaseModel, learn: Lines, test: Lines, ahead: Floats, asked: Floats
) -> dict[str, Floats]:
    """The shares each way gives the customers of `test`, (m, k)."""
    products, k = model.segments.products, model.settings.segments
    became = model.became(learn)

    def all_inputs(lines: Lines, days: Floats) -> Floats:
        return inputs(
            lines.where(lines.first()),
            days_ahead=days,
            home=model.home,
            coarse=products,
            fine=model.fine,
        )

    def study(lines: Lines) -> Floats:
        """Mean basket and shares of groups, the inputs of the published study; here of the first order."""
        return behaviour(lines.where(lines.first()), products).measures()[:, 3:]

    first = model.segments.assign(behaviour(test.where(test.first()), products).measures())
    return {
        "the largest segment": np.tile(model.prior, (test.customers, 1)),
        "segment of the first order": np.eye(k)[first],
        "logit, the study's inputs": logit(study(learn), became, study(test), k=k),
        "logit, all inputs": logit(all_inputs(learn, ahead), became, all_inputs(test, asked), k=k),
        "this model": model.predict(test, days_ahead=asked).shares,
    }


def logit(values: Floats, became: Ints, asked: Floats, *, k: int) -> Floats:
    fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000)).fit(values, became)
    shares = np.zeros((len(asked), k))
    shares[:, fitted.classes_] = fitted.predict_proba(asked)
    return shares


def table(ways: dict[str, Collected], *, became: Ints, orders: Ints, customers: Ints) -> None:
    print(
        f"{'':28}{'accuracy':>22}{'two or more orders':>22}{'top two':>22}{'macro F1':>10}{'cal. err.':>11}{'log loss':>10}"
    )
    for way, collected in ways.items():
        shares = np.concatenate(collected.shares)
        one = judge(shares=shares, became=became, orders=orders)
        spread = intervals(
            shares=shares, became=became, orders=orders, seed=42, customers=customers, resamples=200
        )
        cells = [
            f"{value:.1%} ({spread[name][0]:.1%}–{spread[name][1]:.1%})"
            for name, value in (
                ("accuracy", one.accuracy),
                ("again", one.again),
                ("top2", one.top2),
            )
        ]
        print(
            f"{way:28}{cells[0]:>22}{cells[1]:>22}{cells[2]:>22}{one.macro_f1:>10.3f}{one.calibration:>11.1%}{one.log_loss:>10.3f}"
        )
    print(
        f"{len(became)} predictions, {np.mean(orders >= 2):.0%} of them about customers with two or more orders"
    )


if __name__ == "__main__":
    main()
