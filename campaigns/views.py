"""The public address behind a link in a message."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from campaigns import tracking
from consent.views import public_page
from core import clock


@require_safe
def click(request: HttpRequest, token: str, number: int) -> HttpResponse:
    """Go to the stored address; only ever to one that the campaign's own text contains."""
    found = tracking.destination(token, number)
    if found is None:
        return public_page("public/unknown_link.html", status=404)
    delivery, url = found
    if request.method == "GET":  # HEAD is a scanner or a preview, not a reader
        tracking.record_click(delivery, number, now=clock.now())
    response = HttpResponseRedirect(url)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
