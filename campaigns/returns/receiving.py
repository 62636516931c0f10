"""A mail as it came, taken in."""

from __future__ import annotations

import hashlib
from datetime import datetime

from campaigns.enums import ReportKind
from campaigns.returns import parsing, recording


def take(raw: bytes, *, envelope_recipient: str = "", now: datetime) -> ReportKind:
    """Read a mail and keep what it says; again changes nothing. Returns what it was."""
    finding = parsing.read(raw, envelope_recipient=envelope_recipient)
    fingerprint = hashlib.sha256(raw.partition(b"\r\n\r\n")[2] or raw).hexdigest()
    recording.record(recording.of_mail(finding, fingerprint=fingerprint), now=now)
    return finding.kind
