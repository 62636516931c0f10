"""Pages of our own inside the admin: its frame, menu and permissions around our templates."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse


View = Callable[..., HttpResponseBase]


def page(
    request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
) -> TemplateResponse:
    """Render `template` (which extends pages/base.html) with the menu and header of the admin."""
    # Unfold's header builds its trail with this
    request.current_app = admin.site.name
    return TemplateResponse(
        request,
        template,
        {**admin.site.each_context(request), "title": title, **context},
        status=status,
    )


def row_key(text: str) -> int:
    """The primary key in an address that anybody may have typed; raises Http404 for what is none."""
    if not re.fullmatch("[0-9]{1,18}", text):
        raise Http404
    return int(text)


def staff_page(*permissions: str) -> Callable[[View], View]:
    """A page for staff who hold all `permissions`; others get 403, visitors the login."""

    def decorate(view: View) -> View:
        allowed: View = permission_required(permissions, raise_exception=True)(view)
        wrapped: View = admin.site.admin_view(allowed)
        return wrapped

    return decorate
