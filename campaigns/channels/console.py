"""Prints messages instead of sending them, for trying out: COTERIE_SMTP_URL=console://"""

from __future__ import annotations

import sys
from typing import Any

from campaigns.channels.base import Letter


class ConsoleChannel:
    def __init__(self, url: str) -> None:
        self.url = url

    def connect(self) -> None:
        """Nothing to connect to."""

    def send(self, letter: Letter, **_: Any) -> str:
        sys.stdout.write(f"To {letter.recipient}:\n{letter.content.decode('utf-8', 'replace')}\n")
        return "250 printed"

    def close(self) -> None:
        sys.stdout.flush()
