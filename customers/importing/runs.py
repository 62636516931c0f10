"""Imports of files from the first look to the last row: create, dry run, run. `undoing` takes one back.

Preparing (read, translate, check) happens in a DuckDB file and is kept phase by phase; bringing in is one
transaction of PostgreSQL. A process that dies leaves either, and the next one goes on from there.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.db import connection, transaction

from customers import ingest
from customers.enums import ImportStatus
from customers.importing import leases, loading, preparing, reading, workspace
from customers.importing.dialect import Dialect, detect, narrowed
from customers.ingest import Origin, Progress
from customers.models import Import, Source
from customers.reports import Counts, IngestReport
from customers.sources import LAYOUTS
from customers.sources.base import SourceError
from customers.sources.layouts import FileLayout


log = logging.getLogger(__name__)

EXAMPLES = 20
KEEP_FILES = timedelta(days=7)
MAX_TRIES = 5
SETTINGS = ("delimiter", "encoding", "mapping", "demonstration", "consent")
"""What `settings` of an import may say; the rest of them is the importer's own."""


def create(
    *,
    source: Source,
    file_name: str,
    now: datetime,
    path: Path | None = None,
    chunks: Iterable[bytes] | None = None,
    layout: str = "",
    settings: Mapping[str, Any] | None = None,
    requested_by: str = "",
) -> Import:
    """
    A DRAFT of an import of the file at `path`, which must stay there until it is read, or of `chunks`
    (an upload), which are kept until the import is over. Reads nothing yet.
    """
    row = Import.objects.create(
        source=source,
        file_name=file_name[:255],
        status=ImportStatus.DRAFT,
        started_at=now,
        layout=layout,
        settings=dict(settings or {}),
        requested_by=requested_by,
    )
    if chunks is not None:
        place = workspace.folder(row.pk)
        place.mkdir(parents=True, exist_ok=True)
        with (place / "file").open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        row.stored_file = f"{row.pk}/file"
    elif path is not None:
        row.stored_file = str(path.resolve())
    row.save(update_fields=["stored_file"])
    return row


def left(*, source: Source, path: Path, layout: str, settings: Mapping[str, Any]) -> Import | None:
    """The import of this very file, understood in this very way, that was begun last and has not ended well."""
    rows = Import.objects.filter(
        source=source, stored_file=str(path.resolve()), layout=layout,
        status__in=[ImportStatus.RUNNING, ImportStatus.FAILED],
    )  # fmt: skip
    row = rows.order_by("-pk").first()
    same = row is not None and all(
        (row.settings.get(name) or None) == (settings.get(name) or None) for name in SETTINGS
    )
    return row if same else None


def file_of(row: Import) -> Path:
    """Where the file of an import is; an upload lies under COTERIE_HOME/imports."""
    return workspace.folder(row.pk).parent / row.stored_file


def configure(
    row: Import, *, layout: str, settings: Mapping[str, Any], source: Source | None = None
) -> Dialect:
    """
    Say how the file of a draft is to be understood. Raises SourceError when file, layout and mapping do
    not suit, UnknownNameError for the layout.
    """
    dialect = _dialect(file_of(row), layout, settings)
    row.layout, row.settings = layout, dict(settings)
    row.source = source or row.source
    row.status, row.error, row.dry_run = ImportStatus.DRAFT, "", None
    row.save(update_fields=["layout", "settings", "source", "status", "error", "dry_run"])
    return dialect


def queue(row: Import, *, dry_run: bool = False) -> None:
    """Let a worker run it (or try it out); does nothing when it is running or over."""
    Import.objects.filter(pk=row.pk, status__in=[ImportStatus.DRAFT, ImportStatus.FAILED]).update(
        status=ImportStatus.QUEUED,
        settings={**row.settings, "only_try": dry_run, "tries": 0},
        phase="",
        done=0,
        total=0,
    )
    row.refresh_from_db()


