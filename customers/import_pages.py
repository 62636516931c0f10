"""The import wizard: upload, say what the columns are, try it out, import, and undo."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from core import clock
from customers.enums import ImportStatus, SourceKind
from customers.import_forms import DELIMITERS, ENCODINGS, OFFERED, ReadingForm, UploadForm, layouts
from customers.importing import rejected, runs, undoing, workspace
from customers.importing.dialect import Dialect, detect
from customers.models import Import, SavedMapping, Source
from customers.quality import REASONS
from customers.screens import page, staff_page
from customers.sources import LAYOUTS
from customers.sources.base import SCHEMAS, SourceError


_BUSY = (ImportStatus.QUEUED, ImportStatus.RUNNING)
_SAMPLES = 3


@staff_page("customers.add_import")
def new(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        row = _uploaded(request, form)
        if row is not None:
            return redirect("import_pages:mapping", row.pk)
    return page(
        request, "pages/import_new.html", title="Import a file", opts=Import._meta, form=form,
        status=422 if form.errors else 200,
    )  # fmt: skip


def _uploaded(request: HttpRequest, form: UploadForm) -> Import | None:
    """The draft of an import; None, with the reason on the form, for a file that is no table."""
    upload, now = form.cleaned_data["file"], clock.now()
    try:
        with transaction.atomic():
            source = form.cleaned_data["source"] or Source.objects.create(
                kind=SourceKind.CSV, name=form.cleaned_data["name"], created_at=now
            )
            row = runs.create(
                source=source, file_name=upload.name or "file", chunks=upload.chunks(), now=now,
                requested_by=request.user.get_username(),
            )  # fmt: skip
            try:
                row.layout = detect(runs.file_of(row)).layout or "generic"
            except BaseException:
                workspace.clear(row.pk)  # nothing else would know that the file is there
                raise
            row.save(update_fields=["layout"])
    except SourceError as error:
        form.add_error("file", _named(error, upload.name or "file"))
        return None
    return row


def _named(error: Exception, file_name: str) -> str:
    """The words of an error with the file's own name: it was stored under another."""
    return re.sub(r"^file (is|has|holds)\b", lambda m: f"{file_name} {m[1]}", str(error))


@staff_page("customers.add_import")
def mapping(request: HttpRequest, import_id: int) -> HttpResponse:
    """What the file is and what its columns mean; `?layout=` looks at it as another kind of file."""
    row = get_object_or_404(Import, pk=import_id)
    if row.status not in {ImportStatus.DRAFT, ImportStatus.FAILED} or not row.stored_file:
        return redirect("import_pages:show", row.pk)
    layout = request.GET.get("layout", "") or row.layout
    if layout not in LAYOUTS.names():
        layout = "generic"
    try:
        dialect = detect(runs.file_of(row), settings=_said(row, request))
    except (SourceError, UnicodeError) as error:  # UnicodeError: UTF-16 that does not begin like it
        words = _named(error, row.file_name)
        if request.method != "POST":
            messages.error(request, words)
            return redirect("import_pages:show", row.pk)
        messages.error(request, f"It cannot be read like that: {words}")
        return redirect("import_pages:mapping", row.pk)
    known = _saved(dialect).filter(name=request.GET.get("use", "")).first()
    settings = known.settings if known else row.settings
    form = ReadingForm(dialect, layout, request.POST or None, settings=settings)
    if form.was_for_other_columns:
        messages.warning(request, "Read like that the file has other columns. Say what these are.")
        said = {**settings, **_said(row, request)}
        form = ReadingForm(dialect, layout, settings=said)
    elif request.method == "POST" and form.is_valid():
        try:
            is_queued = _configured(form, row, layout=layout, dialect=dialect)
        except SourceError as error:
            form.add_error(None, str(error))
        else:
            if not is_queued:
                messages.error(request, "It was begun meanwhile, in another window.")
            return redirect("import_pages:show", row.pk)
    return page(
        request, "pages/import_mapping.html", title=f"Import {row.file_name}", opts=Import._meta,
        object=row, row=row, form=form, layout=layout, layouts=layouts(), dialect=dialect,
        columns=_with_samples(form, dialect), offered=OFFERED, saved=_saved(dialect), status=422 if form.errors else 200,
    )  # fmt: skip


def _configured(form: ReadingForm, row: Import, *, layout: str, dialect: Dialect) -> bool:
    """Let it be tried out as the form says; False when somebody else has begun it. Raises SourceError."""
    with transaction.atomic():
        # a worker that takes it up waits, so that what it runs is never set back to a draft
        locked = Import.objects.select_for_update().get(pk=row.pk)
        if locked.status not in {ImportStatus.DRAFT, ImportStatus.FAILED}:
            return False
        runs.configure(locked, layout=layout, settings=form.settings())
        _keep(form, locked, dialect)
        runs.queue(locked, dry_run=True)
    return True


