"""
What a message was for, asked of whoever sends: they lie above this app.

They declare themselves here in their AppConfig.ready(). Where nobody knows, it was a promotion: then a
press of unsubscribe ends everything.
"""

from __future__ import annotations

from importlib import import_module

from consent.enums import Purpose


_MODULES: list[str] = []


def declare(module: str) -> None:
    """Ask `module`, a dotted path: purpose_of(campaign_id) -> purpose or None."""
    if module not in _MODULES:
        _MODULES.append(module)


def of_campaign(campaign_id: int) -> str:
    for module in _MODULES:
        if purpose := import_module(module).purpose_of(campaign_id):
            return str(purpose)
    return Purpose.MARKETING