def run_due(*, now: datetime) -> int:
    """Run the imports that wait for a worker, and those whose worker died; returns how many."""
    count = 0
    while (import_id := leases.next_due()) is not None:
        count += 1
        row = Import.objects.get(pk=import_id)
        row.settings["tries"] = row.settings.get("tries", 0) + 1
        row.save(update_fields=["settings"])
        try:
            if row.settings["tries"] > MAX_TRIES:
                _failed(row, "It was begun five times and never came to an end.", now=now)
            elif row.settings.get("only_try"):
                _work(row, now=now, progress=None, keep=False)
            else:
                _work(row, now=now, progress=None, keep=True)
        except workspace.BusyError as error:
            log.info("%s", error)
            break
        except Exception as error:  # noqa: BLE001 - it is on the row; the next import goes on
            log.warning("import %s failed: %s", import_id, type(error).__name__)
    return count


def dry_run(row: Import, *, now: datetime, progress: Progress | None = None) -> dict[str, Any]:
    """
    What `run` would do, kept as row.dry_run: counts, reasons with up to 20 examples each, conflicts.

    Nothing is written to the shop's tables. What was prepared serves the run. Raises as `run`.
    """
    try_out(row, now=now, progress=progress)
    return dict(row.dry_run or {})


def try_out(row: Import, *, now: datetime, progress: Progress | None = None) -> IngestReport:
    """As `dry_run`, with the report as `run` gives it."""
    leases.claim(row.pk)
    return _work(row, now=now, progress=progress, keep=False)


def run(row: Import, *, now: datetime, progress: Progress | None = None) -> IngestReport:
    """
    Bring the file in, all of it or nothing. Begins after the last phase that an earlier process finished.

    Raises SourceError for a file that cannot be used, BusyError when another process is at it. On any error
    nothing is imported and the row says why.
    """
    leases.claim(row.pk)
    return _work(row, now=now, progress=progress, keep=True)


# ---------------------------------------------------------------- the work
def _work(row: Import, *, now: datetime, progress: Progress | None, keep: bool) -> IngestReport:
    row.refresh_from_db()
    try:
        with leases.beating(row.pk) as pulse, workspace.opened(row.pk) as place:
            tell = _both(pulse.tell, progress)
            told = _prepare(place, row, now=now, tell=tell)
            with transaction.atomic():
                report, examples = _bring_in(place, row, told, tell=tell, stays=keep)
                pulse.stop()
                if keep:
                    ingest.finish(row, report, now=now)
                else:
                    transaction.set_rollback(True)
        if keep:
            workspace.clear(row.pk)
            Import.objects.filter(pk=row.pk).update(leased_until=None, phase="")
            ingest.refresh_statistics(report)
        else:
            _tried(row, report, examples, conflicts=told["translation"]["conflicts"])
    except workspace.BusyError:
        raise
    except Exception as error:
        _failed(row, str(error), now=now)
        raise
    return report


def _both(first: Progress, second: Progress | None) -> Progress:
    def tell(phase: str, done: int, total: int) -> None:
        first(phase, done, total)
        if second:
            second(phase, done, total)

    return tell


def _failed(row: Import, words: str, *, now: datetime) -> None:
    Import.objects.filter(pk=row.pk).update(
        status=ImportStatus.FAILED, finished_at=now, error=words[:2000], leased_until=None
    )
    row.refresh_from_db()


def _tried(
    row: Import, report: IngestReport, examples: dict[str, Any], *, conflicts: list[str]
) -> None:
    row.dry_run = {
        "lines": report.lines,
        "accepted": report.accepted,
        "duplicates": report.duplicates,
        **report.as_dict(),
        "examples": examples,
        "conflicts": conflicts,
    }
    row.status, row.leased_until, row.phase = ImportStatus.DRAFT, None, ""
    row.save(update_fields=["dry_run", "status", "leased_until", "phase"])


def _dialect(path: Path, layout: str, settings: Mapping[str, Any]) -> Dialect:
    found = detect(path, settings=settings)
    made: FileLayout = LAYOUTS.load(layout)
    made.reads(found.columns, settings)
    return found


