"""The days of the world, one after another. What a day brings depends only on the seed, the day and the
mails that arrived before it began, so any process can play the same days again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from customers.sources.simulation.baskets import Lines
from customers.sources.simulation.behaviour import DAY, NEVER
from customers.sources.simulation.deliveries import Deliveries
from customers.sources.simulation.parameters import ShopParameters
from customers.sources.simulation.population import Population
from customers.sources.simulation.randomness import Floats, Ints, Stream, generator
from customers.sources.simulation.response import (
    RECENT_DAYS,
    Response,
    Scale,
    Traits,
    calibrate,
    respond,
)


_BLOCK = 250_000  # orders filled at a time: bounds the memory of a long history
_PULL_DAYS = 3.0  # what a mail brings comes soon: the effect fades with this time constant


@dataclass(frozen=True, kw_only=True)
class Orders:
    """A block of orders and their lines. `voucher`: share taken off by a mail, 0 without."""

    customer: Ints
    day: Ints
    voucher: Floats
    lines: Lines
    list_cents: Ints
    discount_cents: Ints

    @property
    def total_cents(self) -> Ints:
        return self.list_cents - self.discount_cents


@dataclass(frozen=True, kw_only=True)
class MailEvents:
    """What came back from a block of deliveries: the delivery's row and the moment (epoch seconds)."""

    deliveries: Deliveries
    bounced: Ints
    clicked: Ints
    clicked_at: Ints
    unsubscribed: Ints
    unsubscribed_at: Ints


