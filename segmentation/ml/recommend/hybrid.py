"""The learned hybrid: several recommenders and what is known of own purchases, weighted by what was bought next.

The weights come from inner splits in time, before the moment of asking: at each of them all parts are fitted on what
was known then, and the weights must explain what customers bought in the weeks that followed. There are two sets:
for products the customer does not own, and for all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from segmentation.ml import artifacts
from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.recommend.clocks import WINDOW, Clocks
from segmentation.ml.recommend.histories import Histories, Scores
from segmentation.ml.recommend.protocol import Recommender, recommender
from segmentation.ml.recommend.purchases import Purchases
from segmentation.ml.recommend.weights import Choices, drawn, learn
from segmentation.ml.tables import Bools, Floats, Ints


PARTS = (
    "popular_week", "popular_month", "popular_year", "season",
    "ease", "item_bm25", "user_knn", "content",
)  # fmt: skip
PLAIN = ("popular_week", "popular_month", "popular_year", "season")
"""Already on the scale of logarithms; the others are put on that of each customer's own scores."""
OWN = (
    "owned", "times", "share", "decayed_15", "decayed_60", "decayed_180", "own_decayed",
    "in_last_order", "orders_since", "returns", "days", "days_in_gaps", "due", "clock",
    "products", "orders", "quiet",
)  # fmt: skip
AGAIN = ("ease", "item_bm25", "popular_month", "user_knn")
"""Parts that weigh otherwise for what is owned already."""
ORIGINS = (1, 2, 3)
MOST_CUSTOMERS = 1_200
FEWEST_CUSTOMERS = 50
UNSUNG = 0.3
"""Points of the score for each time that a product sells e times less."""
HABIT = 20.0
"""Buyers of the shop's mean rate of return that each product is given."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Hybrid:
    """fresh: (parts,) weights for products not owned. every: (parts + OWN + AGAIN,) for all.

    returns: (m,) logarithm of the share of buyers who bought again. learned_from: customers of the inner splits;
    with too few, DEFAULTS of the parts serve.
    """

    parts: Mapping[str, Recommender]
    category: Ints
    clocks: Clocks
    returns: Floats
    fresh: Floats
    every: Floats
    learned_from: int

    @classmethod
    def fit(
        cls, past: Purchases, *, as_of: int, seed: int = 42, weights_of: "Hybrid | None" = None
    ) -> Self:
        """weights_of: take its weights instead of learning them again."""
        now = cls._fitted(past.before(as_of), as_of=as_of)
        if weights_of is not None:
            return now._with(weights_of.fresh, weights_of.every, weights_of.learned_from)
        fresh, every, customers = _learned(past.before(as_of), as_of=as_of, seed=seed)
        return now._with(fresh, every, customers)

    def scores(self, histories: Histories) -> Scores:
        """With weights for everything: owned or not."""
        values = self._parts(histories)
        k = len(PARTS)
        total = _weighted(values, self.every[:k])
        rows, columns = histories.customer, histories.product
        own = self._own(
            histories, {name: values[PARTS.index(name)][rows, columns] for name in AGAIN}
        )
        total[rows, columns] += own @ self.every[k:].astype(np.float32)
        return total

    def fresh_scores(self, histories: Histories) -> tuple[Scores, Scores]:
        """
        With weights for what is not owned; the caller takes out what is.

        And the same for discovery: without what sells, and less for what sells anyway.
        """
        values = self._parts(histories)
        quiet = self.fresh.copy()
        quiet[: len(PLAIN)] = 0
        quiet[PARTS.index("popular_year")] = -UNSUNG
        return _weighted(values, self.fresh), _weighted(values, quiet)

    def to_files(self) -> dict[str, bytes]:
        files = artifacts.to_files(
            documents={"hybrid": {"parts": list(PARTS), "learned_from": self.learned_from}},
            arrays={"category": self.category, "returns": self.returns, "fresh": self.fresh,
                    "every": self.every},
        )  # fmt: skip
        stored: dict[str, artifacts.Storable] = {**self.parts, "clocks": self.clocks}
        for name, part in stored.items():
            files |= {f"{name}.{file}": content for file, content in part.to_files().items()}
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        document = artifacts.read_document(files, "hybrid")
        if tuple(document["parts"]) != PARTS:
            raise artifacts.ArtifactError("the hybrid was made of other parts; train again")
        return cls(
            parts={name: recommender(name).from_files(within(files, name)) for name in PARTS},
            clocks=Clocks.from_files(within(files, "clocks")),
            category=artifacts.read_array(files, "category"),
            returns=artifacts.read_array(files, "returns"),
            fresh=artifacts.read_array(files, "fresh"),
            every=artifacts.read_array(files, "every"),
            learned_from=int(document["learned_from"]),
        )

    @classmethod
    def _fitted(cls, past: Purchases, *, as_of: int) -> Self:
        m = len(past.products)
        histories = Histories.of(past, as_of=as_of)
        buyers = np.bincount(histories.product, minlength=m)
        again = np.bincount(histories.product, histories.times > 1, minlength=m)
        shop = again.sum() / max(buyers.sum(), 1)
        return cls(
            parts={name: recommender(name).fit(past, as_of=as_of) for name in PARTS},
            clocks=Clocks.fit(past, as_of=as_of),
            category=past.products.category,
            returns=np.log((again + HABIT * shop + 0.01) / (buyers + HABIT)),
            fresh=default_fresh(), every=default_every(), learned_from=0,
        )  # fmt: skip

    def _with(self, fresh: Floats, every: Floats, customers: int) -> Self:
        return type(self)(
            **{**vars(self), "fresh": fresh, "every": every, "learned_from": customers}
        )

    def _parts(self, histories: Histories) -> list[Scores]:
        return [
            _comparable(part.scores(histories), plain=name in PLAIN)
            for name, part in ((name, self.parts[name]) for name in PARTS)
        ]

    def _own(self, histories: Histories, again: Mapping[str, Scores]) -> NDArray[np.float32]:
        """(pairs, OWN + AGAIN) of what is owned."""
        rows = histories.customer
        lasting = (histories.first - histories.last) / np.maximum(histories.times - 1, 1)
        columns = [
            np.ones(len(rows)),
            np.log1p(histories.times),
            np.log1p(histories.times) - np.log1p(histories.orders[rows]),
            *(np.log(decayed + 0.02) for decayed in histories.decayed),
            np.log(histories.own_decayed + 0.02),
            histories.since == 0,
            np.log1p(histories.since),
            self.returns[histories.product],
            np.log1p(histories.last),
            np.log1p((histories.last - histories.last_order[rows]) / histories.gap[rows]),
            np.where(histories.times > 1, np.log1p(histories.last / np.maximum(lasting, 1)), 0.0),
            self.clocks.due(self.category[histories.product], histories.last),
            np.log1p(np.diff(histories.indptr))[rows],
            np.log1p(histories.orders)[rows],
            np.log1p(histories.last_order / histories.gap)[rows],
            *(again[name] for name in AGAIN),
        ]
        stacked: NDArray[np.float32] = np.column_stack(columns).astype(np.float32)
        return stacked


def default_fresh() -> Floats:
    """Where too little was watched to learn: about what the inner splits of UCI Online Retail give, rounded."""
    given = {"popular_week": 0.5, "popular_month": 0.5, "popular_year": -0.5, "ease": 0.5,
             "item_bm25": 0.5, "content": 0.3}  # fmt: skip
    return np.array([given.get(name, 0.0) for name in PARTS])


def default_every() -> Floats:
    own = {"owned": 2.0, "times": 1.0, "decayed_60": 0.5, "clock": 0.5}
    weights: Floats = np.r_[
        default_fresh(), [own.get(name, 0.0) for name in OWN], np.zeros(len(AGAIN))
    ]
    return weights


def within(files: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    """The files of one part, by their own names."""
    return {
        file.removeprefix(f"{name}."): content
        for file, content in files.items()
        if file.startswith(f"{name}.")
    }


def _learned(past: Purchases, *, as_of: int, seed: int) -> tuple[Floats, Floats, int]:
    rng = np.random.default_rng(seed)
    fresh: list[Choices] = []
    every: list[Choices] = []
    customers = 0
    for origin, before, after in inner_splits(past, as_of=as_of):
        buying = np.intersect1d(np.unique(before.customer), np.unique(after.customer))
        buying = np.sort(rng.permutation(buying)[:MOST_CUSTOMERS])
        if len(buying) < FEWEST_CUSTOMERS:
            continue
        customers += len(buying)
        model = Hybrid._fitted(before, as_of=origin)
        for begin in range(0, len(buying), 200):
            chosen = buying[begin : begin + 200]
            histories = Histories.of(before.of_customers(chosen), as_of=origin)
            bought = Histories.of(after.of_customers(chosen), as_of=as_of)
            one, two = _choices(model, histories, bought, rng=rng)
            fresh += one if origin < as_of else []  # new products are asked for now, not whenever
            every += two
    k = len(PARTS)
    if not customers:
        return default_fresh(), default_every(), 0
    return (
        learn(fresh, features=k) if fresh else default_fresh(),
        learn(every, features=k + len(OWN) + len(AGAIN)),
        customers,
    )


def inner_splits(past: Purchases, *, as_of: int) -> Iterator[tuple[int, Purchases, Purchases]]:
    """
    Moment of asking, what was known, what was bought next; all of it before `as_of`.

    The two questions that are asked of a recommender: what in the coming four weeks, at three origins; and what in
    the next order, whenever it comes: each customer's last, foretold from those before it.
    """
    for number in ORIGINS:
        origin = as_of - number * WINDOW * SECONDS_PER_DAY
        soon = (past.at >= origin) & (past.at < origin + WINDOW * SECONDS_PER_DAY)
        yield origin, past.before(origin), past.where(soon)
    last = np.zeros(past.customers, dtype=np.int64)
    np.maximum.at(last, past.customer, past.day)
    is_last = past.day == last[past.customer]
    yield as_of, past.where(~is_last), past.where(is_last)


def _choices(
    model: Hybrid, histories: Histories, bought: Histories, *, rng: np.random.Generator
) -> tuple[list[Choices], list[Choices]]:
    """What these customers chose among: of what they did not own, and of everything."""
    parts = np.stack(model._parts(histories), axis=2)
    owned = model._own(
        histories,
        {name: parts[histories.customer, histories.product, PARTS.index(name)] for name in AGAIN},
    )
    fresh: list[tuple[NDArray[np.float32], Floats, Floats]] = []
    every: list[tuple[NDArray[np.float32], Floats, Floats]] = []
    k = len(PARTS)
    for row in range(len(histories)):
        pairs = slice(histories.indptr[row], histories.indptr[row + 1])
        known = histories.product[pairs]
        wanted = bought.product[bought.indptr[row] : bought.indptr[row + 1]]
        products, stands_for = drawn(wanted, known, products=histories.products, rng=rng)
        values = np.zeros((len(products), k + owned.shape[1]), dtype=np.float32)
        values[:, :k] = parts[row, products]
        is_known: Bools = np.isin(products, known)
        values[is_known, k:] = owned[pairs][np.searchsorted(known, products[is_known])]
        share = np.isin(products, wanted) / np.sqrt(max(len(wanted), 1))
        every.append((values, share, stands_for))
        if share[~is_known].any():
            fresh.append((values[~is_known, :k], share[~is_known], stands_for[~is_known]))
    return _together(fresh), _together(every)


def _together(parts: Sequence[tuple[NDArray[np.float32], Floats, Floats]]) -> list[Choices]:
    if not parts:
        return []
    sizes = np.array([len(values) for values, _, _ in parts])
    return [
        Choices(
            values=np.concatenate([values for values, _, _ in parts]),
            starts=np.r_[0, np.cumsum(sizes)[:-1]],
            share=np.concatenate([share for _, share, _ in parts]),
            stands_for=np.concatenate([stands_for for _, _, stands_for in parts]),
        )
    ]


def _comparable(scores: Scores, *, plain: bool) -> Scores:
    """In deviations from the customer's own mean, large ones drawn in; one who has no scores gets 0."""
    if plain:
        return scores
    centred = scores - scores.mean(axis=1, keepdims=True)
    centred /= centred.std(axis=1, keepdims=True) + np.float32(1e-6)
    drawn_in: Scores = np.sign(centred) * np.log1p(np.abs(centred))
    return drawn_in


def _weighted(values: list[Scores], weights: Floats) -> Scores:
    total = np.zeros(values[0].shape, dtype=np.float32)
    for value, weight in zip(values, weights, strict=True):
        total += np.float32(weight) * value
    return total


__all__ = ["AGAIN", "OWN", "PARTS", "Hybrid", "inner_splits", "within"]
