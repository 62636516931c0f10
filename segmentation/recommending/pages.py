"""The page of recommendations: how good they are, what is closed for how long, and what will be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from customers.models import Product
from customers.screens import page, staff_page
from segmentation.enums import Task
from segmentation.models import (
    CategoryRule,
    ExpectedDemand,
    ModelVersion,
    RecommendationRun,
)
from segmentation.recommending import stored


WAYS = {
    "ours": "Learned mixture",
    "served": "The version that served before",
    "repeats": "Buying again what was bought",
    "item_bm25": "Bought together (item-kNN, BM25)",
    "popular_month": "Popular this month",
}
_MEASURES = ("ndcg", "recall", "hit_rate", "coverage")
MOST_CATEGORIES = 200
MOST_PRODUCTS = 50
POPULAR = 10


@dataclass(frozen=True, kw_only=True)
class Way:
    name: str
    is_ours: bool
    ndcg: float
    recall: float
    hit_rate: float
    coverage: float


@dataclass(frozen=True, kw_only=True)
class Clock:
    """days_closed: as learned. rule: what the shop says instead. customers: to how many the run closed it."""

    category: str
    days_closed: int
    median: float | None
    gaps: int
    returns: int
    customers: int | None
    rule: CategoryRule | None

    @property
    def return_share(self) -> float | None:
        return self.returns / self.gaps if self.gaps else None


@staff_page("segmentation.view_recommendationrun")
def recommendations(request: HttpRequest) -> HttpResponse:
    run = stored.current()
    newest = ModelVersion.objects.filter(task=Task.RECOMMEND).order_by("-number").first()
    version = run.version if run else newest
    clocks = _clocks(run) if run else []
    return page(
        request,
        "pages/recommendations.html",
        title="Recommendations",
        opts=CategoryRule._meta,
        run=run,
        newest=newest,
        version=version,
        ways=_ways(version.metrics) if version else [],
        judges=version.metrics.get("judges", 0)
        if version and isinstance(version.metrics, dict)
        else 0,
        coverage=run.shown / run.products if run and run.products else None,
        closed_now=run.details.get("closed") if run else None,
        clocks=clocks[:MOST_CATEGORIES],
        more_clocks=max(len(clocks) - MOST_CATEGORIES, 0),
        demand=_demand(run) if run else [],
        sold_products=ExpectedDemand.objects.filter(run=run).count() if run else 0,
        covered=run.details.get("covered") if run else None,
        popular=_names(run.popular[:POPULAR]) if run else [],
    )


def _ways(metrics: Any) -> list[Way]:
    """The best first; a version of another recipe has none."""
    told = metrics.get("ways") if isinstance(metrics, dict) else None
    found = [
        Way(
            name=WAYS.get(code) or str(code), is_ours=code == "ours", ndcg=said["ndcg"],
            recall=said["recall"], hit_rate=said["hit_rate"], coverage=said["coverage"],
        )
        for code, said in (told.items() if isinstance(told, dict) else ())
        if isinstance(said, dict) and all(isinstance(said.get(one), int | float) for one in _MEASURES)
    ]  # fmt: skip
    return sorted(found, key=lambda way: -way.ndcg)


def _clocks(run: RecommendationRun) -> list[Clock]:
    """The longest closed first, then those bought most."""
    rules = {rule.category: rule for rule in CategoryRule.objects.all()}
    found = [
        Clock(
            category=told["category"], days_closed=told["days_closed"], median=told["median"],
            gaps=told["gaps"], returns=told["returns"], customers=told.get("closed_to"),
            rule=rules.get(told["category"]),
        )
        for told in run.clocks
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.days_closed, -one.gaps, one.category))


def _demand(run: RecommendationRun) -> list[ExpectedDemand]:
    """Of most pieces first."""
    return list(
        ExpectedDemand.objects.filter(run=run)
        .select_related("product")
        .order_by("-expected", "product_id")[:MOST_PRODUCTS]
    )


def _names(keys: list[int]) -> list[str]:
    known = Product.objects.in_bulk(keys)
    return [str(known[key]) for key in keys if key in known]