def _said(row: Import, request: HttpRequest) -> dict[str, Any]:
    """The delimiter and encoding that the form says, else those of the last time."""
    said = dict(row.settings)
    known = {"delimiter": DELIMITERS, "encoding": ENCODINGS}
    for name, choices in known.items():
        if (value := request.POST.get(name)) in dict(choices):
            said[name] = value
    return said


def _with_samples(form: ReadingForm, dialect: Dialect) -> list[tuple[Any, list[str]]]:
    rows = dialect.sample[:_SAMPLES]
    return [
        (field, [row[place] for row in rows if place < len(row)])
        for place, field in form.column_fields
    ]


def _saved(dialect: Dialect) -> Any:
    """Mappings that were made for a file with just these columns."""
    return SavedMapping.objects.filter(columns=list(dialect.columns)).order_by("name")


def _keep(form: ReadingForm, row: Import, dialect: Dialect) -> None:
    if name := form.cleaned_data.get("save_as", "").strip():
        SavedMapping.objects.update_or_create(
            name=name,
            defaults={
                "layout": row.layout,
                "settings": {"mapping": row.settings.get("mapping")},
                "columns": list(dialect.columns),
                "created_at": clock.now(),
            },
        )


# ------------------------------------------------------------------ what became of it
@staff_page("customers.view_import")
def show(request: HttpRequest, import_id: int) -> HttpResponse:
    """Progress, the report of the dry run, or the result; part of it looks again by itself."""
    row = get_object_or_404(Import.objects.select_related("source"), pk=import_id)
    template = "pages/import_state.html" if "part" in request.GET else "pages/import.html"
    return page(
        request, template, title=row.file_name or str(row), opts=Import._meta, object=row, row=row,
        **_told(row),
    )  # fmt: skip


def _told(row: Import) -> dict[str, Any]:
    is_draft = row.status == ImportStatus.DRAFT
    report = (row.dry_run if is_draft else row.report) or {}
    counts = (
        report
        if is_draft
        else {"lines": row.lines, "accepted": row.accepted, "duplicates": row.duplicates}
    )
    reasons = report.get("rejected", {})
    examples = report.get("examples", {})
    is_undoing = row.status == ImportStatus.FINISHED and row.settings.get("undo") == undoing.ASKED
    undo = row.report.get("undo", {}) if row.status == ImportStatus.UNDONE else {}
    return {
        "is_busy": row.status in _BUSY or is_undoing,
        "is_undoing": is_undoing,
        "is_dry_run": is_draft and row.dry_run is not None,
        "layout": LAYOUTS.load(row.layout).title if row.layout in LAYOUTS.names() else "",
        "counts": counts,
        "rejected_count": sum(reasons.values()),
        "reasons": [
            (reason, REASONS.get(reason, ""), count, examples.get(reason, []))
            for reason, count in sorted(reasons.items(), key=lambda entry: -entry[1])
        ],
        "entities": [
            (name.replace("_", " "), report["entities"][name])
            for name in SCHEMAS
            if name in report.get("entities", {})
        ],
        "notes": report.get("notes", []),
        "conflicts": report.get("conflicts", []),
        "undo": undo,
        "kept": [(undoing.REASONS[reason], count) for reason, count in undo.get("reasons", {}).items()],
        "may_undo": row.status == ImportStatus.FINISHED and bool(row.layout),
        "may_change": row.status in {ImportStatus.DRAFT, ImportStatus.FAILED} and bool(row.stored_file),
    }  # fmt: skip


@require_POST
@staff_page("customers.change_import")
def act(request: HttpRequest, import_id: int) -> HttpResponse:
    """Import now, or undo."""
    row = get_object_or_404(Import, pk=import_id)
    if request.POST.get("act") == "run":
        with transaction.atomic():
            # as it was tried out: not with settings that another window is saving
            locked = Import.objects.select_for_update().get(pk=row.pk)
            if locked.dry_run is not None:
                runs.queue(locked)
    elif request.POST.get("act") == "undo":
        try:
            undoing.ask(row)
        except undoing.NotUndoableError as error:
            messages.error(request, str(error))
    return redirect("import_pages:show", row.pk)


@staff_page("customers.view_import", "customers.view_rejectedrow")
def rejected_file(request: HttpRequest, import_id: int) -> StreamingHttpResponse:
    row = get_object_or_404(Import, pk=import_id)
    return StreamingHttpResponse(
        rejected.rejected_csv(row),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="rejected-{row.pk}.csv"'},
    )
