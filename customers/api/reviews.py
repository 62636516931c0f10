"""Reviews of products, mentions of the brand elsewhere, and feedback to customer service."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from customers.api.visible import filtered, one, seen, source_to_write, written
from customers.api.writing import bring_in, epoch
from customers.enums import ReviewKind
from customers.models import Review
from customers.quality import MAX_TEXT
from customers.special import finding
from gateway.fields import Moment, Number, StrictSerializer, Text
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer


class ReviewSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    source_id = serializers.IntegerField()
    external_id = serializers.CharField()
    kind = serializers.ChoiceField(choices=ReviewKind.choices)
    customer_id = serializers.IntegerField(allow_null=True)
    product_id = serializers.IntegerField(allow_null=True)
    written_at = serializers.DateTimeField()
    arrived_at = serializers.DateTimeField()
    rating = serializers.IntegerField(allow_null=True, help_text="1 to 5.")
    title = serializers.CharField()
    text = serializers.CharField()
    language = serializers.CharField()
    origin = serializers.CharField()
    url = serializers.CharField()
    withheld = serializers.SerializerMethodField(
        help_text="Whether title, text and url are left empty, because the text may tell of health, religion or "
        "another special category of data."
    )

    def get_withheld(self, review: Review) -> bool:
        return finding.is_special(review.title, review.text)

    def to_representation(self, instance: Review) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if shown["withheld"]:
            shown |= dict.fromkeys(("title", "text", "url"), "")
        return shown


class ReviewInSerializer(StrictSerializer):
    source_id = Number(min_value=1, required=False, help_text="Default: the key's own source.")
    external_id = Text(max_length=200, help_text="The number of what was said, where it was said.")
    kind = serializers.ChoiceField(choices=ReviewKind.choices, default=ReviewKind.REVIEW)
    customer = Text(max_length=200, required=False, help_text="The shop's number of the customer.")
    product = Text(max_length=200, required=False, help_text="The shop's number of the product.")
    written_at = Moment()
    rating = Number(min_value=1, max_value=5, required=False)
    title = Text(max_length=300, required=False)
    text = Text(max_length=MAX_TEXT, required=False)
    language = Text(max_length=20, required=False)
    origin = Text(
        max_length=100,
        required=False,
        help_text="Where it was said: a network, a help desk, a survey. Needed for MENTION and SERVICE.",
    )
    url = Text(max_length=2000, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["kind"] != ReviewKind.REVIEW and not attrs.get("origin"):
            raise serializers.ValidationError(
                {"origin": [serializers.ErrorDetail("Say where it was said.", code="required")]}
            )
        if not any(attrs.get(name) for name in ("rating", "title", "text")):
            raise serializers.ValidationError(
                {"text": [serializers.ErrorDetail("Say something or rate.", code="required")]}
            )
        return attrs


class ReviewFilters(PageFilters):
    source_id = Number(min_value=1, required=False)
    external_id = Text(max_length=200, required=False)
    kind = serializers.ChoiceField(choices=ReviewKind.choices, required=False)
    customer_id = Number(min_value=1, required=False)
    product_id = Number(min_value=1, required=False)
    written_from = Moment(required=False)
    written_before = Moment(required=False)


EXAMPLE_IN = {
    "external_id": "m-77", "kind": "MENTION", "origin": "a forum", "written_at": "2026-06-02T08:30:00Z",
    "text": "Their green tea is the best I know.", "language": "en",
    "url": "https://forum.example/t/77",
}  # fmt: skip
EXAMPLE = {
    "id": 8, "source_id": 3, "external_id": "m-77", "kind": "MENTION", "customer_id": None,
    "product_id": None, "written_at": "2026-06-02T08:30:00Z", "arrived_at": "2026-06-02T08:31:00Z",
    "rating": None, "title": "", "text": "Their green tea is the best I know.", "language": "en",
    "origin": "a forum", "url": "https://forum.example/t/77", "withheld": False,
}  # fmt: skip


class ReviewEndpoint(Endpoint):
    @operation(
        "list_reviews", "List reviews, mentions and feedback", scope="reviews:read", tag="Reviews",
        filters=ReviewFilters, gives=ReviewSerializer, of_pages=True, given=EXAMPLE,
    )  # fmt: skip
    def listed(self, request: Request) -> Response:
        asked = self.query(ReviewFilters)
        rows = filtered(
            seen(Review.objects.all(), key=self.key), asked, source_id="source_id",
            external_id="external_id", kind="kind", customer_id="customer_id",
            product_id="product_id", written_from="written_at__gte", written_before="written_at__lt",
        )  # fmt: skip
        return Response(page(rows, filters=asked, shape=ReviewSerializer))

    @operation(
        "create_review", "Create or update a review, a mention or feedback", scope="reviews:write",
        tag="Reviews",
        says="`kind` REVIEW is of a product, MENTION was said of the brand elsewhere, SERVICE to your "
        "customer service. 200 where the source already has the number.",
        takes=ReviewInSerializer, gives=ReviewSerializer, statuses=(200, 201), sent=EXAMPLE_IN,
        given=EXAMPLE,
    )  # fmt: skip
    def made(self, request: Request) -> Response:
        said = self.said(ReviewInSerializer)
        now = clock.now()
        source = source_to_write(said.pop("source_id", None), key=self.key, now=now)
        row = {
            **said,
            "customer_external_id": said.get("customer", ""),
            "product_external_id": said.get("product", ""),
            "written_at": epoch(said["written_at"]),
        }
        counts = bring_in(source=source, now=now, reviews=[row])["reviews"]
        review = written(Review, source, said["external_id"])
        return answer(ReviewSerializer, review, status=201 if counts.inserted else 200)

    @operation(
        "get_review", "Read a review, a mention or feedback", scope="reviews:read", tag="Reviews",
        gives=ReviewSerializer, given=EXAMPLE, errors=(404,),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        return answer(ReviewSerializer, one(seen(Review.objects.all(), key=self.key), number))
