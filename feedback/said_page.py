"""The page of reviews and sentiment: of the brand, or of one product or kind of text."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from core import clock
from customers import display
from customers.enums import ReviewKind
from customers.models import Product
from customers.queries import known_until
from customers.screens import page, row_key, staff_page
from feedback import charts
from feedback.reports import after_bad
from feedback.reports.said import Asked, Month, Said, said
from segmentation import reviews
from segmentation.models import ReviewSentiment
from segmentation.sentiment_training import enough


@staff_page("segmentation.view_reviewsentiment")
def said_page(request: HttpRequest) -> HttpResponse:
    """`?product=` and `?kind=` narrow it; what does not exist is not found."""
    product = _product(request.GET.get("product", ""))
    kind = request.GET.get("kind", "")
    if kind and kind not in ReviewKind.values:
        raise Http404
    asked = Asked(
        now=known_until(now=clock.now()), product=product.pk if product else None, kind=kind
    )
    report = said(asked)
    number, _ = reviews.serving()
    return page(
        request,
        "pages/said.html",
        title=f"What customers say of {product}" if product else "Reviews and sentiment",
        opts=ReviewSentiment._meta,
        product=product,
        kind=kind,
        kinds=_kinds(product, kind),
        report=report,
        chart=share_chart(report.months),
        verdict=_verdict(report),
        gains=after_bad.gains() if not product else None,
        days=after_bad.DAYS,
        model_number=number,
        enough=enough(now=asked.now),
        may_see_customers=request.user.has_perm("customers.view_customer"),
    )


@dataclass(frozen=True, kw_only=True)
class Kind:
    label: str
    link: str
    chosen: bool


def _kinds(product: Product | None, chosen: str) -> list[Kind]:
    """The links that narrow the page to one kind of text."""
    route = reverse("admin:said_page")
    of_product = {"product": str(product.pk)} if product else {}
    rows = [("", "Everything"), *ReviewKind.choices]
    return [
        Kind(
            label=str(label),
            link=f"{route}?{urlencode({**of_product, **({'kind': code} if code else {})})}",
            chosen=code == chosen,
        )
        for code, label in rows
    ]


def _product(text: str) -> Product | None:
    if not text:
        return None
    found = Product.objects.filter(pk=row_key(text)).first()
    if found is None:
        raise Http404
    return found


def _verdict(report: Said) -> str:
    """The alarm in words; empty without one."""
    if report.change is None:
        return ""
    one = report.change
    weeks = "week" if one.weeks == 1 else f"{one.weeks} weeks"
    return (
        f"{display.percent(one.share, decimals=0)} of the {one.reviews:,} texts of the last {weeks} are negative; "
        f"it was {display.percent(one.before, decimals=0)} in the half year before. Chance would do that "
        "less than once in a thousand weeks."
    )


@dataclass(frozen=True, kw_only=True)
class ShareChart:
    """Two lines with their bands, as points of SVG polylines and polygons."""

    positive: str
    positive_band: str
    negative: str
    negative_band: str
    x_ticks: list[charts.Tick]
    y_ticks: list[charts.Tick]


def share_chart(months: list[Month]) -> ShareChart | None:
    """Shares of positive and negative texts a month; None without two months."""
    if len(months) < 2:
        return None
    step = (charts.RIGHT - charts.LEFT) / (len(months) - 1)

    def points(values: list[float]) -> list[str]:
        return [
            f"{charts.LEFT + step * n:.1f},{charts.BOTTOM - (charts.BOTTOM - charts.TOP) * value:.1f}"
            for n, value in enumerate(values)
        ]

    def band(bounds: list[tuple[float, float]]) -> str:
        high, low = points([one[1] for one in bounds]), points([one[0] for one in bounds])
        return " ".join([*high, *reversed(low)])

    return ShareChart(
        positive=" ".join(points([one.positive.share for one in months])),
        positive_band=band([one.positive.bounds for one in months]),
        negative=" ".join(points([one.negative.share for one in months])),
        negative_band=band([one.negative.bounds for one in months]),
        x_ticks=[
            charts.Tick(position=round(charts.LEFT + step * n, 1), label=f"{one.begins_at:%b %Y}")
            for n, one in enumerate(months)
            if n % max(1, -(-len(months) // 7)) == 0
        ],
        y_ticks=[
            charts.Tick(
                position=charts.BOTTOM - (charts.BOTTOM - charts.TOP) * n / 4,
                label=display.percent(n / 4, decimals=0),
            )
            for n in range(5)
        ],
    )
