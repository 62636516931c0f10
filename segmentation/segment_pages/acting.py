"""What is done with a segment: frozen to a fixed list, exported."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from consent.accountability import audit
from core import clock, watermarks
from customers.exporting import cell
from customers.screens import staff_page
from segmentation import queries, rule_segments
from segmentation.models import Segment


logger = logging.getLogger(__name__)


@require_POST
@staff_page("segmentation.view_segment", "segmentation.add_segment")
def freeze(request: HttpRequest, segment_id: int) -> HttpResponse:
    segment = get_object_or_404(Segment, pk=segment_id)
    try:
        frozen = rule_segments.freeze(segment, now=clock.now())
    except IntegrityError:  # a second click within the second
        messages.error(request, "Not frozen: somebody is doing it at this moment. Try again.")
        return redirect("admin:segment_page", segment.pk)
    messages.success(request, f"“{frozen.name}” holds who is in the segment now.")
    return redirect("admin:segment_page", frozen.pk)


class _Line:
    """A file for csv that hands each line on."""

    def write(self, line: str) -> str:
        return line


@staff_page("segmentation.view_segment", "segmentation.export_segment")
def export(request: HttpRequest, segment_id: int) -> StreamingHttpResponse:
    """The members as CSV; addresses only for those who may take them along, and only when asked for."""
    segment = get_object_or_404(Segment, pk=segment_id)
    may_addresses = request.user.has_perm("segmentation.export_addresses")
    with_addresses = may_addresses and "addresses" in request.GET
    # who took what along is kept; whom it is about is not
    logger.info(
        "segment %s exported by user %s%s", segment.pk, request.user.pk,
        " with addresses" if with_addresses else "",
    )  # fmt: skip
    numbers = list(
        queries.members(segment)
        .filter(erased_at=None, restricted_at=None)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    stamp = audit.take_away(request, numbers=numbers, with_addresses=with_addresses)
    answer = StreamingHttpResponse(
        _lines(segment, with_addresses=with_addresses, may_addresses=may_addresses, stamp=stamp),
        content_type="text/csv; charset=utf-8",
    )
    name = slugify(segment.name) or f"segment-{segment.pk}"
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _lines(
    segment: Segment, *, with_addresses: bool, may_addresses: bool, stamp: str
) -> Iterator[str]:
    writer = csv.writer(_Line())
    heads = ["customer_id", "source", "number", *(["email"] if with_addresses else [])]
    yield writer.writerow([*heads, watermarks.COLUMN])
    members = (
        queries.members(segment)
        .filter(erased_at=None, restricted_at=None)
        .order_by("pk")
        .values_list("pk", "source__name", "external_id", "email")
    )
    for pk, source, number, email in members.iterator(chunk_size=5_000):
        # some shops number their customers by address
        shown = number if may_addresses or "@" not in number else ""
        told = [pk, source, shown, *([email] if with_addresses else [])]
        yield writer.writerow([*(cell(one) for one in told), stamp])
