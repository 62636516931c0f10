"""Where Chromium is, or what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright


ENABLE = "apt-get install -y chromium"
# Containers give a root user no namespaces to build Chromium's sandbox from.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
PATIENCE = (
    60_000  # milliseconds until something that must happen is given up; nothing is measured by it
)
expect.set_options(timeout=PATIENCE)  # of its own it waits for five seconds


def executable() -> str:
    """The path of Chromium; without one the test is skipped, or fails where CI promised it."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found:
        return found
    message = f"Chromium is not installed: {ENABLE}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def browser(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield opened
        finally:
            opened.close()


def log_in(page: Page, *, base: str, username: str, password: str) -> None:
    page.goto(f"{base}/admin/login/?next=/admin/")
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(f"{base}/admin/")