@dataclass(kw_only=True)
class Timeline:
    """State at the beginning of `day`, and everything that happened from `records_from` to then."""

    parameters: ShopParameters
    population: Population
    seed: int
    replica: int
    origin: int
    day: int
    last_order_day: Ints
    first_order_day: Ints
    orders: Floats
    bargains: Floats
    paid_cents: Floats
    scale: Scale | None = None
    sold: list[Orders] = field(default_factory=list)
    visits: list[tuple[int, Ints]] = field(default_factory=list)
    mailed: list[MailEvents] = field(default_factory=list)
    unfilled: list[tuple[int, Ints]] = field(default_factory=list)
    mail_day: Ints = field(init=False)
    pull: Floats = field(init=False)
    damping: Floats = field(init=False)
    voucher: Floats = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.population)
        self.mail_day = np.full(count, NEVER)
        self.pull, self.damping, self.voucher = np.zeros(count), np.ones(count), np.zeros(count)

    def branch(self) -> Timeline:
        """An independent copy that may be played on with other mails."""
        copy = replace(
            self,
            **{
                name: getattr(self, name).copy()
                for name in (
                    "last_order_day",
                    "first_order_day",
                    "orders",
                    "bargains",
                    "paid_cents",
                )
            },
            sold=list(self.sold),
            visits=list(self.visits),
            mailed=list(self.mailed),
        )
        for name in ("mail_day", "pull", "damping", "voucher"):
            setattr(copy, name, getattr(self, name).copy())
        return copy

    def start_mailing(self) -> None:
        """From now on mails work: fill the baskets of history, fix the scale of the drivers."""
        who = np.concatenate([part for _, part in self.unfilled])
        day = np.concatenate([np.full(len(part), day) for day, part in self.unfilled])
        for block, start in enumerate(range(0, len(who), _BLOCK)):
            part = slice(start, start + _BLOCK)
            nothing = np.zeros(len(who[part]))
            self.sell(who[part], day[part], nothing, self._rng(Stream.BASKETS, block))
        self.unfilled.clear()
        self.scale = calibrate(self.traits(), parameters=self.parameters)

    def traits(self) -> Traits:
        """What moves each customer's response at the beginning of this day."""
        people, law = self.population, self.parameters.mail
        return Traits(
            organic=people.habits.organic(
                day=self.day,
                epoch_day=self.epoch_day(self.day),
                last_order_day=self.last_order_day,
                window=law.window_days,
            ),
            recency_days=(self.day - self.last_order_day).astype(float),
            tenure_days=(self.day - self.first_order_day).astype(float),
            orders=self.orders,
            bargains=self.bargains,
            paid_cents=self.paid_cents,
            visits=self._recent([(day, who) for day, who in self.visits]),
            mails=self._recent(
                [(int(block.deliveries.day[0]), block.deliveries.customer) for block in self.mailed]
            ),
            responsiveness=people.responsiveness,
            annoyance=people.annoyance,
            margin_cents=people.baskets.margin_cents,
            value_cents=people.baskets.value_cents,
        )

    def response(self, *, discount_share: float) -> Response:
        """The potential outcomes of a mail that arrives at the beginning of this day."""
        if self.scale is None:
            raise ValueError("The world has not started: there is no response before starts_at.")
        return respond(
            self.traits(),
            scale=self.scale,
            parameters=self.parameters,
            discount_share=discount_share,
        )

    def epoch_day(self, day: int) -> int:
        return self.origin // DAY + day

    def play(self, until: int, deliveries: Deliveries) -> None:
        """Go on to the beginning of day `until`; the mails of that day itself arrive later."""
        while self.day < until:
            today = deliveries.where(deliveries.day == self.day)
            if len(today.customer):
                self._deliver(today)
            self._order()
            self._visit()
            self.day += 1

    def _deliver(self, today: Deliveries) -> None:
        draws = self._rng(Stream.MAILS).random((3, len(self.population)))
        back: dict[str, list[Ints]] = {"bounced": [], "clicked": [], "unsubscribed": []}
        for share in np.unique(today.discount_share):
            rows = np.flatnonzero(today.discount_share == share)
            who = today.customer[rows]
            response = self.response(discount_share=float(share))
            bounced = draws[0, who] < response.bounce[who]
            clicked = ~bounced & (draws[1, who] < response.click[who])
            gone = ~bounced & (draws[2, who] < response.unsubscribe[who])
            for name, happened in zip(back, (bounced, clicked, gone), strict=True):
                back[name].append(rows[happened])
            reached = who[~bounced]
            stays = np.log1p(-response.organic[reached])
            stays_mailed = np.log1p(-response.mailed[reached])
            # Monotone coupling: the day's uniform is compared with either hazard. What a mail adds comes
            # early in the window; what it takes is taken evenly.
            change = stays_mailed - stays
            self.mail_day[reached] = self.day
            self.voucher[reached] = share
            self.pull[reached] = np.minimum(change, 0.0)
            safe = np.where(stays < 0, stays, -1.0)
            self.damping[reached] = np.where(change > 0, stays_mailed / safe, 1.0)
        found = {name: np.sort(np.concatenate(rows)) for name, rows in back.items()}
        rng = self._rng(Stream.MAILS, 1)
        hours = rng.exponential(size=(2, len(self.population))) * [[4.0], [8.0]]
        self.mailed.append(
            MailEvents(
                deliveries=today,
                **found,
                **{
                    f"{name}_at": today.delivered_at[found[name]]
                    + (np.minimum(hours[row, today.customer[found[name]]], 71) * 3600).astype(int)
                    + 60
                    for row, name in enumerate(("clicked", "unsubscribed"))
                },
            )
        )

    def _order(self) -> None:
        window = self.parameters.mail.window_days
        count = int(np.searchsorted(self.population.joined_day, self.day, side="right"))
        stays = self.population.habits.log_stays(
            day=self.day,
            epoch_day=self.epoch_day(self.day),
            last_order_day=self.last_order_day,
            count=count,
        )
        since = self.day - self.mail_day[:count]
        working = np.flatnonzero(
            (since < window) & (self.last_order_day[:count] < self.mail_day[:count])
        )
        if len(working):
            fade = np.exp(-np.arange(window) / _PULL_DAYS)
            stays[working] = (
                stays[working] * self.damping[working]
                + self.pull[working] * (fade / fade.sum())[since[working]]
            )
        buys = self._rng(Stream.ORDERS).random(len(self.population))[:count] < -np.expm1(stays)
        buys |= self.population.joined_day[:count] == self.day  # joining is the first order
        who = np.flatnonzero(buys)
        self.last_order_day[who] = self.day
        first = who[self.population.joined_day[who] == self.day]
        self.first_order_day[first] = self.day
        if self.scale is None:
            self.unfilled.append((self.day, who))
        elif len(who):
            voucher = np.where(self.day - self.mail_day[who] < window, self.voucher[who], 0.0)
            self.sell(who, np.full(len(who), self.day), voucher, self._rng(Stream.BASKETS))

    def sell(self, who: Ints, day: Ints, voucher: Floats, rng: np.random.Generator) -> None:
        """Fill the baskets of these orders and remember what is on record about their customers."""
        baskets = self.population.baskets
        lines = baskets.draw(who, rng=rng)
        amounts = lines.quantity * lines.price_cents
        worth = np.bincount(lines.order, weights=amounts, minlength=len(who))
        off = lines.promoted * baskets.promotion_discount + voucher
        discount = np.rint(worth * off)
        size = len(self.population)
        self.orders += np.bincount(who, minlength=size)
        self.bargains += np.bincount(who, weights=discount > 0, minlength=size)
        self.paid_cents += np.bincount(who, weights=worth - discount, minlength=size)
        self.sold.append(
            Orders(
                customer=who,
                day=day,
                voucher=voucher,
                lines=lines,
                list_cents=worth.astype(np.int64),
                discount_cents=discount.astype(np.int64),
            )
        )

    def _visit(self) -> None:
        tracked = self.parameters.history.days - self.parameters.history.tracking_days
        if self.day < tracked:
            return
        people = self.population
        rate = np.where(
            self.day >= people.habits.leaves_day,
            0.4 * people.visits_per_day,
            people.visits_per_day,
        )
        here = people.joined_day <= self.day
        drawn = self._rng(Stream.VISITS).random(len(people))
        self.visits.append((self.day, np.flatnonzero(here & (drawn < -np.expm1(-rate)))))

    def _recent(self, blocks: list[tuple[int, Ints]]) -> Floats:
        """How often each customer is in the blocks of the last RECENT_DAYS days."""
        count = np.zeros(len(self.population))
        for day, who in blocks:
            if self.day - RECENT_DAYS <= day < self.day:
                count += np.bincount(who, minlength=len(count))
        return count

    def _rng(self, stream: Stream, *key: int) -> np.random.Generator:
        replica = self.replica if self.scale is not None else 0
        return generator(self.seed, stream, replica, self.day, *key)
