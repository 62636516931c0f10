"""The simulated shop as a source: its past, what it answers to deliveries, and its oracle.

Everything follows from (parameters, customers, seed, starts_at) and the deliveries in the ledger, so a
worker that has never seen the world before gives the same answers as the one that made it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customers.sources.base import ShopBatch
from customers.sources.simulation.behaviour import DAY, NEVER
from customers.sources.simulation.deliveries import Deliveries
from customers.sources.simulation.parameters import ShopParameters
from customers.sources.simulation.population import populate
from customers.sources.simulation.randomness import Floats
from customers.sources.simulation.tables import Recorder, between, join
from customers.sources.simulation.timeline import Timeline


_CLV_DAYS = 365
_AFTERMATH_DAYS = 30  # refunds and reviews follow an order within this time


class SimulatedWorld:
    """A shop of `customers` people whose past ends, and whose mailing begins, at `starts_at`.

    `starts_at` is cut to the beginning of its day (UTC). `replica` > 0 gives other futures of the same
    past: for Monte-Carlo checks of the oracle.
    """

    def __init__(
        self,
        parameters: ShopParameters,
        *,
        customers: int,
        seed: int,
        starts_at: int,
        replica: int = 0,
    ) -> None:
        self.parameters = parameters
        self.starts_at = starts_at - starts_at % DAY
        self.origin = self.starts_at - parameters.history.days * DAY
        self.population = populate(
            parameters=parameters, customers=customers, seed=seed, starts_at=self.starts_at
        )
        self._begin(seed=seed, replica=replica)

    def _begin(self, *, seed: int, replica: int) -> None:
        self._seed, self._replica = seed, replica
        self._recorder = Recorder(
            population=self.population, parameters=self.parameters, seed=seed, origin=self.origin
        )
        self._start: Timeline | None = None
        self._now: tuple[Timeline, bytes] | None = None
        self._past: list[dict[str, pa.Table]] | None = None

    def history(self) -> ShopBatch:
        """Everything before `starts_at`: customers, consents, products, orders, visits, reviews."""
        start, recorder = self._started(), self._recorder
        tables = join(self._past_sales())
        tables["events"] = pa.concat_tables([recorder.consents(), recorder.visits(start.visits)])
        tables["customers"] = recorder.customers()
        tables["products"] = self.population.baskets.products
        return between(tables, self.origin, self.starts_at)

    def advance(self, from_: int, to: int, deliveries: pa.Table | None = None) -> ShopBatch:
        """What happens in [from_, to), epoch seconds, not before `starts_at`.

        `deliveries` (columns of `deliveries.SCHEMA`) are all mails delivered since `starts_at`; the world
        keeps no memory of its own. Raises ValueError for a time before the start.
        """
        if not self.starts_at <= from_ <= to:
            raise ValueError("advance needs starts_at <= from_ <= to.")
        sent = self._read(deliveries)
        sent = sent.where(sent.delivered_at < to)
        # A mail works from the next day on but is answered at once: play one day more than is asked.
        timeline = self._played(self._day(to), sent).branch()
        timeline.play(self._day(to) + 2, sent)
        tables = self._sales_since(timeline, self._day(from_) - _AFTERMATH_DAYS)
        visits = [(day, who) for day, who in timeline.visits if day >= self._day(from_)]
        answers = [self._recorder.answers(block) for block in timeline.mailed]
        tables["events"] = pa.concat_tables([self._recorder.visits(visits), *answers])
        return between(tables, from_, to)

    def oracle(
        self, at: int, deliveries: pa.Table | None = None, *, discount_share: float | None = None
    ) -> pa.Table:
        """The truth per customer about a mail at the beginning of the day of `at`.

        Columns: customer_external_id; p0, p1 (P(order in the outcome window) without a mail and with one
        sent), uplift = p1 - p0; profit_cents (expected profit of mailing less that of not mailing);
        unsubscribe, click (probabilities); margin_cents, value_cents (expected, of an order); clv_cents
        (expected margin of the next 365 days without mails); alive (has not stopped buying).
        """
        if at < self.starts_at:
            raise ValueError("oracle needs starts_at <= at.")
        usual = self.parameters.mail.discount_share
        share = usual if discount_share is None else discount_share
        timeline = self._played(self._day(at), self._read(deliveries))
        response = timeline.response(discount_share=share)
        people = self.population
        return pa.table({
            "customer_external_id": people.external_ids,
            "p0": response.organic,
            "p1": response.organic + response.uplift,
            "uplift": response.uplift,
            "profit_cents": response.profit_cents,
            "unsubscribe": response.unsubscribe * (1 - response.bounce),
            "click": response.click * (1 - response.bounce),
            "margin_cents": people.baskets.margin_cents,
            "value_cents": people.baskets.value_cents,
            "clv_cents": self._expected_orders(timeline) * people.baskets.margin_cents,
            "alive": timeline.day < people.habits.leaves_day,
        })  # fmt: skip

    def review_truth(self, until: int, deliveries: pa.Table | None = None) -> pa.Table:
        """external_id, true_polarity (-1, 0, 1) and true_aspect of the reviews written before `until`."""
        timeline = self._played(self._day(until), self._read(deliveries))
        reviews = self._sales_since(timeline, 0)["reviews"]
        known = reviews.filter(pc.less(reviews["written_at"], until))
        return known.select(["external_id", "true_polarity", "true_aspect"])

    def _day(self, at: int) -> int:
        return (at - self.origin) // DAY

    def _read(self, deliveries: pa.Table | None) -> Deliveries:
        return Deliveries.from_table(
            deliveries, external_ids=self.population.external_ids, origin=self.origin
        )

    def _started(self) -> Timeline:
        if self._start is None:
            self._start = self._play_history()
        return self._start

    def _play_history(self) -> Timeline:
        count = len(self.population)
        timeline = Timeline(
            parameters=self.parameters,
            population=self.population,
            seed=self._seed,
            replica=self._replica,
            origin=self.origin,
            day=0,
            last_order_day=np.full(count, NEVER),
            first_order_day=np.full(count, NEVER),
            orders=np.zeros(count),
            bargains=np.zeros(count),
            paid_cents=np.zeros(count),
        )
        timeline.play(self._day(self.starts_at), self._read(None))
        timeline.start_mailing()
        return timeline

    def _played(self, day: int, sent: Deliveries) -> Timeline:
        """The state at the beginning of `day`, gone on from the last one where the mails agree."""
        timeline, seen = self._now or (self._started().branch(), self._read(None).digest())
        if timeline.day > day or sent.where(sent.day < timeline.day).digest() != seen:
            timeline = self._started().branch()
        timeline.play(day, sent)
        self._now = (timeline, sent.where(sent.day < day).digest())
        return timeline

    def _past_sales(self) -> list[dict[str, pa.Table]]:
        if self._past is None:
            self._past = [self._recorder.sales(block) for block in self._started().sold]
        return self._past

    def _sales_since(self, timeline: Timeline, day: int) -> dict[str, pa.Table]:
        """Sales of the blocks that reach into the time from `day` on, with all that follows from them."""
        past = len(self._started().sold)
        blocks = self._past_sales() if day < self._day(self.starts_at) else []
        new = [
            self._recorder.sales(block) for block in timeline.sold[past:] if block.day[-1] >= day
        ]
        return join([*blocks, *new])

    def _expected_orders(self, timeline: Timeline) -> Floats:
        """Orders of the next 365 days: living, one per mean gap; lapsed, at the lapsed rate."""
        habits = self.population.habits
        living = np.clip(habits.leaves_day - timeline.day, 0, _CLV_DAYS)
        rate = 1 / (habits.quiet_days + 1 / habits.hazard)
        lapsed = habits.hazard * habits.lapsed
        return np.asarray(
            living * rate + (_CLV_DAYS - living) * lapsed / (1 + habits.quiet_days * lapsed)
        )
