"""The product's own application and, below /drf/, the reference without any middleware."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from config import embedded


embedded.ensure()
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.api_reference.settings"

from django.conf import settings  # noqa: E402 - settings must find the servers
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402

from config.wsgi import application as product  # noqa: E402


_chain, settings.MIDDLEWARE = (
    settings.MIDDLEWARE,
    [],
)  # in favour of the reference: it pays for none
reference = WSGIHandler()
settings.MIDDLEWARE = _chain


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"].startswith("/drf/"):
        return reference(environ, start_response)
    return product(environ, start_response)
