"""Take a whole import back, as far as nobody has built on it since; what stays is listed with the reason.

Who wrote a row last is told by PostgreSQL itself: `xmin`, the transaction of a row's last change. An import
remembers its own; a row that carries another was changed since. A row that a later import changed and
whose change was undone counts as unchanged: the undone import remembers whose the row was before.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction

from customers import ingest
from customers.enums import EventKind, ImportStatus
from customers.events import announce_writing
from customers.models import (
    Customer,
    Event,
    Import,
    Order,
    OrderLine,
    Product,
    Refund,
    Review,
)


log = logging.getLogger(__name__)

REASONS = {
    "changed_since": "Changed since by somebody else: another file, the shop, a merge, an erasure.",
    "referred_to": "Something that stays refers to it.",
    "consent_on_record": "An act of consent stays on record; a consent that was given is withdrawn.",
    "refers_to_gone": "Its old words refer to something that is gone.",
}
EXAMPLES = 20

# what refers to others comes first
_MODELS: dict[str, type[models.Model]] = {
    "events": Event,
    "reviews": Review,
    "refunds": Refund,
    "order_lines": OrderLine,
    "orders": Order,
    "products": Product,
    "customers": Customer,
}
_CONSENT = tuple(
    kind.value
    for kind in (
        EventKind.CONSENT_GIVEN,
        EventKind.CONSENT_WITHDRAWN,
        EventKind.CONSENT_CLAIMED,
    )
)


class NotUndoableError(ValueError):
    """The import is not one that can be undone; the message says why."""


ASKED = "asked"


def ask(row: Import) -> None:
    """
    Let a worker undo it; `settings["undo"]` says so until it is done, and why if it cannot be done.

    Raises NotUndoableError.
    """
    with transaction.atomic():
        locked = Import.objects.select_for_update().get(pk=row.pk)
        if locked.status == ImportStatus.UNDONE:
            return
        _check(locked)
        locked.settings["undo"] = ASKED
        locked.save(update_fields=["settings"])


def undo_due(*, now: datetime) -> int:
    """Undo what somebody asked for; returns how many. One that another worker has begun is left to it."""
    count = 0
    while (row := _next_asked()) is not None:
        try:
            undo(row, now=now)
        except Exception as error:  # noqa: BLE001 - it is on the row; the next one goes on
            log.warning("undoing import %s failed: %s", row.pk, type(error).__name__)
            row.settings["undo"] = str(error)[:300]
            row.save(update_fields=["settings"])
        count += 1
    return count


def _next_asked() -> Import | None:
    with transaction.atomic():
        return (
            Import.objects.select_for_update(skip_locked=True)
            .filter(status=ImportStatus.FINISHED, settings__undo=ASKED)
            .order_by("pk")
            .first()
        )


def _check(row: Import) -> None:
    if row.status != ImportStatus.FINISHED or not row.layout:
        raise NotUndoableError(f"Import {row.pk} is no finished import of a file.")


def undo(row: Import, *, now: datetime) -> dict[str, Any]:
    """
    Delete the rows that the import created and give those it changed their old words back.

    Returns {deleted, restored, kept, consents_withdrawn, reasons, entities, examples}: rows created or
    changed = deleted + restored + kept, and kept = the sum of `reasons`. Consents that came with the import
    are not unsaid: a withdrawal stays, a grant is withdrawn as of its own time. Again, it changes nothing
    and returns the same. Raises NotUndoableError.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        ingest.lock(cursor, source_id=row.source_id)
        locked = Import.objects.select_for_update().get(pk=row.pk)
        if locked.status == ImportStatus.UNDONE:
            return dict(locked.report["undo"])
        _check(locked)
        told = _Undoing(cursor, locked, now=now).all()
        locked.status, locked.undone_at = ImportStatus.UNDONE, now
        locked.report = {**locked.report, "undo": told}
        locked.save(update_fields=["status", "undone_at", "report"])
        cursor.execute(
            "UPDATE customers_import SET report = jsonb_set(report, '{undo,written_by}', to_jsonb(xmin::text))"
            " WHERE id = %s",
            [row.pk],
        )
    row.refresh_from_db()
    return told


