"""From a first order to a distribution over segments and to what will be spent.

The idea: customers who began alike tell what may come. To the first order of the customer asked about, the later orders of
each of the nearest earlier customers are added, scaled by their first baskets; the segment of each such whole
behaviour is known exactly, and their weighted shares are the distribution. So what the first order already fixes is used
exactly (a customer who never comes back is in the segment of that one order), and only the future is estimated. A
ridge-penalised multinomial logit then corrects these shares by all inputs; for the customers it is fitted
on, they are made without the customer's own future.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.first_purchase.behaviour import Behaviour, ProductGroups, Segments, behaviour
from segmentation.ml.first_purchase.inputs import inputs, near
from segmentation.ml.first_purchase.orders import Lines
from segmentation.ml.tables import Bools, Floats, Ints


PRIOR = 0.05
"""Share of the prior in the neighbours' shares: no segment is impossible."""
BATCH = 400


@dataclass(frozen=True, kw_only=True)
class Settings:
    segments: int = 11
    groups: int = 5
    fine_groups: int = 20
    neighbours: int = 150
    most_customers: int = 4_000
    ridge: float = 100.0
    basket_power: float = 0.4
    own_goods: float = 0.5
    seed: int = 42


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """shares: (m, k), rows sum to 1. spend: (m,) expected after the first order, in the unit of the amounts."""

    shares: Floats
    spend: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """The d customers that are remembered: where they began (`near`), their first orders and what came later."""

    near: Floats
    first: Behaviour
    later: Behaviour


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstPurchaseModel:
    """mean, scale: (q,) of the inputs. weights: (q + 1, k), the last row is the bias. trust: exponent of the neighbours' shares."""

    settings: Settings
    home: str
    segments: Segments
    fine: ProductGroups
    past: Past
    prior: Floats
    mean: Floats
    scale: Floats
    weights: Floats
    trust: float
    level: float

    @classmethod
    def fit(
        cls, lines: Lines, *, days_ahead: Floats, settings: Settings, before: Segments | None = None
    ) -> Self:
        """Learn from `lines` of whole behaviours; (m,) `days_ahead` is how long after the first order each was watched.

        before: the segments of an earlier fit; the new ones stand in the places of those they continue. Raises ValueError when there are too few customers.
        """
        if lines.customers > settings.most_customers:
            kept = _sample(lines.customers, settings)
            lines, days_ahead = lines.of(kept), days_ahead[kept]
        segments = Segments.fit(
            lines, k=settings.segments, groups=settings.groups, seed=settings.seed
        )
        if before is not None:
            segments = segments.like(before, lines)
        fine = ProductGroups.fit(lines, groups=settings.fine_groups, seed=settings.seed)
        own = lines.first()
        first, later = lines.where(own), lines.where(~own)
        home = _home(first)
        values = inputs(
            first, days_ahead=days_ahead, home=home, coarse=segments.products, fine=fine
        )
        past = Past(
            near=near(values, coarse=len(segments.products.centres)),
            first=behaviour(first, segments.products),
            later=behaviour(later, segments.products, customers=lines.customers),
        )
        became = segments.assign(behaviour(lines, segments.products).measures())
        prior = (np.bincount(became, minlength=settings.segments) + 1.0) / (
            len(became) + settings.segments
        )
        shares, spend = _futures(
            past, past.near, past.first, segments=segments, settings=settings, themselves=True
        )
        mean, scale = values.mean(axis=0), values.std(axis=0)
        scale[scale == 0] = 1.0
        standard = _standard(values, mean, scale)
        logs = np.log((1 - PRIOR) * shares + PRIOR * prior)
        weights, trust = _correct(standard, logs, became, ridge=settings.ridge)
        return cls(
            settings=settings, home=home, segments=segments, fine=fine, past=past, prior=prior, mean=mean,
            scale=scale, weights=weights, trust=trust,
            level=float(past.later.total.sum() / max(spend.sum(), 1e-9)),
        )  # fmt: skip

    def predict(self, lines: Lines, *, days_ahead: Floats) -> Predictions:
        """For each customer of `lines`, of whom only the first order is looked at."""
        first = lines.where(lines.first())
        values = inputs(
            first,
            days_ahead=days_ahead,
            home=self.home,
            coarse=self.segments.products,
            fine=self.fine,
        )
        shares, spend = _futures(
            self.past,
            near(values, coarse=len(self.segments.products.centres)),
            behaviour(first, self.segments.products),
            segments=self.segments,
            settings=self.settings,
            themselves=False,
        )
        logs = np.log((1 - PRIOR) * shares + PRIOR * self.prior)
        score = self.trust * logs + _standard(values, self.mean, self.scale) @ self.weights
        return Predictions(shares=_softmax(score), spend=self.level * spend)

    def became(self, lines: Lines) -> Ints:
        """The segment of each customer's whole behaviour in `lines`, (m,): the truth, once it is known."""
        return self.segments.assign(behaviour(lines, self.segments.products).measures())

    def to_files(self) -> dict[str, bytes]:
        past = {"near": self.past.near}
        for name, one in (("first", self.past.first), ("later", self.past.later)):
            past |= {f"{name}_{column}": values for column, values in vars(one).items()}
        return self.segments.to_files() | artifacts.to_files(
            documents={
                "model": {
                    "settings": vars(self.settings), "home": self.home, "trust": self.trust,
                    "level": self.level, "fine_words": list(self.fine.words), "fine_unit": self.fine.unit,
                }
            },
            arrays={
                "fine_centres": self.fine.centres, "prior": self.prior, "mean": self.mean,
                "scale": self.scale, "weights": self.weights, **past,
            },
        )  # fmt: skip

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        document: dict[str, Any] = artifacts.read_document(files, "model")

        def array(name: str) -> Floats:
            return artifacts.read_array(files, name)

        def read(name: str) -> Behaviour:
            columns = ("orders", "smallest", "largest", "total", "by_group")
            return Behaviour(**{column: array(f"{name}_{column}") for column in columns})

        return cls(
            settings=Settings(**document["settings"]),
            home=document["home"],
            segments=Segments.from_files(files),
            fine=ProductGroups(
                words=tuple(document["fine_words"]),
                unit=document["fine_unit"],
                centres=array("fine_centres"),
            ),
            past=Past(near=array("near"), first=read("first"), later=read("later")),
            prior=array("prior"), mean=array("mean"), scale=array("scale"), weights=array("weights"),
            trust=document["trust"], level=document["level"],
        )  # fmt: skip


