"""DRF as its documentation writes it: one row, or many=True with a bulk insert."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework import generics, serializers

from benchmarks.receive_reference.models import ReferenceEvent


class Bulk(serializers.ListSerializer[Any]):
    def create(self, validated_data: Any) -> Any:
        return ReferenceEvent.objects.bulk_create([ReferenceEvent(**row) for row in validated_data])


class EventSerializer(serializers.ModelSerializer[ReferenceEvent]):
    class Meta:
        model = ReferenceEvent
        fields = ["message_id", "user_id", "event", "happened_at", "properties"]
        list_serializer_class = Bulk
        # in favour of the reference: without it DRF asks the database once more for every row
        extra_kwargs: ClassVar = {"message_id": {"validators": []}}


class Create(generics.CreateAPIView[ReferenceEvent]):
    queryset = ReferenceEvent.objects.all()
    serializer_class = EventSerializer


class CreateMany(Create):
    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        return super().get_serializer(*args, many=True, **kwargs)


def no_op(request: HttpRequest) -> HttpResponse:
    """The floor of a Django view: read the request, decode its JSON, say 200. No middleware."""
    msgspec.json.decode(request.body)
    return HttpResponse(b'{"success": true}', content_type="application/json")


urlpatterns = [
    path("django/noop", no_op),
    path("drf/event", Create.as_view()),
    path("drf/events", CreateMany.as_view()),
]
