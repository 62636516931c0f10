"""When customers order on their own: a daily hazard from season, silence and restocking clocks.

After an order a customer is supplied for `quiet_days`; that is at least the outcome window, so he orders
at most once in a window and P(order) is the whole story of a window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from customers.sources.simulation.randomness import Floats, Ints


DAY = 86_400
NEVER = -(10**6)
"""The day of something that has not happened."""


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What decides when a customer orders; arrays of one length, days counted from the world's first.

    `hazard`: P(order on a day) while living and not supplied. `restock_days`: 0 for those without a clock.
    `leaves_day`: from this day on the hazard is multiplied by `lapsed`.
    """

    hazard: Floats
    leaves_day: Ints
    restock_days: Floats
    lapsed: float
    quiet_days: int
    christmas_peak: float

    def log_stays(self, *, day: int, epoch_day: int, last_order_day: Ints, count: int) -> Floats:
        """Log P(no order on `day`) of the first `count` customers, given their last order."""
        part = slice(count)
        silence = day - last_order_day[part]
        hazard = self.hazard[part] * self._season(epoch_day)
        hazard = np.where(day >= self.leaves_day[part], hazard * self.lapsed, hazard)
        clock = self.restock_days[part]
        ticks = clock > 0
        if ticks.any():
            off = (silence[ticks] - clock[ticks]) / (0.35 * clock[ticks])
            hazard[ticks] *= 0.5 + 1.5 * np.exp(-0.5 * off * off)
        hazard[silence <= self.quiet_days] = 0.0
        return np.asarray(np.log1p(-np.minimum(hazard, 0.5)))

    def organic(self, *, day: int, epoch_day: int, last_order_day: Ints, window: int) -> Floats:
        """P(order in the `window` days from `day` on | no mail), exact for window <= quiet_days."""
        stays = sum(
            self.log_stays(
                day=day + ahead,
                epoch_day=epoch_day + ahead,
                last_order_day=last_order_day,
                count=len(last_order_day),
            )
            for ahead in range(window)
        )
        return np.asarray(-np.expm1(stays))

    def _season(self, epoch_day: int) -> float:
        """Christmas business, centred on 10 December; 1 on average over the year."""
        year_day = np.arange(365)
        bump = np.exp(-0.5 * ((year_day - 344) / 18.0) ** 2)
        today = np.exp(-0.5 * ((epoch_day % 365.2425 - 344) / 18.0) ** 2)
        peak = self.christmas_peak
        return float((1 + peak * today) / (1 + peak * bump.mean()))
