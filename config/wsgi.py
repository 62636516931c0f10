"""What the web server loads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from config import embedded


embedded.ensure()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402 - settings must find the servers


_django = get_wsgi_application()

from core.bell import Bell  # noqa: E402 - Django must be set up
from customers.intake.views import PREFIXES, in_front_of  # noqa: E402


# the doors for shop data are answered before Django: three times as many requests a second
_product = in_front_of(_django)
# what came in is read, and what the API changed is computed, now and not at the next tick
_reading, _following = (
    Bell("customers.tasks.read_inbound"),
    Bell("segmentation.tasks.refresh_dirty"),
)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    reply = _product(environ, start_response)
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD", "OPTIONS"}:
        if environ["PATH_INFO"].startswith(PREFIXES):
            _reading.ask()
        elif environ["PATH_INFO"].startswith("/api/"):
            _following.ask()
    return reply
