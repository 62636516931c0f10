"""What the demo reports of each round: every policy's true incremental profit on the same customers.

The truth comes from the simulated world and is used for this table only; nothing that learns or decides
sees it. Amounts are what a mail would change, in cents, summed over the customers who were eligible.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.table import Table

from campaigns.enums import Arm
from campaigns.models import Campaign, Delivery
from core import clock
from customers.display import percent
from feedback.enums import Metric
from feedback.models import LiftEstimate, RetrainingDecision
from segmentation import expectation
from segmentation.enums import Task


Floats = npt.NDArray[np.float64]
POLICIES = ("everybody", "random half", "response-only", "Coterie", "oracle")


@dataclass(kw_only=True)
class Round:
    """One row of the table. `profit` is by policy, in cents; `estimate` is Coterie's own, known later."""

    number: int
    month: str
    eligible: int
    mailed: int
    profit: dict[str, float]
    share: float
    share_low: float
    share_high: float
    campaign_id: int
    estimate: str = "not closed yet"
    decision: str = ""


def measure(
    *, number: int, campaign: Campaign, true_profit: dict[int, float], responders: set[int] | None
) -> Round:
    """
    Hold the campaign's decisions against the truth.

    true_profit: customer id to expected profit of a mail, cents. responders: whom targeting by
    predicted response would mail; None while there is no response model, when a coin decides there too.
    """
    rows = Delivery.objects.filter(campaign=campaign).exclude(arm=Arm.EXCLUDED)
    ids = np.array(sorted(rows.values_list("customer_id", flat=True)), dtype=np.int64)
    profit = np.array([true_profit[customer] for customer in ids.tolist()])
    chosen: Floats = np.full(len(ids), 0.5)  # without a model, a coin
    if campaign.model_version is not None:
        expected = expectation.of_mailing(campaign.model_version, ids, campaign)
        chosen = chosen if expected is None else expected.pays.astype(float)
    answering: Floats = np.full(len(ids), 0.5)
    if responders is not None:
        answering = np.array([float(customer in responders) for customer in ids.tolist()])
    wanted = {
        "everybody": np.ones(len(ids)),
        "random half": np.full(len(ids), 0.5),
        "response-only": answering,
        "Coterie": chosen,
        "oracle": (profit > 0).astype(float),
    }
    share, low, high = _share(profit * chosen, profit * wanted["oracle"])
    return Round(
        number=number,
        month=f"{campaign.frozen_at:%Y-%m}",
        eligible=len(ids),
        mailed=rows.filter(arm=Arm.TREATED).count(),
        profit={name: float((profit * who).sum()) for name, who in wanted.items()},
        share=share,
        share_low=low,
        share_high=high,
        campaign_id=campaign.pk,
    )


def _share(mine: Floats, best: Floats) -> tuple[float, float, float]:
    """A ratio of sums over customers with its 95 % interval (delta method)."""
    ratio = float(mine.sum() / best.sum())
    residual = mine - ratio * best
    half = 1.96 * float(np.sqrt((residual**2).sum()) / best.sum())
    return ratio, ratio - half, ratio + half


def complete(row: Round) -> None:
    """Add what Coterie itself found out since: its lift estimate and what it decided."""
    lift = LiftEstimate.objects.filter(campaign_id=row.campaign_id, metric=Metric.PROFIT).first()
    if lift is not None:
        row.estimate = (
            f"{lift.total / 100:+,.0f} ({lift.low * lift.treated / 100:+,.0f} to "
            f"{lift.high * lift.treated / 100:+,.0f})"
        )
    decision = (
        RetrainingDecision.objects.filter(task=Task.UPLIFT, rounds=row.number)
        .order_by("-id")
        .first()
    )
    if decision is not None:
        row.decision = "new model serves" if decision.promoted else "model kept"


def as_table(rows: list[Round], *, currency: str, simulated_on: str) -> Table:
    table = Table(
        title=f"Incremental profit per round in {currency}, by who is mailed (true expected values)",
        caption=(
            f"{simulated_on} All policies are judged on the same eligible customers. Coterie's column is "
            "its model's targeting; as run, a tenth is held out and a tenth of the rest assigned by a "
            "coin. Its own estimate is as run, against the holdout, with a 95\u00a0% interval."
        ),
    )
    for heading in (
        "round",
        "eligible",
        "mailed",
        *POLICIES,
        "of oracle (95\u00a0%)",
        "own estimate",
        "then",
    ):
        table.add_column(heading, justify="left" if heading == "then" else "right")
    for row in rows:
        table.add_row(
            f"{row.number}  {row.month}",
            f"{row.eligible:,}",
            f"{row.mailed:,}",
            *(f"{row.profit[name] / 100:,.0f}" for name in POLICIES),
            f"{percent(row.share, decimals=0)} ({percent(row.share_low, decimals=0)} to {percent(row.share_high, decimals=0)})",
            row.estimate,
            row.decision,
        )
    return table


def _file() -> Path:
    return clock.home() / "demo-rounds.json"


def load() -> list[Round]:
    """Rounds of earlier runs in this COTERIE_HOME."""
    if not _file().exists():
        return []
    return [Round(**row) for row in json.loads(_file().read_text())]


def save(rows: list[Round]) -> None:
    _file().write_text(json.dumps([asdict(row) for row in rows]))


def responders(campaign: Campaign) -> set[int] | None:
    """Whom targeting by predicted response would mail; None while no response model serves."""
    rows = Delivery.objects.filter(campaign=campaign).exclude(arm=Arm.EXCLUDED)
    ids = np.array(sorted(rows.values_list("customer_id", flat=True)), dtype=np.int64)
    chosen = expectation.by_response(ids, campaign)
    return None if chosen is None else set(ids[chosen].tolist())
