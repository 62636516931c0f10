"""
Owns the second factor of staff's logins: codes of an app, recovery codes, and who must have one.

May import every app below. Start at `devices.py`; `middleware.py` is what keeps a password alone outside.
"""

from __future__ import annotations

from typing import Any


def log_name(act: str, user: Any) -> str:
    """As the access log keeps it, and puts into words (consent.accountability.audit_words)."""
    return f"second_factor:{act}:{user.get_username()}"[:100]
