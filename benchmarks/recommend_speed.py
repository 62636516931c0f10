"""Top 10 of an item-item model for many customers, beside implicit's batch call on the same matrices."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, save_npz

from segmentation.ml.recommend.batches import best
from segmentation.ml.recommend.links import Links
from segmentation.ml.recommend.neighbours import bm25


PRODUCTS, TASTES, EACH, NEIGHBOURS = 5_000, 50, 12, 20
_IMPLICIT = """
import sys, time, warnings
import numpy as np, scipy.sparse as sp
warnings.simplefilter("ignore")
from implicit.nearest_neighbours import ItemItemRecommender, NearestNeighboursScorer
folder = sys.argv[1]
owned = sp.load_npz(folder + "/owned.npz").astype(np.float64)
model = ItemItemRecommender(K=20)
model.similarity = sp.load_npz(folder + "/links.npz").astype(np.float64)
model.scorer = NearestNeighboursScorer(model.similarity)
seconds = []
for _ in range(3):
    begun = time.process_time()
    products, _scores = model.recommend(np.arange(owned.shape[0]), owned, N=10, filter_already_liked_items=True)
    seconds.append(time.process_time() - begun)
np.save(folder + "/implicit.npy", products)
print(min(seconds))
"""


def compare(*, customers: int, python: Path | None) -> None:
    if python is None or not python.is_file():
        sys.exit(
            "implicit is needed beside Coterie, in an environment of its own:\n"
            "  python -m venv X && X/bin/pip install implicit\n"
            "then: python -m benchmarks.recommend speed --implicit X/bin/python"
        )
    owned, wanted = baskets(customers=customers, seed=42)
    weighted = bm25(owned[:20_000])
    # the neighbours of each product, as implicit keeps them: 20 a row
    nearest = Links.between(weighted.T.tocsr(), weighted, keep=NEIGHBOURS).matrix().T.tocsr()
    nearest.sort_indices()
    links = Links(
        indptr=nearest.indptr.astype(np.int64), column=nearest.indices.astype(np.int64),
        weight=nearest.data,
    )  # fmt: skip
    seconds = []
    for _ in range(3):
        begun = process_time()
        ours, _ = best(owned, links, k=10)
        seconds.append(process_time() - begun)
    with tempfile.TemporaryDirectory() as folder:
        save_npz(f"{folder}/owned.npz", owned)
        save_npz(f"{folder}/links.npz", nearest)
        done = subprocess.run(  # noqa: S603
            [str(python), "-c", _IMPLICIT, folder], capture_output=True, text=True, check=True
        )
        theirs = np.load(f"{folder}/implicit.npy")
    theirs_seconds, ours_seconds = float(done.stdout.split()[-1]), min(seconds)
    print(
        f"{customers} customers with {owned.nnz / customers:.1f} products each of {PRODUCTS}; processor time, best of 3"
    )
    for name, lists, took in (("implicit", theirs, theirs_seconds), ("ours", ours, ours_seconds)):
        hits = np.mean([wanted[row] in lists[row] for row in range(customers)])
        shown = (lists >= 0).nonzero()
        repeated = int(np.asarray(owned[shown[0], lists[shown]]).astype(bool).sum())
        print(
            f"{name:10}{took:>8.2f} s   hit rate at 10 {hits:.4f}   owned products shown {repeated}"
        )
    ratio = theirs_seconds / ours_seconds
    print(f"{ratio:.1f} times as fast; goal 5: {'met' if ratio >= 5 else 'NOT met'}")


def baskets(*, customers: int, seed: int) -> tuple[Any, Any]:
    """A sparse matrix of what customers with one of 50 tastes own, and of each one product that was held out."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum(rng.geometric(1 / EACH, customers) + 3, 150)
    taste = rng.integers(0, TASTES, customers)
    popularity, group = rng.pareto(1.2, PRODUCTS) + 0.1, rng.integers(0, TASTES, PRODUCTS)
    who = np.repeat(np.arange(customers), sizes)
    what = np.empty(len(who), dtype=np.int64)
    for number in range(TASTES):
        share = popularity * np.where(group == number, 30, 1)
        mine = taste[who] == number
        what[mine] = rng.choice(PRODUCTS, int(mine.sum()), p=share / share.sum())
    last = np.r_[np.diff(who) > 0, True]
    wanted = what[last]
    others = ~last & (what != wanted[who])
    owned = csr_matrix(
        (np.ones(int(others.sum()), dtype=np.float32), (who[others], what[others])),
        shape=(customers, PRODUCTS),
    )
    owned.sum_duplicates()
    owned.data[:] = 1
    return owned, wanted