def _prepare(
    place: workspace.Workspace, row: Import, *, now: datetime, tell: Progress
) -> dict[str, Any]:
    """Dialect, lines, translation and checks, each taken from where it was left."""
    path = file_of(row)
    said = {name: row.settings.get(name) for name in SETTINGS}
    if not path.is_file():
        raise SourceError(f"{path.name} is gone; put it back where it was, or import it again")
    is_now = path.stat()  # another file by the same name is read anew
    stored = [
        row.stored_file, is_now.st_size, is_now.st_mtime_ns, said["delimiter"], said["encoding"],
    ]  # fmt: skip
    dialect = Dialect(**place.phase("look", lambda db: _looked(path, row), depends_on=stored))
    made: FileLayout = LAYOUTS.load(row.layout)
    dialect = narrowed(dialect, made.reads(dialect.columns, row.settings))
    tell("reading", 0, 0)
    lines = place.phase(
        "read",
        lambda db: reading.read(
            db, path, dialect, told=lambda done, total: tell("reading", done, total)
        ),
        depends_on=[*stored, dialect.kept] if dialect.kept else stored,
    )
    tell("translating", 0, 0)
    translation = place.phase(
        "translate",
        lambda db: preparing.translate(
            db, made, columns=dialect.stored, settings=row.settings, lines=lines, now=now
        ),
        depends_on=[row.layout, said],
    )
    tell("checking", 0, 0)
    checked = place.phase(
        "check", lambda db: preparing.check(db, now=now), depends_on=[row.layout, said]
    )
    return {"dialect": dialect, "lines": lines, "translation": translation, "checked": checked}


def _looked(path: Path, row: Import) -> dict[str, Any]:
    found = _dialect(path, row.layout, row.settings)
    return {
        "delimiter": found.delimiter,
        "encoding": found.encoding,
        "columns": list(found.columns),
    }


def _bring_in(
    place: workspace.Workspace,
    row: Import,
    told: Mapping[str, Any],
    *,
    tell: Progress,
    stays: bool,
) -> tuple[IngestReport, dict[str, Any]]:
    def keep_refused(cursor: Any, entity: str, refused: pa.Table) -> None:
        ingest.keep(cursor, refused, entity=entity, import_id=row.pk)

    translation, checked = told["translation"], told["checked"]
    with connection.cursor() as cursor:
        entities = loading.load(
            cursor,
            place.db,
            checked=checked,
            line_entities=tuple(translation["line_entities"]),
            origin=Origin(source_id=row.source_id, keep_refused=keep_refused, import_id=row.pk),
            told=tell,
            stays=stays,
        )
        examples = _examples(cursor, row)
    return _report(place, row, told, entities), examples


def _report(
    place: workspace.Workspace,
    row: Import,
    told: Mapping[str, Any],
    entities: dict[str, Counts],
) -> IngestReport:
    translation, checked = told["translation"], told["checked"]
    whole = Counts.total(
        entities[entity] for entity in translation["line_entities"] if entity in entities
    )
    refused = Counter(
        dict(place.db.execute("SELECT reason, count(*) FROM refused GROUP BY 1").fetchall())
    )
    return IngestReport(
        import_id=row.pk,
        lines=told["lines"],
        accepted=whole.accepted,
        duplicates=translation["duplicates"] + whole.duplicates,
        rejected=dict(sorted((whole.rejected + refused).items())),
        entities=entities,
        quality={entity: found["quality"] for entity, found in checked.items()},
        value=translation["value"],
        notes=(f"Read as {told['dialect'].description}.", *translation["notes"]),
    )


def _examples(cursor: Any, row: Import) -> dict[str, Any]:
    """Up to EXAMPLES refused rows of each reason."""
    cursor.execute(
        """
        SELECT reason, line_number, entity, raw FROM (
            SELECT *, row_number() OVER (PARTITION BY reason ORDER BY line_number, id) AS place
            FROM customers_rejectedrow WHERE source_import_id = %s
        ) ranked WHERE place <= %s ORDER BY reason, place
        """,
        [row.pk, EXAMPLES],
    )
    found: dict[str, Any] = {}
    for reason, line, entity, raw in cursor.fetchall():
        found.setdefault(reason, []).append({"line": line, "entity": entity, "raw": raw[:300]})
    return found


def tidy(*, now: datetime) -> None:
    """Remove the files of imports that nobody went on with for a week: they are full of people."""
    left = Import.objects.filter(
        status__in=[ImportStatus.DRAFT, ImportStatus.FAILED],
        started_at__lt=now - KEEP_FILES,
        layout__gt="",
    ).exclude(stored_file="")
    for row in left:
        workspace.clear(row.pk)
        row.stored_file = ""
        row.save(update_fields=["stored_file"])
