"""
Recommendations on UCI Online Retail beside popularity, item-kNN and EASE; the reverse recommender; and speed:

    python -m benchmarks.recommend quality ../shared/data/online-retail/online_retail.parquet
    python -m benchmarks.recommend reverse ../shared/data/online-retail/online_retail.parquet
    python -m benchmarks.recommend speed --implicit PYTHON

T: learned before 2011-11-09, judged by the 30 days after it. L: learned from everything but each customer's last day of
shopping, judged by that day. Products with ten buyers or more. "new": what the customer did not own, lists without
it. "all": everything. Weights are learned on splits before the judged window only. PYTHON is an interpreter that has
`implicit`, in an environment of its own: python -m venv X && X/bin/pip install implicit.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import process_time

import numpy as np

from benchmarks import recommend_reverse, recommend_speed
from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.offline import transactions
from segmentation.ml.offline.recommend import purchases_of
from segmentation.ml.recommend.engine import Engine, Wishes
from segmentation.ml.recommend.histories import Histories, Scores
from segmentation.ml.recommend.judging import judge, ndcg, paired_interval, top
from segmentation.ml.recommend.neighbours import ItemBm25, bm25
from segmentation.ml.recommend.protocol import recommender
from segmentation.ml.recommend.purchases import Purchases
from segmentation.ml.tables import Bools, Ints


BUYERS = 10
GOALS = {("T", "new"): 0.108, ("L", "new"): 0.098, ("T", "all"): 0.36, ("L", "all"): 0.29}
COVERAGE = 0.30
K = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    chosen = parser.add_subparsers(dest="what", required=True)
    for name in ("quality", "reverse"):
        chosen.add_parser(name).add_argument("file", type=Path)
    speed = chosen.add_parser("speed")
    speed.add_argument("--implicit", type=Path, metavar="PYTHON")
    speed.add_argument("--customers", type=int, default=100_000)
    given = parser.parse_args()
    if given.what == "speed":
        recommend_speed.compare(customers=given.customers, python=given.implicit)
        return
    past, bought, as_of = temporal(given.file)
    if given.what == "reverse":
        recommend_reverse.synthetic()
        recommend_reverse.real(past, bought, as_of=as_of)
        return
    compare("T", past, bought, as_of=as_of)
    past, bought, as_of = last_basket(given.file)
    compare("L", past, bought, as_of=as_of)


def temporal(path: Path) -> tuple[Purchases, Purchases, int]:
    """What was known, what came in the 30 days after, and when that began."""
    as_of = transactions.moment("2011-11-09")
    everything = goods(path)
    past = everything.before(as_of)
    past = past.keeping(past.bought_by(BUYERS))
    until = as_of + 30 * SECONDS_PER_DAY
    after = everything.where((everything.at >= as_of) & (everything.at < until))
    return past, after.onto(past.products), as_of


def last_basket(path: Path) -> tuple[Purchases, Purchases, int]:
    everything = goods(path)
    everything = everything.keeping(everything.bought_by(BUYERS))
    last = np.zeros(everything.customers, dtype=np.int64)
    np.maximum.at(last, everything.customer, everything.day)
    first = np.full(everything.customers, last.max())
    np.minimum.at(first, everything.customer, everything.day)
    held_out = (everything.day == last[everything.customer]) & (last > first)[everything.customer]
    as_of = int(everything.at.max()) + 1
    return everything.where(~held_out), everything.where(held_out), as_of


def goods(path: Path) -> Purchases:
    """The lines of goods: postage, fees and corrections have no number of five digits."""
    past = purchases_of(transactions.read(path))
    numbered = np.array([key[:5].isdigit() for key in past.products.keys])
    return past.keeping(numbered)


def compare(name: str, past: Purchases, bought: Purchases, *, as_of: int) -> None:
    known = np.unique(past.customer)
    chosen = np.intersect1d(known, np.unique(bought.customer))
    asked = past.of_customers(chosen)
    histories = Histories.of(asked, as_of=as_of)
    owned: Bools = histories.matrix().toarray() > 0
    sets = Histories.of(bought.of_customers(chosen), as_of=int(bought.at.max()) + 1)
    whole = [sets.product[sets.indptr[n] : sets.indptr[n + 1]] for n in range(len(chosen))]
    fresh = [one[~owned[n, one]] for n, one in enumerate(whole)]
    begun = process_time()
    engine = Engine.fit(past, as_of=as_of)
    fitted = process_time() - begun
    begun = process_time()
    lists = {
        new: engine.recommend(asked, as_of=as_of, wishes=Wishes(k=K, exclude_owned=new)).product
        for new in (True, False)
    }
    asking = (process_time() - begun) / 2
    print(
        f"\n{name}: {len(past.products)} products, {past.customers} customers; fitted in {fitted:.0f} s, "
        f"{1e6 * asking / len(chosen):.0f} µs a list, of processor time"
    )
    print(
        f"{'':14}{'new: NDCG@10':>14}{'recall':>8}{'coverage':>10}{'all: NDCG@10':>14}{'recall':>8}{'coverage':>10}"
    )
    others = {way: scores_of(way, past, histories, as_of=as_of) for way in WAYS}
    gains = {}
    for way in [*WAYS, "ours"]:
        cells = ""
        for new, truth in ((True, fresh), (False, whole)):
            some = np.array([len(one) > 0 for one in truth])
            wanted = [one for one in truth if len(one)]
            if way == "ours":
                ranked: Ints = lists[new][some]
            else:
                scores = np.where(owned, -np.inf, others[way]) if new else others[way]
                ranked = top(scores[some], k=K)
            judged = judge(ranked, wanted, products=len(past.products))
            gains[way, new] = ndcg(ranked, wanted)
            cells += f"{judged.ndcg:>14.4f}{judged.recall:>8.3f}{judged.coverage:>10.2f}"
            if way == "ours" and new:
                coverage = judged.coverage
        print(f"{way:14}{cells}")
    for new, kind in ((True, "new"), (False, "all")):
        goal, reached = GOALS[name, kind], float(gains["ours", new].mean())
        best = max(WAYS, key=lambda way, new=new: float(gains[way, new].mean()))  # type: ignore[misc]
        low, high = paired_interval(gains["ours", new], gains[best, new], seed=42)
        print(
            f"{kind}: goal {goal}, {'met' if reached >= goal else 'NOT met'} ({reached:.4f}, {len(gains['ours', new])} "
            f"customers); above {best} by {low:+.4f} to {high:+.4f} (95 %, paired)"
        )
    if name == "T":
        print(
            f"coverage of new: goal {COVERAGE}, {'met' if coverage >= COVERAGE else 'NOT met'} ({coverage:.2f})"
        )


WAYS = ("popular_month", "item_bm25", "user_knn", "ease", "repeats")


def scores_of(way: str, past: Purchases, histories: Histories, *, as_of: int) -> Scores:
    fitted = recommender(way).fit(past, as_of=as_of)
    scores = np.array(fitted.scores(histories))
    if isinstance(fitted, ItemBm25):
        # as implicit has it: a product is its own neighbour, which is what lets it repeat
        whole = Histories.of(past, as_of=as_of)
        own = np.asarray(bm25(whole.matrix()).power(2).sum(axis=0)).ravel()
        scores[histories.customer, histories.product] += own[histories.product]
    return scores


if __name__ == "__main__":
    main()
