"""The simulator laid over real customers: their past is observed, only their future is drawn.

Knows no Django. Rates of purchase, the chance that a customer has not stopped, and baskets follow from the
orders on record; the response to mails is the simulator's (simulation/response.py). Nothing is known
of visits and reviews, and none are made up. A customer orders at most once in an outcome window, so the
few who really order more often are slowed down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from customers.sources.simulation.baskets import Lines
from customers.sources.simulation.behaviour import DAY, Habits
from customers.sources.simulation.parameters import ShopParameters
from customers.sources.simulation.population import Population
from customers.sources.simulation.randomness import Floats, Ints, Stream, generator
from customers.sources.simulation.response import calibrate
from customers.sources.simulation.timeline import Timeline
from customers.sources.simulation.world import SimulatedWorld


@dataclass(frozen=True, kw_only=True)
class ObservedShop:
    """
    customers: customer_external_id, first_at, last_at (epoch seconds), orders, paid_cents; sorted by
    first_at. lines: customer (row of `customers`), order (any number), product (row of `products`),
    quantity, unit_price_cents; sorted by customer and order; every customer has one. products: the
    external ids.
    """

    customers: pa.Table
    lines: pa.Table
    products: pa.Array


@dataclass(frozen=True, kw_only=True)
class ObservedBaskets:
    """An order is one of the customer's own earlier orders again, each as likely as the others."""

    products: pa.Table
    product: Ints
    quantity: Ints
    price_cents: Ints
    first_line: Ints
    """Of each order in the arrays above, and one past the last."""
    first_order: Ints
    """Of each customer, and one past the last."""
    margin_share: float
    promotion_discount: float = 0.0

    @classmethod
    def of(cls, shop: ObservedShop, *, margin_share: float) -> ObservedBaskets:
        customer, order, product, quantity, price = (
            shop.lines[name].to_numpy()
            for name in ("customer", "order", "product", "quantity", "unit_price_cents")
        )
        starts = np.flatnonzero(np.diff(order, prepend=-1) != 0)
        count = shop.customers.num_rows
        return cls(
            products=pa.table(
                {
                    "external_id": shop.products,
                    "category": pa.nulls(len(shop.products), pa.string()),
                }
            ),
            product=product,
            quantity=quantity,
            price_cents=price,
            first_line=np.append(starts, len(order)),
            first_order=np.searchsorted(customer[starts], np.arange(count + 1)),
            margin_share=margin_share,
        )

    @property
    def value_cents(self) -> Floats:
        worth = np.add.reduceat(self.quantity * self.price_cents, self.first_line[:-1])
        orders = np.diff(self.first_order)
        return np.asarray(np.add.reduceat(worth, self.first_order[:-1]) / orders)

    @property
    def margin_cents(self) -> Floats:
        return np.asarray(self.value_cents * self.margin_share)

    def draw(self, customers: Ints, *, rng: np.random.Generator) -> Lines:
        """One order for each entry of `customers`."""
        known = self.first_order[customers + 1] - self.first_order[customers]
        chosen = self.first_order[customers] + (rng.random(len(customers)) * known).astype(np.int64)
        first, count = (
            self.first_line[chosen],
            self.first_line[chosen + 1] - self.first_line[chosen],
        )
        order = np.repeat(np.arange(len(customers)), count)
        within = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
        line = np.repeat(first, count) + within
        price = self.price_cents[line]
        return Lines(
            order=order,
            product=self.product[line],
            quantity=self.quantity[line],
            price_cents=price,
            cost_cents=np.rint(price * (1 - self.margin_share)).astype(np.int64),
            promoted=np.zeros(len(customers), dtype=bool),
        )


