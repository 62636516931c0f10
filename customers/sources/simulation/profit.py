"""What a mail earns: one formula, used for what happened and for what is expected."""

from __future__ import annotations

from customers.sources.simulation.parameters import Mail
from customers.sources.simulation.randomness import Floats


def window_profit(
    *,
    orders: Floats,
    margin_cents: Floats,
    value_cents: Floats,
    received: Floats,
    unsubscribed: Floats,
    mailed: float,
    discount_share: float,
    mail: Mail,
) -> Floats:
    """Profit of a customer in one outcome window, in cents.

    `orders` (0 or 1) times the margin, less the voucher when the mail was received, less sending, less
    what a lost address costs. Linear in `orders` for a given `received`, so probabilities may be put in
    its place: then it is the expectation. `margin_cents` is the margin before the mail's voucher,
    `value_cents` the list value on which the voucher is given.
    """
    voucher = received * discount_share * value_cents
    return (
        orders * (margin_cents - voucher)
        - mailed * mail.contact_cost_cents
        - unsubscribed * mail.unsubscribe_cost_cents
    )


def incremental_profit(
    *,
    organic: Floats,
    mailed: Floats,
    bounce: Floats,
    unsubscribe: Floats,
    margin_cents: Floats,
    value_cents: Floats,
    discount_share: float,
    mail: Mail,
) -> Floats:
    """Expected profit of mailing a customer less that of leaving him alone, in cents.

    `organic` and `mailed` are P(order in the window) without a mail and with one received; a bounced
    mail is paid for and changes nothing else. `unsubscribe` is given a received mail.
    """
    nothing = organic * 0.0
    terms = {"margin_cents": margin_cents, "value_cents": value_cents, "mail": mail}
    reached = window_profit(
        orders=mailed, received=nothing + 1, unsubscribed=unsubscribe, mailed=1.0,
        discount_share=discount_share, **terms,  # type: ignore[arg-type]
    )  # fmt: skip
    bounced = window_profit(
        orders=organic, received=nothing, unsubscribed=nothing, mailed=1.0,
        discount_share=discount_share, **terms,  # type: ignore[arg-type]
    )  # fmt: skip
    alone = window_profit(
        orders=organic, received=nothing, unsubscribed=nothing, mailed=0.0,
        discount_share=discount_share, **terms,  # type: ignore[arg-type]
    )  # fmt: skip
    return (1 - bounce) * reached + bounce * bounced - alone
