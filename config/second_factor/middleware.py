"""
Who has given a password only is nobody yet.

A session whose owner has a second factor and has not been asked for it is anonymous to everything behind this
middleware; in the admin it leads to the page that asks. Somebody whose role must have one, and who has none,
gets as far as the page where it is set up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode

from config.second_factor import devices


CODE, SET_UP = "second_factor:code", "second_factor:own"


def missing(user: Any) -> str:
    """The page that stands between this user and the rest; "" for who is through, and for visitors."""
    if not user.is_authenticated or user.is_verified():
        return ""
    if devices.has_one(user):
        return CODE
    return SET_UP if devices.is_required(user) else ""


class SecondFactorMiddleware:
    """After django-otp's, which knows the device that a session was verified by."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(reverse("admin:index")):
            user = request.user
            # not asked before somebody wants to know: most public pages read no session
            request.user = SimpleLazyObject(  # type: ignore[assignment] # it becomes one
                lambda: AnonymousUser() if missing(user) else user
            )
            return self.get_response(request)
        between = missing(request.user)
        if not between or request.path in (reverse(between), reverse("admin:logout")):
            return self.get_response(request)
        request.user = AnonymousUser()
        if request.path == reverse("admin:login"):
            return self.get_response(request)
        # where they wanted to go, if it can be gone to by a link
        wanted = request.get_full_path() if request.method == "GET" else ""
        query = f"?{urlencode({'next': wanted})}" if wanted else ""
        return redirect(f"{reverse(between)}{query}")
