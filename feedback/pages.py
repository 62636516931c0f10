from typing import Any

from django.http import HttpRequest, HttpResponse


def home_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    return context


def result(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return HttpResponse()


def models(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
