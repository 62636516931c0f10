"""
The public page that stops marketing.

GET only asks, because scanners of mail fetch every link. POST acts: from the button, or from a
mail program by the one-click of RFC 8058, which sends no cookies and follows no redirect. A newsletter's
message ends that newsletter, and the page offers to end everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from consent import ledger, mail_purposes, tokens
from consent.enums import NEWSLETTER, Purpose
from consent.models import Topic
from consent.public import public_words
from core import clock


@csrf_exempt  # the token is the proof, and RFC 8058 forbids asking for more
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    language = public_words.language_of(request)
    try:
        customer_id, campaign_id, delivery_id = tokens.read(
            token, count=3, purpose=tokens.UNSUBSCRIBE
        )
    except tokens.BadTokenError:
        return public_page("public/unknown_link.html", status=404, language=language)
    purpose = mail_purposes.of_campaign(campaign_id)
    context: dict[str, Any] = {
        "choices": tokens.make(customer_id, purpose=tokens.PREFERENCES),
        "newsletter": _title(purpose, language=language),
    }
    if request.method != "POST":
        return public_page("public/unsubscribe.html", language=language, **context)
    of_all = request.POST.get("confirm") == "all" or not context["newsletter"]
    one_click = request.POST.get("List-Unsubscribe") == "One-Click"
    ledger.unsubscribe(
        customer_id=customer_id,
        method="one-click" if one_click else "unsubscribe page",
        now=clock.now(),
        campaign_id=campaign_id or None,
        delivery_id=delivery_id or None,
        purpose=Purpose.MARKETING if of_all else purpose,
    )
    return public_page("public/unsubscribed.html", language=language, of_all=of_all, **context)


def _title(purpose: str, *, language: str) -> str:
    """Of the newsletter that a message was, or "" for promotions."""
    if not purpose.startswith(NEWSLETTER):
        return ""
    topic = Topic.objects.filter(slug=purpose.removeprefix(NEWSLETTER)).first()
    return topic.title_in(language) if topic else ""


def public_page(
    template: str, *, status: int = 200, language: str = "en", **context: Any
) -> HttpResponse:
    """A page for customers: no cookies, not stored, not indexed, and its address is told to nobody."""
    known: Mapping[str, Any] = {
        "w": public_words.words(language),
        "language": language,
        "languages": public_words.LANGUAGES.items(),
    }
    response = HttpResponse(render_to_string(template, {**known, **context}), status=status)
    response["Cache-Control"] = "no-store"
    response["Content-Language"] = language
    response["Referrer-Policy"] = "no-referrer"
    response["Vary"] = "Accept-Language"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