def _futures(
    past: Past,
    asked: Floats,
    first: Behaviour,
    *,
    segments: Segments,
    settings: Settings,
    themselves: bool,
) -> tuple[Floats, Floats]:
    """Shares over segments (m, k) and mean later spend (m,); `themselves`: the asked are the past, each left out of their own."""
    m, k = len(asked), len(segments.centres)
    shares, spend = np.empty((m, k)), np.empty(m)
    # a tenth of few customers: with more of them everybody would be everybody's neighbour
    few = min(settings.neighbours, max(20, len(past.near) // 10), len(past.near) - themselves)
    for begin in range(0, m, BATCH):
        rows = np.arange(begin, min(begin + BATCH, m))
        far = (
            (asked[rows] ** 2).sum(axis=1)[:, None]
            - 2 * asked[rows] @ past.near.T
            + (past.near**2).sum(axis=1)
        )
        if themselves:
            far[np.arange(len(rows)), rows] = np.inf
        who = np.argsort(far, axis=1, kind="stable")[:, :few]
        distance = np.maximum(np.take_along_axis(far, who, axis=1), 0)
        middle = np.maximum(np.median(distance, axis=1, keepdims=True), 1e-9)
        weight = np.exp(-distance / middle) + 1e-3
        weight /= weight.sum(axis=1, keepdims=True)
        measures, later = _whole(past, first, rows, who, settings=settings)
        became = segments.assign(measures.reshape(-1, measures.shape[2])).reshape(who.shape)
        where = np.arange(len(rows))[:, None] * k + became
        shares[rows] = np.bincount(where.ravel(), weight.ravel(), minlength=len(rows) * k).reshape(
            -1, k
        )
        spend[rows] = (weight * later).sum(axis=1)
    return shares, spend


def _whole(
    past: Past, first: Behaviour, rows: Ints, who: Ints, *, settings: Settings
) -> tuple[Floats, Floats]:
    """The behaviour measures (m, d, 4 + g) of first orders followed by others' later ones, and later spend (m, d)."""
    basket = first.total[rows][:, None]
    ratio = np.maximum(basket, 0.01) / np.maximum(past.first.total[who], 0.01)
    ratio = np.clip(ratio, 0.1, 10.0) ** settings.basket_power
    more = past.later.orders[who]
    again = more > 0
    later = ratio * past.later.total[who]
    total = basket + later
    smallest = np.where(again, np.minimum(basket, ratio * past.later.smallest[who]), basket)
    largest = np.where(again, np.maximum(basket, ratio * past.later.largest[who]), basket)
    # others' later goods, moved by half the difference in taste that the first orders show
    own, began = _shares(first.by_group[rows])[:, None], _shares(past.first.by_group)[who]
    goods = _shares(past.later.by_group)[who] + settings.own_goods * (own - began)
    goods = np.clip(goods, 0, None)
    goods /= np.maximum(goods.sum(axis=2, keepdims=True), 1e-9)
    mixed = (own * basket[..., None] + goods * later[..., None]) / np.maximum(total, 1e-9)[
        ..., None
    ]
    measures = np.concatenate(
        [np.stack([1 + more, smallest, largest, total / (1 + more)], axis=2), 100 * mixed], axis=2
    )
    return measures, later


def _correct(values: Floats, logs: Floats, became: Ints, *, ridge: float) -> tuple[Floats, float]:
    """Fit softmax(trust * logs + values @ weights); the ridge pulls the weights, bias excepted, to 0."""
    from scipy.optimize import minimize

    (n, k), p = logs.shape, values.shape[1]
    truth = np.eye(k)[became]
    pull = np.full((p, 1), ridge)
    pull[-1] = 1.0

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, trust = flat[:-1].reshape(p, k), flat[-1]
        q = _softmax(trust * logs + values @ weights)
        error = q - truth
        value = (
            -np.log(np.maximum(q[np.arange(n), became], 1e-300)).sum() + (pull * weights**2).sum()
        )
        slope = np.r_[(values.T @ error + 2 * pull * weights).ravel(), (error * logs).sum()]
        return float(value), slope

    start = np.r_[np.zeros(p * k), 1.0]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return found.x[:-1].reshape(p, k), float(found.x[-1])


def _softmax(score: Floats) -> Floats:
    powers = np.exp(score - score.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _standard(values: Floats, mean: Floats, scale: Floats) -> Floats:
    """Standardised, four deviations at the most, with a column of ones."""
    standard = np.clip((values - mean) / scale, -4, 4)
    return np.column_stack([standard, np.ones(len(values))])


def _shares(by_group: Floats) -> Floats:
    shares: Floats = by_group / np.maximum(by_group.sum(axis=-1, keepdims=True), 1e-9)
    return shares


def _sample(customers: int, settings: Settings) -> Bools:
    chosen = np.random.default_rng(settings.seed).permutation(customers)[: settings.most_customers]
    kept = np.zeros(customers, dtype=bool)
    kept[chosen] = True
    return kept


def _home(first: Lines) -> str:
    """The country of most lines; of several, the first in the alphabet."""
    counts = np.bincount(first.country, minlength=len(first.countries))
    return first.countries[int(counts.argmax())]
