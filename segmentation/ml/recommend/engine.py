"""The recommender as a whole: fitted on a shop's purchases, asked for lists, reasons and what it leaves out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.recommend.accessories import Accessories
from segmentation.ml.recommend.histories import Histories, Scores
from segmentation.ml.recommend.hybrid import Hybrid, within
from segmentation.ml.recommend.links import Links
from segmentation.ml.recommend.neighbours import ItemToItem
from segmentation.ml.recommend.purchases import Products, Purchases
from segmentation.ml.recommend.ranking import Offer, discovering, other_tiers, varied
from segmentation.ml.recommend.reasons import Reasons, reasons
from segmentation.ml.recommend.reverse import CoolDowns, Suppressed, suppressed
from segmentation.ml.tables import Floats, Ints


ACCESSORY = 0.5
"""How much of a lift counts: the other half is in the scores already."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Wishes:
    """What a shop asks for. rules: days by category or product, before what was learned."""

    k: int = 10
    exclude_owned: bool = False
    rules: Mapping[str, float] = field(default_factory=dict)
    offer: Offer = field(default_factory=Offer)
    diversity: float = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Recommended:
    """Of n customers: product and score (n, k), -1 where nothing is left; reasons (n, k); and what is closed to them."""

    product: Ints
    score: Floats
    reasons: Reasons
    suppressed: Suppressed


@dataclass(frozen=True, kw_only=True, eq=False)
class Engine:
    products: Products
    hybrid: Hybrid
    accessories: Accessories

    @classmethod
    def fit(
        cls, past: Purchases, *, as_of: int, seed: int = 42, weights_of: "Engine | None" = None
    ) -> Self:
        """Learn from what was bought before `as_of`; raises ValueError where nothing was."""
        past = past.before(as_of)
        if not len(past):
            raise ValueError("no purchase before the moment of asking: nothing to learn from")
        hybrid = Hybrid.fit(
            past, as_of=as_of, seed=seed, weights_of=weights_of.hybrid if weights_of else None
        )
        days = hybrid.clocks.cool_down().astype(np.float64)
        return cls(
            products=past.products,
            hybrid=hybrid,
            accessories=Accessories.fit(past, as_of=as_of, days=days),
        )

    def recommend(self, past: Purchases, *, as_of: int, wishes: Wishes) -> Recommended:
        """For the customers of `past`, a few thousand at a time; one who bought nothing gets what is popular."""
        histories = Histories.of(past.onto(self.products), as_of=as_of)
        cool_downs = CoolDowns.of(self.hybrid.clocks, self.products, rules=wishes.rules)
        closed = suppressed(histories, self.products, cool_downs)
        shut = closed.closed(self.products, customers=len(histories))
        shut |= ~wishes.offer.available(self.products)
        if wishes.offer.own_price_tier:
            shut |= other_tiers(histories, self.products)
        going, source = self._accessories(closed, customers=len(histories))
        if wishes.exclude_owned:
            shut[histories.customer, histories.product] = True
            scores, quiet = self.hybrid.fresh_scores(histories)
            quiet[shut] = -np.inf
        else:
            scores, quiet = self.hybrid.scores(histories), None
        scores += np.float32(ACCESSORY) * going
        scores[shut] = -np.inf
        ranked = varied(scores, k=wishes.k, alike=self.links("content"), diversity=wishes.diversity)
        if quiet is not None:
            ranked = discovering(ranked, quiet)
        place = np.maximum(ranked, 0)
        rows = np.arange(len(histories))[:, None]
        goes_with = np.where((going[rows, place] > 0) & (ranked >= 0), source[rows, place], -1)
        return Recommended(
            product=ranked,
            # variety and discovery move products: what is told never rises from one place to the next
            score=np.minimum.accumulate(
                np.where(ranked >= 0, scores[rows, place], np.inf).astype(np.float64), axis=1
            ),
            reasons=reasons(
                ranked, histories, links=self.links("ease"), products=self.products,
                clocks=self.hybrid.clocks, accessory_of=goes_with,
            ),
            suppressed=closed,
        )  # fmt: skip

    def to_files(self) -> dict[str, bytes]:
        products = self.products
        files = artifacts.to_files(
            documents={"products": {
                "keys": list(products.keys), "words": list(products.words),
                "categories": [products.categories[number] for number in products.category],
            }},
            arrays={"price": products.price},
        )  # fmt: skip
        for name, part in (("hybrid", self.hybrid), ("accessories", self.accessories)):
            files |= {f"{name}.{file}": content for file, content in part.to_files().items()}
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Raises artifacts.ArtifactError when the files are not of one engine."""
        try:
            said = artifacts.read_document(files, "products")
            products = Products.of(
                said["keys"], words=said["words"], categories=said["categories"],
                price=artifacts.read_array(files, "price"),
            )  # fmt: skip
            engine = cls(
                products=products,
                hybrid=Hybrid.from_files(within(files, "hybrid")),
                accessories=Accessories.from_files(within(files, "accessories")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise artifacts.ArtifactError(f"not a recommender: {error}; train again") from error
        if len(engine.hybrid.category) != len(products) or engine.accessories.products != len(
            products
        ):
            raise artifacts.ArtifactError("its parts know other products; train again")
        return engine

    def links(self, name: str) -> Links:
        """Of a part that links products: what speaks for what."""
        part = self.hybrid.parts[name]
        if not isinstance(part, ItemToItem):
            raise TypeError(f"{name} does not link products")
        return part.links

    def _accessories(self, closed: Suppressed, *, customers: int) -> tuple[Scores, Ints]:
        """(n, m) the largest lift that a closed category gives each product, and the product bought of it, or -1."""
        lift = np.zeros((customers, len(self.products)), dtype=np.float32)
        source = np.full(lift.shape, -1, dtype=np.int64)
        table = self.accessories.matrix()
        for customer, category, because in zip(
            closed.customer, closed.category, closed.because, strict=True
        ):
            if category < 0:
                continue
            pairs = slice(table.indptr[category], table.indptr[category + 1])
            products, lifts = table.indices[pairs], table.data[pairs]
            more = lifts > lift[customer, products]
            lift[customer, products[more]] = lifts[more]
            source[customer, products[more]] = because
        return lift, source
