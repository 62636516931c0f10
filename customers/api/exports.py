"""Exports: asked for, written by a worker, downloaded as CSV for a day."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from customers import exporting
from customers.api.visible import one
from customers.models import Source
from gateway.errors import Refused, invalid
from gateway.fields import Number, StrictSerializer
from gateway.models import Export, ExportStatus
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer


class ExportSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=exporting.NAMES)
    source_id = serializers.IntegerField(source="settings.source_id", allow_null=True, default=None)
    with_pii = serializers.BooleanField(help_text="Whether it holds names and addresses.")
    status = serializers.ChoiceField(choices=ExportStatus.choices)
    rows = serializers.IntegerField()
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField()


class ExportInSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=exporting.NAMES)
    source_id = Number(min_value=1, required=False, help_text="Default: all that the key sees.")
    with_pii = serializers.BooleanField(
        default=False, help_text="With names and addresses; takes `customers:pii`."
    )


EXAMPLE = {
    "id": 4, "kind": "CUSTOMERS", "source_id": None, "with_pii": False, "status": "WAITING",
    "rows": 0, "requested_at": "2026-06-01T12:00:00Z", "finished_at": None, "error": "",
}  # fmt: skip


class ExportEndpoint(Endpoint):
    @operation(
        "list_exports", "List this key's exports", scope="exports:read", tag="Exports",
        filters=PageFilters, gives=ExportSerializer, of_pages=True, given=EXAMPLE,
    )  # fmt: skip
    def listed(self, request: Request) -> Response:
        rows = Export.objects.filter(key=self.key)
        return Response(page(rows, filters=self.query(PageFilters), shape=ExportSerializer))

    @operation(
        "create_export", "Ask for an export", scope="exports:write", tag="Exports",
        says="Also takes the scope that reads the rows: `customers:read` or `orders:read`. A worker "
        "writes it; ask for its status until it is DONE.",
        takes=ExportInSerializer, gives=ExportSerializer, statuses=(202,),
        sent={"kind": "CUSTOMERS"}, given=EXAMPLE,
    )  # fmt: skip
    def made(self, request: Request) -> Response:
        said = self.said(ExportInSerializer)
        source_id = said.get("source_id")
        export = Export(
            key=self.key, kind=said["kind"], with_pii=said["with_pii"], requested_at=clock.now(),
            settings={} if source_id is None else {"source_id": source_id},
        )  # fmt: skip
        if not exporting.may_download(export, key=self.key):
            raise Refused(
                403, "missing_scope",
                f"This key lacks `{exporting.KINDS[export.kind].scope}`, or `customers:pii` for names.",
            )  # fmt: skip
        if source_id is not None and not (
            self.key.sees(source_id) and Source.objects.filter(pk=source_id).exists()
        ):
            raise invalid("source_id", "unknown_source", "This key sees no source of this number.")
        export.save()
        return answer(ExportSerializer, export, status=202)

    @operation(
        "get_export", "How far an export is", scope="exports:read", tag="Exports",
        gives=ExportSerializer, given={**EXAMPLE, "status": "DONE", "rows": 812}, errors=(404,),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        return answer(ExportSerializer, one(Export.objects.filter(key=self.key), number))

    @operation(
        "download_export", "Download an export", scope="exports:read", tag="Exports",
        says="CSV in UTF-8 with a header. Texts that a spreadsheet would take for a formula begin with '.",
        gives={(200, "text/csv"): OpenApiTypes.STR}, errors=(404, 409, 410),
    )  # fmt: skip
    def downloaded(self, request: Request, number: int) -> Any:
        export = one(Export.objects.filter(key=self.key), number)
        if export.status == ExportStatus.WAITING:
            raise Refused(409, "not_ready", "It is being written; ask again in 5 s.", retry_after=5)
        if export.status == ExportStatus.FAILED:
            raise Refused(409, "failed", "It failed; ask for a new one.")
        if not exporting.may_download(export, key=self.key):
            raise Refused(403, "missing_scope", "This key may no longer read what the file holds.")
        try:
            file = exporting.path_of(export).open("rb")
        except FileNotFoundError:
            raise Refused(410, "expired", "The file was deleted; ask for a new export.") from None
        return FileResponse(
            file, content_type="text/csv; charset=utf-8", as_attachment=True,
            filename=f"{export.kind.lower()}-{export.pk}.csv",
        )  # fmt: skip
