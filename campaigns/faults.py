"""Named points where a test can kill the sender, as `kill -9` would: COTERIE_CRASH_AT=after-intent."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final


POINTS: Final = (
    "before-claim",
    "after-claim",
    "after-connect",
    "after-intent",
    "before-handover",  # the hand-over is journalled and has not begun
    "after-envelope",  # MAIL, RCPT and DATA are answered, and nothing of the message has left
    "mid-data",  # half of the message has left
    "after-dot",  # all of it has, and no answer was read
    "after-handover",  # accepted, and the reply is not journalled
    "after-journal",  # the reply is journalled and not in the database
    "after-mark",
)


_at = ""


def listen() -> None:
    """Read where to die: once a run, because a look at the environment costs as much as a hand-over's journal."""
    global _at  # noqa: PLW0603 - of this process
    _at = os.environ.get("COTERIE_CRASH_AT", "")


def crash_point(name: str, *, first: Callable[[], object] | None = None) -> None:
    """End the process without any cleaning up, if it was asked to die here; `first` is done before."""
    if name == _at:
        if first is not None:
            first()
        os._exit(137)
