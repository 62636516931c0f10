"""
Forks senders, sinks and Celery's workers from one process in which Django is loaded.

Reads one JSON object a line: {"start": [command, ...], "home": ..., "smtp_url": ..., "crash_at": ...,
"patches": {dotted name: value}} is answered by the pid, {"wait": pid} by the exit code (negative for a signal).
The command `celery` is Celery's own, the others are of manage.py.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import django


def run(order: dict[str, Any]) -> None:
    from django.conf import settings
    from django.core.management import call_command

    from config import celery_app

    os.environ["COTERIE_HOME"] = order["home"]
    os.environ["COTERIE_CRASH_AT"] = order["crash_at"]
    settings.HOME = Path(order["home"])
    settings.SMTP_URL = order["smtp_url"]
    for name, value in order["patches"].items():
        module, _, attribute = name.rpartition(".")
        setattr(importlib.import_module(module), attribute, value)
    # what a sender prints must not mix with the nursery's answers
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    command, *arguments = order["start"]
    if command == "celery":
        celery_app.start(arguments)
    else:
        call_command(command, *arguments)


def main() -> None:
    django.setup()
    import celery.apps.worker
    import celery.bin.celery
    import celery.concurrency.prefork  # noqa: F401

    import config.watchdog  # noqa: F401
    from config import celery_app

    celery_app.loader.import_default_modules()  # all that a worker and a sender import, before the first fork
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                run(order)
                code = 0
            except SystemExit as ended:  # as a worker does
                code = int(ended.code or 0)
            except BaseException:  # noqa: BLE001 - told on stderr and by the exit code
                traceback.print_exc()
            finally:
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
