"""Is the process alive, and can it reach what it needs?"""

from __future__ import annotations

from django.core.cache import cache
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse

from consent.interlock import hindrances


def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the web server answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database and the broker answer, else 503 with what does not."""
    problems: dict[str, str] = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        problems["database"] = type(error).__name__
    try:
        cache.set("readyz", "1", timeout=5)
    except Exception as error:  # noqa: BLE001 - whatever the client raises, the answer is "not ready"
        problems["broker"] = type(error).__name__
    # pages and unsubscribing go on while nothing may be sent: that is said, and is no reason to restart us
    sending = "" if problems else hindrances.of_sending()
    return JsonResponse(
        {
            "status": "ok" if not problems else "not ready",
            **problems,
            **({"sending": sending} if sending else {}),
        },
        status=503 if problems else 200,
    )
