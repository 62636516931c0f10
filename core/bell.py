"""
Ring for a task that would run at its next tick anyway, so that nobody waits for the tick.

The queue is PostgreSQL and beat ticks: a ring that is lost, late or one too many changes nothing.
"""

from __future__ import annotations

import logging
import threading
import time

from celery import current_app


logger = logging.getLogger(__name__)

PAUSE = 0.2
"""Seconds between two rings of one bell: a flood of requests is one ring now and one a moment later."""
STALE = 1.0
"""Seconds after which a ring that nobody has heard is dropped; by then the tick has come."""


def ring(task: str) -> None:
    """Ask for `task` now. For workers, which need the broker anyway."""
    current_app.send_task(task, expires=STALE, retry=False)


class Bell:
    """Rings from a thread of its own: who asks for it waits neither for the broker nor for its time-outs."""

    def __init__(self, task: str) -> None:
        self.task = task
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Have it rung soon; costs a microsecond."""
        if self._asked.is_set():
            return
        self._asked.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    # not before it is needed: a server may fork after it has read the code
                    self._thread = threading.Thread(target=self._run, name=self.task, daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            try:
                ring(self.task)
            except Exception as error:  # noqa: BLE001 - whatever it is, beat's tick does the same work
                logger.info("%s waits for the next tick: %s", self.task, type(error).__name__)
            time.sleep(PAUSE)
