"""
What is concluded about a person, for the person to read.

Those who conclude lie above this app, and declare themselves here in their AppConfig.ready().
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module

from consent.enums import Purpose


@dataclass(frozen=True, kw_only=True)
class Inference:
    """All in the language asked for; `why` has the weightiest reason first."""

    what: str
    meaning: str
    why: tuple[str, ...] = ()


_MODULES: list[str] = []


def declare(module: str) -> None:
    """Ask `module`, a dotted path: tell(customer_id, language=, with_reasons=, now=) -> inferences."""
    if module not in _MODULES:
        _MODULES.append(module)


def of_customer(
    customer_id: int, *, language: str, with_reasons: bool, now: datetime
) -> Sequence[Inference]:
    """Nothing for who does not allow profiling, also while what is known is being removed."""
    from consent.models import ConsentState  # noqa: PLC0415 - apps declare themselves before models load

    profiled = ConsentState.objects.filter(
        customer=customer_id, purpose=Purpose.PROFILING, is_granted=True
    )
    if not profiled.exists():
        return []
    return [
        one
        for module in _MODULES
        for one in import_module(module).tell(
            customer_id, language=language, with_reasons=with_reasons, now=now
        )
    ]
