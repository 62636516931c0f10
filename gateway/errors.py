"""One shape for every error under /api/: {"code", "message", "detail"(, "errors")}.

`code` is for programs, `message` says what to do, `detail` repeats it for clients that look there.
`errors` names the fields of a 422: [{"field": "lines.0.quantity", "code": ..., "message": ...}].
"""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DataError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response


log = logging.getLogger(__name__)


class Refused(exceptions.APIException):
    """An answer other than success: status, code, and the sentence that says what to do."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail=message, code=code)
        self.status_code, self.code, self.message = status, code, message
        self.errors, self.retry_after = list(errors), retry_after


def invalid(field: str, code: str, message: str) -> Refused:
    """422 for one field."""
    return Refused(
        422, "invalid", "Correct the fields named in `errors` and send it again.",
        errors=[{"field": field, "code": code, "message": message}],
    )  # fmt: skip


def not_found() -> Refused:
    """The same answer for what is not there and for what the key may not see."""
    return Refused(404, "not_found", "There is nothing here that this key may see.")


def body(code: str, message: str, errors: Sequence[dict[str, str]] = ()) -> dict[str, Any]:
    said: dict[str, Any] = {"code": code, "message": message, "detail": message}
    if errors:
        said["errors"] = list(errors)
    return said


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. What nobody foresaw is logged and answered 500, in the same shape."""
    refused = _understand(error)
    headers = {}
    if refused.retry_after is not None:
        headers["Retry-After"] = str(refused.retry_after)
    if refused.status_code == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="coterie"'
    if refused.status_code >= 500:
        # the path may name a customer; the route does not
        route = getattr(getattr(context.get("request"), "resolver_match", None), "route", "?")
        if refused.status_code == 503:
            log.warning("the API was busy at %s: %s", route, type(error).__name__)
        else:
            # the error's own text may repeat what was sent
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("the API failed at %s: %s\n%s", route, type(error).__name__, trace)
    return Response(
        body(refused.code, refused.message, refused.errors),
        status=refused.status_code,
        headers=headers,
    )


def _understand(error: Exception) -> Refused:  # noqa: C901, PLR0911 - a table of kinds
    match error:
        case Refused():
            return error
        case Http404():
            return not_found()
        case PermissionDenied():
            return Refused(403, "forbidden", "This key may not do that.")
        case RequestDataTooBig():
            return Refused(413, "too_large", "The body is too large; send it in smaller parts.")
        case UnreadablePostError():
            return Refused(
                400, "unreadable", "The body ended before it was complete; send it again."
            )
        case DataError():
            # a value that no rule of ours refused and PostgreSQL cannot hold; still the client's
            log.warning(
                "PostgreSQL refused a value of a request: %s", type(error.__cause__).__name__
            )
            return Refused(422, "invalid", "A value is outside of what can be stored.")
        case OperationalError():
            # a deadlock, a wait for an import that is too long, a server that restarts
            return Refused(
                503, "busy", "The data is being written by somebody else. Send it again in 5 s.",
                retry_after=5,
            )  # fmt: skip
        case exceptions.ValidationError():
            return Refused(
                422, "invalid", "Correct the fields named in `errors` and send it again.",
                errors=list(_fields(error.get_full_details())),
            )  # fmt: skip
        case exceptions.Throttled():
            wait = max(1, math.ceil(getattr(error, "wait", None) or 1))
            return Refused(
                429, "too_many_requests", f"Wait {wait} s and send it again.", retry_after=wait
            )
        case exceptions.APIException():
            return Refused(error.status_code, _code(error), _text(error))
    return Refused(500, "server_error", "Something failed on our side. Send it again later.")


_CODES = {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found",
          405: "method_not_allowed", 415: "unsupported_media_type"}  # fmt: skip


def _code(error: exceptions.APIException) -> str:
    return _CODES.get(error.status_code, "error")


def _text(error: exceptions.APIException) -> str:
    match error:
        case exceptions.NotAuthenticated():
            return "Send a key as `Authorization: Bearer cot_…`."
        case exceptions.UnsupportedMediaType():
            return "Send JSON, and say so: `Content-Type: application/json`."
        case exceptions.MethodNotAllowed():
            return "This address does not know that method; /api/docs/ says which it knows."
    return str(error.detail)


def _fields(details: Any, path: str = "") -> Iterator[dict[str, str]]:
    """DRF's nested errors as a flat list with dotted names; an error of no field is of "body"."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        said = {"field": path or "body", "code": details["code"], "message": details["message"]}
        # names and messages repeat what was sent, which may be half of a surrogate pair
        yield {name: str(text).encode("utf-8", "replace").decode() for name, text in said.items()}
    elif isinstance(details, dict):
        for name, inner in details.items():
            below = path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            yield from _fields(inner, below)
    else:
        # a list of errors of one field, or one entry for each item of a list
        for number, inner in enumerate(details):
            is_error = isinstance(inner, dict) and set(inner) == {"message", "code"}
            yield from _fields(
                inner, path if is_error else f"{path}.{number}" if path else str(number)
            )


# ---------------------------------------------------------------- outside of DRF
_PLAIN = {
    400: ("bad_request", "The request cannot be read."),
    403: ("forbidden", "This key may not do that."),
    404: ("not_found", "There is no such address; /api/docs/ lists them."),
    500: ("server_error", "Something failed on our side. Send it again later."),
}


def plain(status: int) -> JsonResponse:
    return JsonResponse(body(*_PLAIN[status]), status=status)


def no_such_address(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
    """For every address under /api/ that is no route."""
    return plain(404)


def _handler(status: int, default: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def handle(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.path.startswith("/api/"):
            return plain(status)
        return default(request, *args, **kwargs)

    return handle


handler400 = _handler(400, defaults.bad_request)
handler403 = _handler(403, defaults.permission_denied)
handler404 = _handler(404, defaults.page_not_found)
handler500 = _handler(500, defaults.server_error)
