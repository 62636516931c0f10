"""Models as objects, read once a process: a customer's page asks five of them, a file of marks them all, every second."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast

from segmentation import versions
from segmentation.ml import artifacts
from segmentation.models import ModelVersion


Model = TypeVar("Model")

MOST = 12
"""Kept at once: those that serve, and some that are compared with them."""

_kept: OrderedDict[Any, tuple[Any, Any]] = OrderedDict()
_lock = Lock()


def read(version: ModelVersion, build: Callable[[artifacts.Loaded], Model]) -> Model:
    """
    What `build` makes of the checked files of `version`; made anew when a file of it is not the one of before.

    build: one function a kind of model; its result is shared and must not be changed. Raises what
    `versions.load` and `build` raise.
    """
    folder = versions.store() / version.artefact
    key, stamp = (folder, version.task, build), _stamp(folder)
    with _lock:
        found = _kept.get(key)
        if found and found[0] == stamp:
            _kept.move_to_end(key)
            return cast(Model, found[1])
    made = build(versions.load(version))
    with _lock:
        _kept[key] = (stamp, made)
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return made


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...] | None:
    """Of each file what changes with it; None where there is none, which `versions.load` says in words."""
    try:
        return tuple(
            sorted(
                (one.name, (its := one.stat()).st_mtime_ns, its.st_size) for one in folder.iterdir()
            )
        )
    except OSError:
        return None