class _Undoing:
    def __init__(self, cursor: Any, row: Import, *, now: datetime) -> None:
        self.cursor = cursor
        self.now = now
        self.names = {
            "import": row.pk,
            "mine": row.report["written_by"],
            "consent": list(_CONSENT),
        }
        self.reasons: Counter[str] = Counter()
        self.entities: dict[str, dict[str, int]] = {}
        self.examples: dict[str, list[dict[str, Any]]] = {}

    def all(self) -> dict[str, Any]:
        self._remember_who_wrote()
        withdrawn = self._withdraw_grants()
        for entity, model in _MODELS.items():  # old words first: they may name what is not mine
            self.entities[entity] = {"restored": self._restore(entity, model)}
        for entity, model in _MODELS.items():
            self.entities[entity]["deleted"] = self._delete(entity, model)
        return {
            "deleted": sum(counts["deleted"] for counts in self.entities.values()),
            "restored": sum(counts["restored"] for counts in self.entities.values()),
            "kept": self.reasons.total(),
            "consents_withdrawn": withdrawn,
            "reasons": dict(sorted(self.reasons.items())),
            "entities": self.entities,
            "examples": self.examples,
        }

    # ------------------------------------------------------------ who wrote a row last
    def _remember_who_wrote(self) -> None:
        """Table `undone`: rows whose last writer is an undoing, and who had written them before."""
        self._keep_as(
            "undone",
            """
            SELECT c.entity, c.row_id, i.report -> 'undo' ->> 'written_by' AS undoing,
                   c.before ->> '_xmin' AS writer
            FROM customers_importchange c JOIN customers_import i ON i.id = c.source_import_id
            WHERE i.status = 'UNDONE'
            """,
        )
        self.cursor.execute("CREATE INDEX ON undone (entity, row_id, undoing)")
        found = True
        while found:  # an undone import may have changed what another undoing had restored
            self.cursor.execute(
                """
                UPDATE undone SET writer = earlier.writer FROM undone earlier
                WHERE (earlier.entity, earlier.row_id, earlier.undoing)
                      = (undone.entity, undone.row_id, undone.writer)
                """
            )
            found = bool(self.cursor.rowcount)

    @staticmethod
    def _is_mine(entity: str) -> str:
        return (
            "coalesce((SELECT writer FROM undone WHERE"
            f" (entity, row_id, undoing) = ('{entity}', t.id, t.xmin::text) LIMIT 1), t.xmin::text) = %(mine)s"
        )

    # ------------------------------------------------------------ consents
    def _withdraw_grants(self) -> int:
        """
        As of the grant's own time: of two acts at one moment the withdrawal counts, and a consent that
        was given later in another way stands.
        """
        announce_writing(self.cursor)
        said = json.dumps({"provenance": "import", "method": "import undone"})
        self.cursor.execute(
            """
            INSERT INTO customers_event (source_id, external_id, customer_id, kind, happened_at,
                                         arrived_at, properties, historical)
            SELECT source_id, 'undo:' || %(import)s || ':' || id, customer_id, %(withdrawn)s, happened_at,
                   %(now)s, jsonb_strip_nulls(jsonb_build_object(
                       'purpose', properties -> 'purpose', 'channel', properties -> 'channel'
                   )) || %(said)s::jsonb, historical
            FROM customers_event WHERE created_by_import = %(import)s AND kind = %(given)s ORDER BY id
            ON CONFLICT (source_id, external_id) DO NOTHING
            """,
            {
                **self.names,
                "withdrawn": EventKind.CONSENT_WITHDRAWN.value,
                "given": EventKind.CONSENT_GIVEN.value,
                "now": self.now,
                "said": said,
            },
        )
        return int(self.cursor.rowcount)

    # ------------------------------------------------------------ rows that were changed
    def _restore(self, entity: str, model: type[models.Model]) -> int:
        table = model._meta.db_table
        columns = [str(field.column) for field in model._meta.fields if not field.primary_key]
        gone = " OR ".join(
            f"(b.{field.column} IS NOT NULL AND NOT EXISTS"
            f" (SELECT 1 FROM {field.related_model._meta.db_table} r WHERE r.id = b.{field.column}))"
            for field in model._meta.fields
            if isinstance(field, models.ForeignKey)
        )
        self._keep_as(
            f"changed_{entity}",
            f"""
            SELECT t.id, first.before,
                   CASE WHEN NOT ({self._is_mine(entity)}) THEN 'changed_since'
                        WHEN {gone or "FALSE"} THEN 'refers_to_gone' END AS reason
            FROM (SELECT DISTINCT ON (row_id) row_id, before FROM customers_importchange
                  WHERE source_import_id = %(import)s AND entity = '{entity}' ORDER BY row_id, id) first
            JOIN {table} t ON t.id = first.row_id,
            LATERAL jsonb_populate_record(NULL::{table}, first.before) b
            WHERE t.created_by_import IS DISTINCT FROM %(import)s
            """,
        )
        self.cursor.execute(f"CREATE UNIQUE INDEX ON changed_{entity} (id)")
        self._list(entity, f"changed_{entity}")
        self.cursor.execute(
            f"""
            UPDATE {table} t SET ({", ".join(columns)}) = (
                SELECT {", ".join(f"b.{column}" for column in columns)}
                FROM jsonb_populate_record(NULL::{table}, c.before) b)
            FROM changed_{entity} c WHERE c.id = t.id AND c.reason IS NULL
            """
        )
        return int(self.cursor.rowcount)

    # ------------------------------------------------------------ rows that were created
    def _delete(self, entity: str, model: type[models.Model]) -> int:
        table = model._meta.db_table
        derived, others = _referring(model)
        stays = " OR ".join(
            f"EXISTS (SELECT 1 FROM {other} r WHERE r.{column} = t.id)" for other, column in others
        )
        consent = "FALSE"
        if entity == "events":
            consent = "t.kind = ANY(%(consent)s)"
        if entity == "customers":
            consent = (
                "EXISTS (SELECT 1 FROM customers_event r WHERE r.customer_id = t.id"
                " AND r.kind = ANY(%(consent)s))"
            )
        self._keep_as(
            f"created_{entity}",
            f"""
            SELECT t.id, CASE WHEN {consent} THEN 'consent_on_record'
                              WHEN NOT ({self._is_mine(entity)}) THEN 'changed_since'
                              WHEN {stays or "FALSE"} THEN 'referred_to' END AS reason
            FROM {table} t WHERE t.created_by_import = %(import)s
            """,
        )
        self.cursor.execute(f"CREATE UNIQUE INDEX ON created_{entity} (id)")
        self._list(entity, f"created_{entity}")
        self.cursor.execute("SET LOCAL coterie.erasing = 'on'")
        for other, column in derived:
            self.cursor.execute(
                f"DELETE FROM {other} r USING created_{entity} c WHERE c.id = r.{column} AND c.reason IS NULL"
            )
        self.cursor.execute(
            f"DELETE FROM {table} t USING created_{entity} c WHERE c.id = t.id AND c.reason IS NULL"
        )
        deleted = int(self.cursor.rowcount)
        self.cursor.execute("SET LOCAL coterie.erasing = 'off'")
        return deleted

    def _keep_as(self, table: str, sql: str) -> None:
        self.cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{table}")
        self.cursor.execute(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS {sql}", self.names)
        # autovacuum never visits it: of rows without a reason, which are nearly all, the planner would expect few
        self.cursor.execute(f"ANALYZE {table}")

    def _list(self, entity: str, table: str) -> None:
        self.cursor.execute(
            f"SELECT reason, count(*), (array_agg(id ORDER BY id))[:{EXAMPLES}] FROM {table}"
            " WHERE reason IS NOT NULL GROUP BY reason ORDER BY reason"
        )
        for reason, count, some in self.cursor.fetchall():
            self.reasons[reason] += count
            self.examples.setdefault(reason, []).append(
                {"entity": entity, "count": count, "ids": list(some)}
            )


def _referring(
    model: type[models.Model],
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Tables and columns that refer to a model: those computed from the shop's data, and the others."""
    derived: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for relation in model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ForeignObjectRel) and not relation.many_to_many:
            other: Any = relation.related_model
            place = (other._meta.db_table, str(relation.field.column))
            (derived if getattr(other, "derived", False) else others).append(place)
    return derived, others
