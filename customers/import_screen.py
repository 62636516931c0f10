"""How an import looks in a terminal: a bar while it runs, then a table whose columns add up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from customers import ingest
from customers.quality import REASONS
from customers.reports import IngestReport


@contextmanager
def progress(screen: Console, first: str) -> Iterator[ingest.Progress]:
    """A bar; yields what `ingest.load` and `importing.runs` call."""
    columns = (
        TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=screen) as bars:
        bar = bars.add_task(first, total=None)

        def tick(doing: str, done: int, total: int) -> None:
            bars.update(bar, description=doing, completed=done, total=max(total, 1))

        yield tick


def show(screen: Console, report: IngestReport, *, seconds: float, tried: bool = False) -> None:
    what = "Tried out, nothing written" if tried else f"Import {report.import_id}"
    table = Table(title=f"{what}: {report.lines:,} lines in {seconds:.1f} s")
    for heading in ("", "rows", "new", "changed", "known already", "refused"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, counts in report.entities.items():
        if counts.rows:
            figures = (
                counts.rows, counts.inserted, counts.updated, counts.duplicates, counts.rejected.total(),
            )  # fmt: skip
            table.add_row(name.replace("_", " "), *(f"{figure:,}" for figure in figures))
    screen.print(table)
    refused = sum(report.rejected.values())
    screen.print(
        f"{report.lines:,} lines = {report.accepted:,} accepted + {report.duplicates:,} known or repeated"
        f" + {refused:,} refused"
    )
    for reason, count in sorted(report.rejected.items(), key=lambda entry: -entry[1]):
        screen.print(f"  {count:>9,}  {reason}: {REASONS.get(reason, '')}", highlight=False)
    if report.value:
        worth = {name: f"{value:,.2f}" for name, value in report.value.items()}
        screen.print(
            f"Value of the file {worth['file']} = {worth['imported']} imported (sales less refunds) +"
            f" {worth['duplicates']} repeated + {worth['refused']} refused + {report.value['rounded_off']:.3f}"
            " rounded off"
        )
    for note in report.notes:
        screen.print(f"  · {note}", highlight=False)
