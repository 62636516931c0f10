"""
The preference centre: one page behind a link that only its customer has.

GET shows and changes nothing, but for a browser's Global Privacy Control, which is an objection by
itself. Every POST is one press; no login, no cookie, no script.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import formats, translation
from django.utils.dateparse import parse_date
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from consent import ledger, tokens
from consent.desk import requests
from consent.enums import RequestKind
from consent.models import DataRequest, Preference
from consent.public import choosing, inferences, public_words
from consent.public.views import public_page
from core import clock
from customers.models import Customer


@csrf_exempt  # the token is the proof
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    customer = _of(token)
    language = public_words.language_of(request, known=customer.language if customer else "")
    if customer is None:
        return public_page("public/unknown_link.html", status=404, language=language)
    has_signal = request.headers.get("Sec-GPC") == "1"
    if has_signal:
        choosing.honour_signal(customer, now=clock.now())
    words = public_words.words(language)
    action = request.POST.get("action", "")
    if action == "erase":
        return public_page("public/erase.html", language=language)
    said, wrong = "", ""
    if action == "save":
        wrong = _save(request, customer, language=language)
        said = "" if wrong else words["saved"]
    elif action == "nothing":
        choosing.agree_to_nothing(customer, now=clock.now())
        said = words["stopped"]
    elif action == "copy":
        row = _ask(customer, RequestKind.ACCESS)
        said = f"{words['copy_asked']} {_day(row.due_at, language)}."
    elif action == "erase-yes":
        choosing.agree_to_nothing(customer, now=clock.now())
        row = _ask(customer, RequestKind.ERASURE)
        said = f"{words['erase_asked']} {_day(row.due_at, language)}."
    return public_page(
        "public/preferences.html",
        status=400 if wrong else 200,
        language=language,
        said=said,
        wrong=wrong,
        has_signal=has_signal,
        **_shown(request, customer, language=language),
    )


def _of(token: str) -> Customer | None:
    """The customer of a link, or who they were merged into; None for nobody whom we know."""
    try:
        (customer_id,) = tokens.read(token, count=1, purpose=tokens.PREFERENCES)
    except tokens.BadTokenError:
        return None
    return Customer.objects.filter(pk=ledger.living(customer_id), erased_at=None).first()


def _shown(request: HttpRequest, customer: Customer, *, language: str) -> dict[str, Any]:
    boxes = choosing.options(customer, language=language)
    granted = {box.wording.purpose for box in boxes if box.is_granted}
    asks_why = request.GET.get("why") == "1"
    now = clock.now()
    return {
        "messages": [box for box in boxes if box.is_message],
        "uses": [box for box in boxes if not box.is_message],
        "notes_opens": "OPEN_TRACKING" in granted,
        "shares": "SHARING" in granted,
        "wish": Preference.objects.filter(customer=customer).first(),
        "limits": choosing.LIMITS,
        "tomorrow": (now + choosing.ONE_DAY).date().isoformat(),
        "latest": (now + choosing.LONGEST_PAUSE).date().isoformat(),
        "inferred": inferences.of_customer(
            customer.pk, language=language, with_reasons=asks_why, now=now
        ),
        "asks_why": asks_why,
    }


def _save(request: HttpRequest, customer: Customer, *, language: str) -> str:
    """Returns what is wrong, in words; then nothing is saved."""
    now = clock.now()
    limit = request.POST.get("limit", "")
    until: datetime | None = None
    if asked := request.POST.get("pause", ""):
        try:
            day = parse_date(asked)
        except ValueError:  # the 30th of February
            day = None
        until = datetime.combine(day, time(), tzinfo=UTC) if day else None
        if until is None or not now < until <= now + choosing.LONGEST_PAUSE:
            return public_words.words(language)["pause_wrong"]
    choosing.save(
        customer,
        agreed=[
            int(key) for key in request.POST.getlist("agree") if key.isdecimal() and len(key) < 19
        ],
        at_most_a_month=int(limit) if limit in {str(one) for one in choosing.LIMITS} else None,
        paused_until=until,
        language=language,
        now=now,
    )
    return ""


def _ask(customer: Customer, kind: RequestKind) -> DataRequest:
    """One request a day, however often the button is pressed."""
    now = clock.now()
    return requests.ask(
        kind=kind,
        requested_by=choosing.METHOD,
        now=now,
        customer=customer,
        reference=f"{choosing.METHOD} {customer.pk} {now:%Y-%m-%d}",
    )


def _day(moment: datetime, language: str) -> str:
    with translation.override(language):
        return formats.date_format(moment, "DATE_FORMAT" if language != "en" else "j F Y")
