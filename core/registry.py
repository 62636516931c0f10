"""Plugins are a dict of dotted paths, imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class UnknownNameError(LookupError):
    """Raised with the names that exist, so that the message can be acted upon."""


class Registry:
    """Names to dotted paths `package.module:attribute`; adding a plugin is adding a line."""

    def __init__(self, kind: str, paths: dict[str, str]) -> None:
        self.kind = kind
        self.paths = paths

    def load(self, name: str) -> Any:
        """
        Import and return what `name` stands for.

        Raises UnknownNameError naming the known ones.
        """
        try:
            module_name, attribute = self.paths[name].split(":")
        except KeyError:
            known = ", ".join(sorted(self.paths))
            raise UnknownNameError(f"no {self.kind} named {name!r}; known: {known}") from None
        return getattr(import_module(module_name), attribute)

    def names(self) -> list[str]:
        return sorted(self.paths)
