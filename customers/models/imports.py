"""Imports of files, what they refused, and how far readers have come."""

from __future__ import annotations

from django.db import models

from customers.enums import ImportStatus
from customers.models.sources import InboundRequest, Source


class Import(models.Model):
    """One run of a source into the tables, with its data-quality report."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="imports")
    file_name = models.CharField(max_length=255, blank=True)
    status = models.CharField(
        max_length=10, choices=ImportStatus.choices, default=ImportStatus.RUNNING
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    lines = models.PositiveBigIntegerField(default=0)
    accepted = models.PositiveBigIntegerField(default=0)
    duplicates = models.PositiveBigIntegerField(default=0)
    rejected = models.PositiveBigIntegerField(default=0)
    report = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    layout = models.CharField(max_length=30, blank=True)
    settings = models.JSONField(
        default=dict,
        blank=True,
        help_text="Delimiter, encoding, mapping and what was said about consent.",
    )
    stored_file = models.CharField(
        max_length=255, blank=True, help_text="The uploaded file, under COTERIE_HOME/imports."
    )
    dry_run = models.JSONField(null=True, blank=True, help_text="The report of the last dry run.")
    phase = models.CharField(max_length=50, blank=True)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    requested_by = models.CharField(max_length=150, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="import_counts_add_up",
                condition=~models.Q(status=ImportStatus.FINISHED)
                | models.Q(
                    lines=models.F("accepted") + models.F("duplicates") + models.F("rejected")
                ),
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} import {self.pk}"


class SavedMapping(models.Model):
    """How the columns of one kind of file map to ours, to be used again."""

    name = models.CharField(max_length=100, unique=True)
    layout = models.CharField(max_length=30)
    settings = models.JSONField(default=dict)
    columns = models.JSONField(default=list, help_text="The header it was made for.")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class ImportChange(models.Model):
    """What a row said before an import changed it, so that the import can be undone."""

    source_import = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="+")
    entity = models.CharField(max_length=20)
    row_id = models.BigIntegerField()
    before = models.JSONField()

    def __str__(self) -> str:
        return f"{self.entity} {self.row_id}"


class RejectedRow(models.Model):
    """A row of a file, or an item of a request, that was refused: kept whole, with the reason."""

    source_import = models.ForeignKey(
        Import, on_delete=models.CASCADE, null=True, related_name="rejected_rows"
    )
    inbound = models.ForeignKey(
        InboundRequest, on_delete=models.CASCADE, null=True, related_name="rejected_rows"
    )
    entity = models.CharField(max_length=20)
    line_number = models.PositiveBigIntegerField(null=True)
    reason = models.CharField(max_length=100, db_index=True)
    raw = models.TextField()
    replayed_at = models.DateTimeField(
        null=True, help_text="When it was tried again and taken in; then it no longer counts."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="rejected_row_came_one_way",
                condition=models.Q(source_import__isnull=True) ^ models.Q(inbound__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"line {self.line_number}: {self.reason}"


class Cursor(models.Model):
    """How far a reader of the ledger (or of another growing table) has come."""

    reader = models.CharField(max_length=100, primary_key=True)
    position = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.reader} at {self.position}"
