"""The truth about mails: what one does to the chance that this customer orders in the window.

Works on `Traits`, so that it can be laid over simulated and over real customers. Most of the uplift
follows from what the shop has on record (recency, frequency, bargains, visits, mails), the rest from a
responsiveness that nobody sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from customers.sources.simulation.parameters import ShopParameters
from customers.sources.simulation.profit import incremental_profit
from customers.sources.simulation.randomness import Floats


RECENT_DAYS = 90
"""Visits and mails older than this no longer move anybody."""

_DUE_DAYS, _DUE_WIDTH = (
    75.0,
    0.7,
)  # a reminder is most welcome around 75 days of silence (log-normal)
_NEW_DAYS = 120.0  # newness fades with this time constant
_MOST = 0.95  # no customer is certain


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What moves a customer's response at one moment; arrays of one length.

    `organic` is P(order in the window | no mail). `responsiveness` (standard normal) and `annoyance`
    (mean 1) are latent; all others follow from the records. Money in cents.
    """

    organic: Floats
    recency_days: Floats
    tenure_days: Floats
    orders: Floats
    bargains: Floats
    paid_cents: Floats
    visits: Floats
    mails: Floats
    responsiveness: Floats
    annoyance: Floats
    margin_cents: Floats
    value_cents: Floats


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How drivers were standardised on the customers at the start; fixed from then on."""

    mean: Floats
    spread: Floats
    total_mean: float
    total_spread: float
    log_annoyance: float


@dataclass(frozen=True, kw_only=True)
class Response:
    """Potential outcomes of a mail per customer; `profit_cents` is mailing less leaving alone."""

    organic: Floats
    mailed: Floats
    bounce: Floats
    unsubscribe: Floats
    click: Floats
    profit_cents: Floats

    @property
    def uplift(self) -> Floats:
        """P(order | mail sent) - P(order | no mail): a bounced mail moves nobody."""
        return (1 - self.bounce) * (self.mailed - self.organic)


def calibrate(traits: Traits, *, parameters: ShopParameters) -> Scale:
    """Standardise the drivers on these customers, so that the parameters' points are met."""
    main = _main_drivers(traits, parameters)
    mean, spread = main.mean(axis=1), np.maximum(main.std(axis=1), 1e-9)
    total = _weights(parameters, discount_ratio=1.0) @ _drivers(traits, parameters, mean, spread)
    annoyance = _annoyance(traits, mean, spread, parameters)
    return Scale(
        mean=mean,
        spread=spread,
        total_mean=float(total.mean()),
        total_spread=max(float(total.std()), 1e-9),
        log_annoyance=float(np.log(np.maximum(annoyance.mean(), 1e-9))),
    )


def respond(
    traits: Traits, *, scale: Scale, parameters: ShopParameters, discount_share: float
) -> Response:
    """The potential outcomes of a mail that arrives now. A larger voucher moves bargain hunters more."""
    mail, law = parameters.mail, parameters.uplift
    usual = mail.discount_share
    ratio = min(discount_share / usual, 3.0) if usual > 0 else 1.0
    drivers = _drivers(traits, parameters, scale.mean, scale.spread)
    total = _weights(parameters, discount_ratio=ratio) @ drivers
    seen = (total - scale.total_mean) / scale.total_spread
    share = law.observable_share
    score = np.sqrt(share) * seen + np.sqrt(1 - share) * traits.responsiveness
    points = law.mean_points + law.spread_points * score - law.fatigue_points * traits.mails
    points = np.clip(points, law.lowest_points, law.highest_points)
    # A mail cannot prevent more orders than there would be, nor make anybody certain.
    organic = traits.organic
    mailed = np.clip(organic + points / 100, 0.1 * organic, np.maximum(_MOST, organic))

    annoyance = _annoyance(traits, scale.mean, scale.spread, parameters)
    unsubscribe = np.minimum(mail.unsubscribe_share * annoyance / np.exp(scale.log_annoyance), 0.3)
    bounce = np.full(len(organic), mail.bounce_share)
    click = np.minimum(mail.click_share * np.exp(0.7 * score - 0.245), 0.9)
    return Response(
        organic=organic,
        mailed=mailed,
        bounce=bounce,
        unsubscribe=unsubscribe,
        click=click,
        profit_cents=incremental_profit(
            organic=organic,
            mailed=mailed,
            bounce=bounce,
            unsubscribe=unsubscribe,
            margin_cents=traits.margin_cents,
            value_cents=traits.value_cents,
            discount_share=discount_share,
            mail=mail,
        ),
    )


def _main_drivers(traits: Traits, parameters: ShopParameters) -> Floats:
    """Rows: due, frequency, bargains, engagement, price tier, newness (before standardising)."""
    prior = parameters.basket.promotion_share
    log_gap = np.log(np.maximum(traits.recency_days, 1.0) / _DUE_DAYS)
    return np.stack([
        np.exp(-0.5 * (log_gap / _DUE_WIDTH) ** 2),
        np.log(np.maximum(traits.orders, 1.0)),
        # One order says little about a taste for bargains: shrink by one order's worth.
        (traits.bargains + prior) / (traits.orders + 1),
        np.log1p(traits.visits),
        np.log(np.maximum(traits.paid_cents, 100.0) / np.maximum(traits.orders, 1.0)),
        np.exp(-traits.tenure_days / _NEW_DAYS),
    ])  # fmt: skip


def _drivers(traits: Traits, parameters: ShopParameters, mean: Floats, spread: Floats) -> Floats:
    main = (_main_drivers(traits, parameters) - mean[:, None]) / spread[:, None]
    due, _, bargains, engagement, _, _ = main
    return np.vstack([main, bargains * engagement, due * engagement])


def _weights(parameters: ShopParameters, *, discount_ratio: float) -> Floats:
    w = parameters.drivers
    return np.array([
        w.due, w.frequency, w.bargains * discount_ratio, w.engagement, w.price_tier, w.newness,
        w.bargains_when_engaged * discount_ratio, w.due_when_engaged,
    ])  # fmt: skip


def _annoyance(traits: Traits, mean: Floats, spread: Floats, parameters: ShopParameters) -> Floats:
    """Those who are not looking around and those mailed often leave sooner."""
    engagement = (_main_drivers(traits, parameters)[3] - mean[3]) / spread[3]
    return np.asarray(traits.annoyance * np.exp(-0.5 * engagement + 0.15 * traits.mails))
