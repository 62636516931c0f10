"""
The public pages of double opt-in: sign up, and confirm by the link of the message.

GET and HEAD change nothing, because scanners of mail fetch every link. No cookie, no script; the page to
sign up may stand in a frame of the shop's own pages.
"""

from __future__ import annotations

import hmac
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from consent import tokens
from consent.public import public_words, service_messages, sign_up_words, signing_up
from consent.public.signing_up import Found
from consent.public.views import public_page
from core import clock, ids
from gateway import throttles


PAGE = "sign-up page"
A_MINUTE = 10
"""Forms that one address of the network may send; a whole office may share one."""


@csrf_exempt  # nobody is logged in, and the address has to confirm whoever sent it
@xframe_options_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    language = public_words.language_of(request)
    if request.method != "POST":
        return _form(language)
    rate = throttles.count(f"sign-up:{_client(request)}", limit=A_MINUTE)
    if rate.is_exceeded:
        response = _page("public/sign_up_too_many.html", language, status=429)
        response["Retry-After"] = str(rate.reset_seconds)
        return response
    address = request.POST.get("address", "").strip()
    ticked = set(request.POST.getlist("agree"))
    texts = [text for text in signing_up.offered(language=language) if str(text.pk) in ticked]
    wrong = {"address": not _is_address(address), "choose": not texts}
    if any(wrong.values()):
        return _form(language, status=400, address=address[:320], ticked=ticked, wrong=wrong)
    if not request.POST.get("company"):  # a field that people do not see
        signing_up.ask(
            address=address, texts=texts, language=language, form=PAGE, now=clock.now()
        )  # fmt: skip
    return _page("public/sign_up_asked.html", language)


@csrf_exempt  # the token is the proof
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    language = public_words.language_of(request)
    now = clock.now()
    if request.method == "POST":
        signing_up.confirm(token, now=now)
    found, row = signing_up.look(token, now=now)
    if found is Found.UNKNOWN or row is None:
        return public_page("public/unknown_link.html", status=404, language=language)
    if found is Found.EXPIRED:
        return _page("public/sign_up_expired.html", language, status=410)
    if found is Found.PENDING:
        texts = list(row.wordings.order_by("pk"))
        return _page("public/sign_up_confirm.html", language, texts=texts)
    customer = signing_up.customer_of(row)
    choices = customer and tokens.make(customer.pk, purpose=tokens.PREFERENCES)
    return _page("public/sign_up_confirmed.html", language, choices=choices)


def _form(language: str, *, status: int = 200, **typed: Any) -> HttpResponse:
    texts = signing_up.offered(language=language)
    ticked = typed.pop("ticked", ())
    boxes = [(text, str(text.pk) in ticked) for text in texts]
    return _page(
        "public/sign_up.html", language, status=status, boxes=boxes,
        postal_address=settings.POSTAL_ADDRESS, **typed,
    )  # fmt: skip


def _page(template: str, language: str, *, status: int = 200, **context: Any) -> HttpResponse:
    shop, _ = service_messages.sender()
    words = sign_up_words.words(language, shop=shop)
    return public_page(template, status=status, language=language, s=words, **context)


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 320


def _client(request: HttpRequest) -> str:
    """Who asks, as a keyed hash that counts for a minute and is kept nowhere else."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY_SSL_HEADER:  # there is a proxy, which appends whom it saw
        address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
    key = ids.derive_key(settings.LINK_KEY, purpose="throttle")
    return hmac.digest(key, address.encode(), "sha256").hex()[:16]
