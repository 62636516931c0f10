"""Settings that only a process with its own environment can show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


ASK = """
import json
from django.conf import settings
print(json.dumps([settings.SECURE_PROXY_SSL_HEADER, settings.SECURE_HSTS_SECONDS > 0,
                  settings.SESSION_COOKIE_SECURE, [k.decode() for k in settings.LINK_KEYS_RETIRED]]))
"""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"COTERIE_PUBLIC_URL": "http://shop.example"}, [None, False, False, []]),
        (
            {
                "COTERIE_PUBLIC_URL": "https://shop.example",
                "COTERIE_LINK_KEYS_RETIRED": "old,older",
            },
            [["HTTP_X_FORWARDED_PROTO", "https"], True, True, ["old", "older"]],
        ),
    ],
)
def test_an_https_address_hardens_and_old_link_keys_are_read(
    environment: dict[str, str], expected: list[object], tmp_path: Path
) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", ASK],
        env={
            **os.environ,
            "COTERIE_HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **environment,
        },
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(answer.stdout.splitlines()[-1]) == expected
