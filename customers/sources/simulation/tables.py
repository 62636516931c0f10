"""What happened, as the tables of the front door. Later consequences of an order (refund, review) are drawn
with the order and appear when their time has come.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customers.sources.base import EVENTS, ORDER_LINES, ORDERS, REFUNDS, ShopBatch
from customers.sources.simulation.behaviour import DAY
from customers.sources.simulation.parameters import ShopParameters
from customers.sources.simulation.population import CHANNELS, Population
from customers.sources.simulation.randomness import Ints, Stream, generator
from customers.sources.simulation.reviews import write_reviews
from customers.sources.simulation.timeline import MailEvents, Orders


_TIMES = {
    "orders": "placed_at",
    "refunds": "refunded_at",
    "reviews": "written_at",
    "events": "happened_at",
}
_WORDING = "newsletter-1"
_METHODS = ("CHECKOUT_BOX", "DOUBLE_OPT_IN", "FOOTER_FORM")


class Recorder:
    """Turns blocks of the timeline into tables; the same block always gives the same rows."""

    def __init__(
        self, *, population: Population, parameters: ShopParameters, seed: int, origin: int
    ) -> None:
        self._people, self._parameters = population, parameters
        self._seed, self._origin = seed, origin

    def customers(self) -> pa.Table:
        people = self._people
        return pa.table({
            "external_id": people.external_ids,
            **people.columns,
            # Joining is the first order; the account is a few minutes older.
            "joined_at": pa.array(self._origin + people.joined_day * DAY),
        })  # fmt: skip

    def consents(self) -> pa.Table:
        """CONSENT_GIVEN of those who said yes, at the moment of joining."""
        who = np.flatnonzero(self._people.consents)
        method = generator(self._seed, Stream.AFTERMATH, 1).choice(
            3, size=len(who), p=[0.7, 0.2, 0.1]
        )
        said = pa.array(
            [
                json.dumps(
                    {
                        "purpose": "MARKETING",
                        "channel": "EMAIL",
                        "wording": _WORDING,
                        "method": name,
                    }
                )
                for name in _METHODS
            ]
        )
        return self._events(
            "consent-", who, self._origin + self._people.joined_day[who] * DAY + 1,
            kind="CONSENT_GIVEN", properties=said.take(pa.array(method)),
        )  # fmt: skip

    def visits(self, days: Sequence[tuple[int, Ints]]) -> pa.Table:
        """SITE_VISIT, and from some of them PRODUCT_VIEW and CART."""
        tables = []
        for day, who in days:
            rng = generator(self._seed, Stream.VISITS, day, 1)
            draws = rng.random((2, len(self._people)))[:, who]
            at = self._moment(who, day, rng)
            tables.append(self._events(f"v{day}-", who, at, kind="SITE_VISIT"))
            views, carts = draws[0] < 0.6, (draws[0] < 0.6) & (draws[1] < 0.2)
            tables.append(self._events(f"p{day}-", who[views], at[views] + 40, kind="PRODUCT_VIEW"))
            tables.append(self._events(f"c{day}-", who[carts], at[carts] + 90, kind="CART"))
        return pa.concat_tables(tables) if tables else EVENTS.empty_table()

    def answers(self, block: MailEvents) -> pa.Table:
        """BOUNCED, CLICKED and UNSUBSCRIBED of one day's deliveries, with their delivery's id."""
        sent = block.deliveries
        bounced_at = sent.delivered_at[block.bounced] + 5
        tables = []
        for kind, rows, at in (
            ("BOUNCED", block.bounced, bounced_at),
            ("CLICKED", block.clicked, block.clicked_at),
            ("UNSUBSCRIBED", block.unsubscribed, block.unsubscribed_at),
        ):
            properties = [
                json.dumps({"campaign_id": int(campaign), "delivery_id": int(delivery)})
                for campaign, delivery in zip(
                    sent.campaign_id[rows], sent.delivery_id[rows], strict=True
                )
            ]
            tables.append(
                pa.table([
                    pa.array([f"{kind.lower()}-{number}" for number in sent.delivery_id[rows]], pa.string()),
                    self._people.external_ids.take(pa.array(sent.customer[rows])),
                    pa.array([kind] * len(rows), pa.string()),
                    pa.array(at, pa.int64()),
                    pa.array(properties, pa.string()),
                ], schema=EVENTS)
            )  # fmt: skip
        return pa.concat_tables(tables)

    def sales(self, block: Orders) -> dict[str, pa.Table]:
        """orders, order_lines, refunds, reviews (with true_polarity and true_aspect) of a block."""
        day, who = int(block.day[0]), block.customer
        rng = generator(self._seed, Stream.AFTERMATH, day, int(who[0]), len(who))
        at = self._moment(who, block.day, rng)
        ids = _key("o", pa.array(block.day), pa.array(who))
        names = self._people.external_ids.take(pa.array(who))
        orders = pa.table([
            ids, names, pa.array(at), _constant("PLACED", len(who)), _constant("EUR", len(who)),
            pa.array(block.discount_cents), pa.array(block.total_cents),
            pa.array(CHANNELS).take(pa.array(self._channel(who, rng))),
        ], schema=ORDERS)  # fmt: skip
        return {
            "orders": orders,
            "order_lines": self._lines(block, ids),
            "refunds": self._refunds(block, ids, names, at, rng),
            "reviews": self._reviews(block, names, at, rng),
        }

    def _lines(self, block: Orders, ids: pa.Array) -> pa.Table:
        lines = block.lines
        first = np.searchsorted(lines.order, lines.order, side="left")
        return pa.table([
            ids.take(pa.array(lines.order)), pa.array(np.arange(len(first)) - first + 1),
            self._people.baskets.products["external_id"].combine_chunks().take(pa.array(lines.product)),
            pa.array(lines.quantity), pa.array(lines.price_cents), pa.array(lines.cost_cents),
        ], schema=ORDER_LINES)  # fmt: skip

    def _refunds(
        self, block: Orders, ids: pa.Array, names: pa.Array, at: Ints, rng: np.random.Generator
    ) -> pa.Table:
        draws = rng.random((3, len(at)))
        rows = np.flatnonzero(draws[0] < self._people.refund_share[block.customer])
        part = np.where(draws[1] < 0.6, 1.0, 0.3 + 0.5 * draws[1])[rows]
        reasons = pa.array(["DAMAGED", "NOT_AS_DESCRIBED", "CHANGED_MIND"])
        return pa.table([
            pc.binary_join_element_wise("r", ids.take(pa.array(rows)), ""),
            ids.take(pa.array(rows)), names.take(pa.array(rows)),
            pa.array(at[rows] + (3 + 17 * draws[2, rows]).astype(int) * DAY),
            pa.array(np.maximum(np.rint(block.total_cents[rows] * part), 1).astype(np.int64)),
            reasons.take(pa.array((draws[1, rows] * 3).astype(int))),
        ], schema=REFUNDS)  # fmt: skip

    def _reviews(
        self, block: Orders, names: pa.Array, at: Ints, rng: np.random.Generator
    ) -> pa.Table:
        people, law = self._people, self._parameters.reviews
        draws = rng.random((2, len(at)))
        mood = people.satisfaction[block.customer] + rng.standard_normal(len(at)) * 0.8
        writes = draws[0] < np.minimum(law.share * people.review_tendency[block.customer], 0.9)
        rows = np.flatnonzero(writes)
        # The mood is standard normal: cut it so that positive_share gives 4 or 5 stars, J-shaped.
        sour = 1 - law.positive_share
        cuts = _quantiles([0.45 * sour, 0.70 * sour, sour, sour + 0.38 * law.positive_share])
        rating = 1 + np.digitize(mood[rows], cuts)
        product = block.lines.product[np.searchsorted(block.lines.order, rows, side="left")]
        products = people.baskets.products
        chosen = pa.array(product)
        words = write_reviews(rating, products["category"].combine_chunks().take(chosen), rng=rng)
        return pa.table({
            "external_id": _key("w", pa.array(block.day[rows]), pa.array(block.customer[rows])),
            "customer_external_id": names.take(pa.array(rows)),
            "product_external_id": products["external_id"].combine_chunks().take(chosen),
            "written_at": pa.array(at[rows] + (4 + 20 * draws[1, rows]).astype(int) * DAY),
            "rating": pa.array(rating.astype(np.int64)),
            "title": words["title"],
            "text": words["text"],
            "language": _constant("en", len(rows)),
            "true_polarity": words["true_polarity"],
            "true_aspect": words["true_aspect"],
        })  # fmt: skip

    def _moment(self, who: Ints, day: int | Ints, rng: np.random.Generator) -> Ints:
        hour = np.clip(self._people.hour[who] + rng.normal(0, 2.0, len(who)), 0.05, 23.8)
        return np.asarray(self._origin + day * DAY + (hour * 3600).astype(np.int64))

    def _channel(self, who: Ints, rng: np.random.Generator) -> Ints:
        other = rng.integers(len(CHANNELS), size=len(who))
        return np.where(rng.random(len(who)) < 0.85, self._people.channel[who], other)

    def _events(
        self, prefix: str, who: Ints, at: Ints, *, kind: str, properties: pa.Array | None = None
    ) -> pa.Table:
        names = self._people.external_ids.take(pa.array(who))
        return pa.table([
            pc.binary_join_element_wise(prefix, names, ""), names, _constant(kind, len(who)),
            pa.array(at, pa.int64()),
            _constant("{}", len(who)) if properties is None else properties,
        ], schema=EVENTS)  # fmt: skip


def join(blocks: Sequence[dict[str, pa.Table]]) -> dict[str, pa.Table]:
    """One dict of tables out of many; tables that no block has are missing."""
    names = blocks[0] if blocks else ()
    return {name: pa.concat_tables([block[name] for block in blocks]) for name in names}


def between(tables: dict[str, pa.Table], starts_at: int, ends_at: int) -> ShopBatch:
    """The rows that happen in [starts_at, ends_at); customers and products stay as they are."""
    parts = dict(tables)
    for name, column in _TIMES.items():
        if name in parts:
            at = parts[name][column]
            inside = pc.and_(pc.greater_equal(at, starts_at), pc.less(at, ends_at))
            parts[name] = parts[name].filter(inside)
    if "order_lines" in parts:
        lines, kept = parts["order_lines"], parts["orders"]["external_id"].combine_chunks()
        parts["order_lines"] = lines.filter(pc.is_in(lines["order_external_id"], value_set=kept))
    return ShopBatch(**parts)


def _key(prefix: str, *numbers: pa.Array) -> pa.Array:
    texts = [number.cast(pa.string()) for number in numbers]
    return pc.binary_join_element_wise(prefix, pc.binary_join_element_wise(*texts, "-"), "")


def _constant(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), count)


def _quantiles(shares: list[float]) -> list[float]:
    """Of the standard normal distribution."""
    return [NormalDist().inv_cdf(min(max(share, 1e-4), 1 - 1e-4)) for share in shares]
