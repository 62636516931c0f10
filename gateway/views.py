"""The base of every endpoint: key, limit, scope, and for writes once only, in this order."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from rest_framework import exceptions, negotiation, permissions, viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from gateway import idempotency, throttles
from gateway.authentication import BearerKey
from gateway.errors import Refused
from gateway.models import ApiKey
from gateway.parsers import StrictJson


class AlwaysJson(negotiation.BaseContentNegotiation):
    """There is one format; what the client would rather have changes nothing."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return negotiation.DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


def _key(request: Request) -> ApiKey | None:
    key: Any = request.auth  # the stubs only know DRF's own tokens
    return key if isinstance(key, ApiKey) else None


class HasScope(permissions.BasePermission):
    """The operation names its scope; one that names none is closed to everybody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method, key = request.method or "", _key(request)
        if method.lower() not in view.action_map:
            raise exceptions.MethodNotAllowed(method)
        if key is None:
            raise exceptions.NotAuthenticated
        scope = getattr(getattr(view, view.action, None), "scope", None)
        if scope == ANY_KEY or (scope and key.may(scope)):
            return True
        raise Refused(403, "missing_scope", f"This key lacks the scope `{scope}`.")


ANY_KEY = "any key"
"""The scope of the one operation that tells a key about itself."""


class Endpoint(viewsets.ViewSet):
    """A viewset whose methods are decorated with `schema.operation`, which names their scope."""

    authentication_classes = [BearerKey]
    permission_classes = [HasScope]
    parser_classes = [StrictJson]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson
    metadata_class = None
    http_method_names = ["get", "head", "post", "patch"]
    action_map: dict[str, str]

    rate: throttles.Rate | None = None

    @property
    def key(self) -> ApiKey:
        key = _key(self.request)
        if key is None:
            raise exceptions.NotAuthenticated
        return key

    # ---------------------------------------------------------------- what comes in
    def query(self, shape: type[Serializer[Any]]) -> dict[str, Any]:
        """The checked query parameters. Raises ValidationError, also for unknown ones."""
        return self._checked(shape, self.request.query_params.dict())

    def said(self, shape: type[Serializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        """The checked body. Raises ValidationError, ParseError."""
        return self._checked(shape, self.request.data, partial=partial)

    def _checked(
        self, shape: type[Serializer[Any]], data: Any, *, partial: bool = False
    ) -> dict[str, Any]:
        checked: dict[str, Any] = _kept(shape, partial=partial).run_validation(data)
        return checked

    # ---------------------------------------------------------------- the order of the checks
    def check_permissions(self, request: Request) -> None:
        # first, so that what is refused counts too
        if (key := _key(request)) is not None:
            self.rate = throttles.count(f"key:{key.key_sha256[:16]}", limit=key.per_minute)
            if self.rate.is_exceeded:
                raise exceptions.Throttled(wait=self.rate.reset_seconds)
        super().check_permissions(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = (request.method or "").lower()
        if method in {"post", "patch"}:
            # DRF takes the method from the instance: ours does it once
            setattr(self, method, partial(self._write_once, getattr(self, method)))

    def _write_once(
        self, handler: Any, request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        headers = {}

        def write() -> tuple[int, str]:
            try:
                with transaction.atomic():
                    response = handler(request, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - every answer is remembered, also a refusal
                response = self.handle_exception(error)
            if "Retry-After" in response:
                headers["Retry-After"] = response["Retry-After"]
            return response.status_code, JSONRenderer().render(response.data).decode()

        token = idempotency.token_of(request._request)
        answer = idempotency.once(
            key=self.key,
            token=token,
            fingerprint=idempotency.fingerprint_of(request._request),
            write=write,
        )
        reply = HttpResponse(
            answer.body, status=answer.status, content_type="application/json", headers=headers
        )
        if answer.replayed:
            reply["Idempotency-Replayed"] = "true"
        return reply

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        if self.rate is not None:
            for name, value in self.rate.headers.items():
                final[name] = value
        final["Cache-Control"] = "no-store"
        return final


_of_this_thread = threading.local()


def _kept(shape: type[Serializer[Any]], *, partial: bool = False) -> Serializer[Any]:
    """One a thread: to make it copies every field, which takes longer than what it is asked to do."""
    kept: dict[Any, Serializer[Any]] = _of_this_thread.__dict__
    if (shape, partial) not in kept:
        kept[shape, partial] = shape(partial=partial)
    return kept[shape, partial]


def answer(shape: type[Serializer[Any]], row: Any, *, status: int = 200) -> Response:
    return Response(_kept(shape).to_representation(row), status=status)