class ObservedWorld(SimulatedWorld):
    """Answers mails like a simulated shop; `history` is not its business, the shop has it."""

    def __init__(
        self,
        parameters: ShopParameters,
        *,
        shop: ObservedShop,
        seed: int,
        starts_at: int,
        margin_share: float,
    ) -> None:
        self.starts_at = starts_at - starts_at % DAY
        self._first = shop.customers["first_at"].to_numpy() // DAY
        self._last = shop.customers["last_at"].to_numpy() // DAY
        self._orders = shop.customers["orders"].to_numpy().astype(float)
        self._paid = shop.customers["paid_cents"].to_numpy().astype(float)
        days = int(self.starts_at // DAY - self._first.min())
        self.origin = self.starts_at - days * DAY
        self._first, self._last = self._first - self.origin // DAY, self._last - self.origin // DAY
        self.parameters = replace(
            parameters, history=replace(parameters.history, days=days, tracking_days=0)
        )
        baskets = ObservedBaskets.of(shop, margin_share=margin_share)
        self.population = self._populate(shop, baskets, seed=seed, day=days)
        self._begin(seed=seed, replica=0)

    def _populate(
        self, shop: ObservedShop, baskets: ObservedBaskets, *, seed: int, day: int
    ) -> Population:
        law, quiet = self.parameters.population, self.parameters.mail.window_days
        rng = generator(seed, Stream.POPULATION)
        count = shop.customers.num_rows
        # Purchases while living are Poisson with a gamma prior on the rate (NBD), its mean the shop's own.
        repeats, lived = self._orders - 1, (self._last - self._first).astype(float)
        prior_rate = max(repeats.sum(), 1.0) / max(lived[repeats > 0].sum(), 1.0)
        shape = law.orders_shape
        rate = (repeats + shape) / (lived + shape / prior_rate)
        # Bayes: silent because still waiting and living, or because gone (exponential lifetime).
        silence = day - self._last
        waits = np.exp(-(rate + 1 / law.lifetime_days) * silence)
        gone = -np.expm1(-silence / law.lifetime_days)
        lives = rng.random(count) * (waits + gone) < waits
        leaves = np.where(lives, day + rng.exponential(law.lifetime_days, count), self._last)
        gap = np.maximum(1 / rate, quiet + 14.0)
        return Population(
            external_ids=shop.customers["customer_external_id"].combine_chunks(),
            joined_day=self._first,
            habits=Habits(
                hazard=1.0 / (gap - quiet),
                leaves_day=leaves.astype(np.int64),
                restock_days=np.zeros(count),
                lapsed=law.lapsed_activity,
                quiet_days=quiet,
                christmas_peak=self.parameters.history.christmas_peak,
            ),
            baskets=baskets,
            visits_per_day=np.zeros(count),
            responsiveness=rng.standard_normal(count),
            annoyance=rng.lognormal(-0.32, 0.8, count),
            review_tendency=np.zeros(count),
            satisfaction=np.zeros(count),
            refund_share=np.full(count, self.parameters.basket.refund_share),
            hour=np.full(count, 12.5),
            channel=np.zeros(count, dtype=np.int64),
            consents=np.zeros(count, dtype=bool),
            columns={},
        )

    def _play_history(self) -> Timeline:
        """Nothing to play: the state at the start is what was observed."""
        timeline = Timeline(
            parameters=self.parameters,
            population=self.population,
            seed=self._seed,
            replica=self._replica,
            origin=self.origin,
            day=self._day(self.starts_at),
            last_order_day=self._last.copy(),
            first_order_day=self._first.copy(),
            orders=self._orders.copy(),
            bargains=np.zeros(len(self.population)),
            paid_cents=self._paid.copy(),
        )
        scale = calibrate(timeline.traits(), parameters=self.parameters)
        # A trait that all customers share at the start (no visits, say) has no spread to divide by.
        timeline.scale = replace(
            scale,
            spread=np.where(scale.spread < 1e-6, 1.0, scale.spread),
            total_spread=scale.total_spread if scale.total_spread > 1e-6 else 1.0,
        )
        return timeline
