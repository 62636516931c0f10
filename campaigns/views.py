"""The public address behind a link in a message."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from campaigns import tracking
from campaigns.channels.provider import provider_name
from campaigns.returns import providers, recording
from consent.public.views import public_page
from core import clock
from core.registry import UnknownNameError


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


@csrf_exempt
def provider(request: HttpRequest, name: str) -> HttpResponse:
    """
    A provider's webhook: only that of the provider we send with, and only with the secret it was given.

    An error of ours is a 500: the provider comes again, and what was kept already changes nothing.
    """
    if name != provider_name(settings.SMTP_URL) or not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        return HttpResponse(status=404)
    try:
        view = providers.VIEWS.load(name).as_view()
    except UnknownNameError:
        return HttpResponse(status=404)
    from anymail.signals import tracking as told  # noqa: PLC0415 - for who uses a provider

    told.connect(_keep, dispatch_uid="campaigns.views._keep")
    return view(request)  # type: ignore[no-any-return]


def _keep(*, event: Any, **more: Any) -> None:
    fact = providers.incoming(event, provider=provider_name(settings.SMTP_URL))
    if fact is not None:
        recording.record(fact, now=clock.now())
