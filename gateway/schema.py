"""What OpenAPI says of an operation, beside the method that does it: words, shapes, scope, examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers


Shape = type[serializers.Serializer[Any]]
Method = TypeVar("Method", bound=Callable[..., Any])


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # by its __init_subclass__
    target_class = "gateway.authentication.BearerKey"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key made by staff under API keys in the admin, or by `manage.py api_key`.",
        }


class FieldErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Dotted: `lines.0.quantity`.")
    code = serializers.CharField()
    message = serializers.CharField()


class ErrorSerializer(serializers.Serializer[Any]):
    """Every answer of 400 and above."""

    code = serializers.CharField(help_text="For programs.")
    message = serializers.CharField(help_text="What to do.")
    detail = serializers.CharField(help_text="The same as `message`.")
    errors = FieldErrorSerializer(  # type: ignore[assignment] # ours is never asked for DRF's errors
        many=True, required=False, help_text="With 422: which fields."
    )


_MEANING = {
    400: "The request cannot be read, or has no `Idempotency-Key`.",
    401: "No key, or one that is unknown, expired or revoked.",
    403: "The key lacks the scope.",
    404: "Nothing here, or nothing that this key may see: the same answer.",
    409: "The same write is in flight; ask again after `Retry-After` seconds.",
    410: "The customer was erased or merged into another, or the file deleted.",
    413: "The body is larger than 2.5 MB.",
    415: "Not `application/json`.",
    422: "A value is refused; `errors` names the fields.",
    503: "Somebody else writes the same data; nothing was written, try again after `Retry-After`.",
    429: "Too many requests; wait `Retry-After` seconds.",
}
_ALWAYS = (401, 403, 429)
_OF_WRITES = (400, 409, 413, 415, 422, 503)

_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    location=OpenApiParameter.HEADER,
    required=True,
    description="New for each write, the same when the write is tried again; remembered for a day.",
)


def operation(
    name: str,
    summary: str,
    *,
    scope: str,
    gives: Any,
    tag: str,
    says: str = "",
    takes: Shape | None = None,
    filters: Shape | None = None,
    of_pages: bool = False,
    statuses: Sequence[int] = (200,),
    errors: Sequence[int] = (),
    sent: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Callable[[Method], Method]:
    """
    Document a method of an Endpoint and name the scope that it needs.

    name: unique, for clients generated from the schema. takes: shape of the body; its presence makes
    this a write. of_pages: `gives` is the shape of one row of a page. sent, given: an example of the
    body and of the answer (of one row, where there are pages). errors: statuses beside the usual ones.
    """
    failing = sorted(
        {*_ALWAYS, *(_OF_WRITES if takes else ()), *((422,) if filters else ()), *errors}
    )
    responses: dict[Any, Any] = {
        status: OpenApiResponse(ErrorSerializer, description=_MEANING[status]) for status in failing
    }
    shown: Any = _page_of(gives) if of_pages else gives
    if isinstance(shown, dict):
        responses |= shown
    else:
        responses |= dict.fromkeys(statuses, shown)
    examples = []
    if sent is not None:
        examples.append(OpenApiExample("A request", value=dict(sent), request_only=True))
    if given is not None:
        value = {"results": [dict(given)], "next_cursor": None} if of_pages else dict(given)
        examples.append(
            OpenApiExample(
                "An answer",
                value=value,
                response_only=True,
                status_codes=[str(s) for s in statuses],
            )
        )
    parameters: list[Any] = [
        *([filters] if filters else []),
        *([_IDEMPOTENCY_KEY] if takes else []),
    ]

    def decorate(method: Method) -> Method:
        method.scope = scope  # type: ignore[attr-defined] # read by views.HasScope
        method.operation = name  # type: ignore[attr-defined] # read by consent.accountability.audit
        method.takes, method.sent = takes, sent  # type: ignore[attr-defined] # read by tests
        documented: Method = extend_schema(
            operation_id=name,
            summary=summary,
            description=f"{says} Needs the scope `{scope}`.".strip(),
            tags=[tag],
            parameters=parameters,
            request=takes,
            responses=responses,
            examples=examples,
            extensions={"x-scope": scope},
        )(method)
        return documented

    return decorate


def _page_of(shape: Shape) -> Any:
    return inline_serializer(
        name=shape.__name__.removesuffix("Serializer") + "Page",
        fields={
            "results": shape(many=True),
            "next_cursor": serializers.CharField(
                allow_null=True, help_text="For `cursor` of the next page; null on the last."
            ),
        },
    )
