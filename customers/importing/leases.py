"""Who works on an import, and how far it is. The database's own clock decides, not the shop's.

A working process renews its lease from a thread, for one statement may take minutes. When the process is
killed the lease runs out, and the next round of `run_due` takes the import up again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from customers.enums import ImportStatus
from customers.importing.workspace import BusyError


SECONDS = 60
_RENEW = 15.0
_SHOW = 1.0
_LEASE = f"clock_timestamp() + interval '{SECONDS} seconds'"
_FREE = "(status IN ('DRAFT', 'QUEUED', 'FAILED') OR status = 'RUNNING' AND coalesce(leased_until, '-infinity') < clock_timestamp())"


def claim(import_id: int) -> None:
    """Set an import RUNNING with a lease of ours; raises BusyError when it is somebody's, or over."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE customers_import SET status = %s, leased_until = {_LEASE}, error = ''"
            f" WHERE id = %s AND {_FREE}",
            [ImportStatus.RUNNING, import_id],
        )
        if not cursor.rowcount:
            raise BusyError(
                f"Import {import_id} is over, or another process is at it. If that one was killed: try again"
                f" in {SECONDS} seconds, or leave it to the worker."
            )


def next_due() -> int | None:
    """The oldest import that waits for a worker, or that its worker has left; leased before it is returned."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE customers_import SET status = 'RUNNING', leased_until = {_LEASE}
            WHERE id = (
                SELECT id FROM customers_import
                WHERE layout <> '' AND status IN ('QUEUED', 'RUNNING') AND {_FREE}
                ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
            ) RETURNING id
            """
        )
        row = cursor.fetchone()
        return None if row is None else int(row[0])


class Pulse:
    """What a working import shows of itself; written by a thread of its own connection."""

    def __init__(self, import_id: int) -> None:
        self.import_id = import_id
        self.now: tuple[str, int, int] = ("", 0, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def tell(self, phase: str, done: int, total: int) -> None:
        self.now = (phase, done, total)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Before the transaction's own last word about the row, which would wait for this one's."""
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        shown: tuple[str, int, int] = ("", 0, 0)
        waited = 0.0
        try:
            while not self._stop.wait(_SHOW):
                waited += _SHOW
                if self.now == shown and waited < _RENEW:
                    continue
                shown, waited = self.now, 0.0
                with connection.cursor() as cursor:
                    cursor.execute(
                        f"UPDATE customers_import SET phase = %s, done = %s, total = %s, leased_until = {_LEASE}"
                        " WHERE id = %s AND status = 'RUNNING'",
                        [*shown, self.import_id],
                    )
        finally:
            connection.close()


@contextmanager
def beating(import_id: int) -> Iterator[Pulse]:
    pulse = Pulse(import_id)
    pulse.start()
    try:
        yield pulse
    finally:
        pulse.stop()
