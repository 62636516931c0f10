"""GET /customers/{number}/recommendations."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from customers.api.visible import customer
from gateway.schema import operation
from gateway.views import Endpoint, answer
from segmentation.ml.recommend.wording import Reason
from segmentation.recommending import stored


class RecommendedProductSerializer(serializers.Serializer[Any]):
    product_id = serializers.IntegerField()
    name = serializers.CharField()
    category = serializers.CharField()
    price_cents = serializers.IntegerField(allow_null=True)
    url = serializers.CharField()
    image_url = serializers.CharField()
    reason = serializers.CharField(help_text="A sentence that may be shown to the customer.")
    code = serializers.ChoiceField(choices=[one.name for one in Reason])
    score = serializers.FloatField(
        allow_null=True, help_text="Only its order within a list means something."
    )


class ClosedSerializer(serializers.Serializer[Any]):
    category = serializers.CharField(help_text="Empty: only the product.")
    because = serializers.CharField(source="product", help_text="What was bought of it last.")
    until = serializers.DateTimeField()
    learned = serializers.BooleanField(help_text="False: by a rule of the shop.")


class RecommendationsSerializer(serializers.Serializer[Any]):
    """`personal` is false where the list is what is popular: nothing bought, no consent to recommendations, no model yet."""

    customer_id = serializers.IntegerField()
    personal = serializers.BooleanField()
    as_of = serializers.DateTimeField(allow_null=True, help_text="Nothing later was learned from.")
    model = serializers.CharField(help_text="Name and version; empty before the first run.")
    recommendations = RecommendedProductSerializer(many=True)
    suppressed = ClosedSerializer(many=True)


EXAMPLE = {
    "customer_id": 17, "personal": True, "as_of": "2026-06-01T00:00:00Z", "model": "recommend v2",
    "recommendations": [
        {"product_id": 5, "name": "Filter papers", "category": "Coffee", "price_cents": 490,
         "url": "https://shop.example/filters", "image_url": "", "code": "USUALLY",
         "reason": "you usually buy this every 41 days", "score": 3.27}],
    "suppressed": [
        {"category": "Phones", "because": "Phone X", "until": "2027-02-11T00:00:00Z", "learned": True}],
}  # fmt: skip


class RecommendationEndpoint(Endpoint):
    @operation(
        "get_recommendations", "What to offer a customer, and what not", scope="scores:read",
        tag="Scores",
        says="At most ten products, the best first, each with its reason. Computed once a day; what was bought "
        "since is left out. `suppressed`: of these categories nothing is offered for a while, because the "
        "customer has bought of them and they are not bought again so soon.",
        gives=RecommendationsSerializer, given=EXAMPLE, errors=(404, 410),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        shelf = stored.of_customer(found.pk)
        return answer(
            RecommendationsSerializer,
            {
                "customer_id": found.pk, "personal": shelf.personal, "as_of": shelf.as_of,
                "model": shelf.model, "recommendations": shelf.suggestions,
                "suppressed": stored.closed_to(found.pk, now=clock.now()),
            },
        )  # fmt: skip


urlpatterns = [
    path(
        "customers/<int:number>/recommendations", RecommendationEndpoint.as_view({"get": "shown"})
    ),
]
