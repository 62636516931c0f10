"""Every feature with its unit, how often it is empty, and how often its values cannot or can hardly be."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse

from core import clock
from customers import display
from customers.screens import page, staff_page
from segmentation import previewing
from segmentation.ml.features import FEATURES
from segmentation.ml.features.quality import Quality, report
from segmentation.models import Segment
from segmentation.small_cells import SMALLEST


LOOKED_AT = 5_000
"""Customers, by every n-th of them: shares to a per cent or so, in a second."""
NOTICED = 0.001
"""A smaller share of impossible values is no reason to look at a shop's data."""


@staff_page("segmentation.view_segment")
def features(request: HttpRequest) -> HttpResponse:
    return page(request, "pages/features.html", title="Features", opts=Segment._meta, **_told())


def _told() -> dict[str, Any]:
    """What the page tells, or `problem`: why it cannot."""
    try:
        with previewing.tables() as database:
            (people,) = database.execute("SELECT count(*) FROM customers").fetchall()[0]
            as_of = int(clock.now().timestamp())
            shares = report(database, as_of=as_of, customers=LOOKED_AT)
    except previewing.TooSlowError:
        took = f"took longer than {previewing.LIMIT.seconds} seconds and was stopped"
        return {"problem": f"Looking at the features {took}. Try again when there is less to do."}
    except previewing.NotReadError:
        return {"problem": "The analytic tables are not read yet; they will be within minutes."}
    if people < SMALLEST:
        return {"problem": f"Fewer than {SMALLEST} customers agreed to profiling: too few to tell."}
    return {
        "themes": [
            {"name": theme.capitalize(), "rows": [_row(one) for one in rows]}
            for theme, rows in groupby(shares, key=lambda one: FEATURES[one.name].theme)
        ],
        "looked_at": min(people, LOOKED_AT),
        "people": people,
        "wrong": [_row(one) for one in shares if one.cut >= NOTICED],
    }


def _row(one: Quality) -> dict[str, Any]:
    feature = FEATURES[one.name]
    return {
        "name": one.name,
        "meaning": feature.meaning,
        "unit": feature.unit,
        "missing": _share(one.missing),
        "missing_rule": feature.missing_rule,
        "cut": display.NOTHING if feature.possible is None else _share(one.cut),
        "is_wrong": one.cut >= NOTICED,
        "possible": "" if feature.possible is None else "{} to {}".format(*feature.possible),
        "outlying": _share(one.outlying) if feature.possible is None else display.NOTHING,
        "for_models": feature.for_models,
    }


def _share(share: float) -> str:
    if 0 < share < 0.001:
        return "< 0.1\u00a0%"
    return "0" if share == 0 else display.percent(share)
