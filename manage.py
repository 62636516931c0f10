#!/usr/bin/env python
"""Django's entry point."""

from __future__ import annotations

import os
import sys


# Commands that touch no database: they must not start one.
WITHOUT_DATABASE = {
    *("check", "help", "collectstatic", "version", "--version", "--help"),
    *("predict", "evaluate"),
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if len(sys.argv) > 1 and sys.argv[1] not in WITHOUT_DATABASE:
        from config import embedded  # noqa: PLC0415 - see above

        embedded.ensure()
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - as Django does

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
