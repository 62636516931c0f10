"""Named points where a test can kill the sender, as `kill -9` would: COTERIE_CRASH_AT=after-intent."""

from __future__ import annotations

import os
from typing import Final


POINTS: Final = (
    "before-claim",
    "after-claim",
    "after-intent",
    "before-handover",  # the hand-over is journalled and has not begun
    "after-handover",  # accepted, and the reply is not journalled
    "after-journal",  # the reply is journalled and not in the database
    "after-mark",
)


def crash_point(name: str) -> None:
    """End the process without any cleaning up, if it was asked to die here."""
    if name == os.environ.get("COTERIE_CRASH_AT"):
        os._exit(137)
