"""
Take a picture of every screen of a running Coterie.

    python -m tests.browser.screenshots BASE_URL USER PASSWORD OUT [--size WIDTH] [--dark] [--docs]

With --docs only the three pictures of docs/images, cut at a height that a README bears. The others are
for looking at: open them, and mend what you would be ashamed of.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium


HEIGHT = 900
DOCS = ("home", "campaign-preview", "result")
DOCS_HEIGHT = 1240


def take(page: Page, path: Path, *, at_most: int) -> None:
    """The whole page: the window grows to it, because frames below its edge are not painted."""
    width = page.viewport_size["width"]  # type: ignore[index]
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(max(HEIGHT, height), at_most)})
    page.wait_for_timeout(400)
    page.screenshot(path=path)
    page.set_viewport_size({"width": width, "height": HEIGHT})
    print(path)


def first_link(page: Page, pattern: str) -> str | None:
    """The address of the first link in the page that matches."""
    links = page.evaluate("[...document.querySelectorAll('main a[href]')].map(a => a.href)")
    return next((link for link in links if re.search(pattern, link)), None)


def campaigns(page: Page, base: str) -> dict[str, str]:
    """One campaign for each state that is there, by its name."""
    found: dict[str, str] = {}
    for state in ("DRAFT", "RUNNING", "PAUSED", "FINISHED"):
        page.goto(f"{base}/admin/campaigns/campaign/?state__exact={state}")
        link = first_link(page, r"/campaigns/campaign/\d+/change/")
        if link and (number := re.search(r"/(\d+)/", link)):
            found[state] = f"{base}/admin/campaigns/{number[1]}"
    return found


def menu(page: Page, base: str) -> dict[str, str]:
    """Every page of the menu, by the end of its address."""
    page.goto(f"{base}/admin/")
    links = page.evaluate(
        "[...document.querySelectorAll('nav a[href], aside a[href]')].map(a => a.href)"
    )
    inside = [link for link in dict.fromkeys(links) if link.startswith(f"{base}/admin/")]
    names = [link.partition("/admin/")[2].strip("/").replace("/", "-") or "home" for link in inside]
    return {
        name: link
        for name, link in zip(names, inside, strict=True)
        if "?" not in link and "#" not in link and "logout" not in name and "password" not in name
    }


DETAILS = (
    ("customers/customer/", r"customer/\d+/(change/)?$", "customer"),
    ("segmentation/segment/", r"segment(ation)?/segment/\d+/", "segment"),
    ("feedback/outcomewindow/models/", r"/models/[a-z_-]+/$", "model"),
    ("customers/source/", r"source/\d+/", "source"),
    ("customers/import/", r"import/\d+/", "import"),
)
"""Where the first link of a pattern leads to the page of one thing."""

OTHERS = {
    "segment-new": "segmentation/segment/new/",
    "segment-clusters": "segmentation/segment/clusters/",
    "segment-overlaps": "segmentation/segment/overlaps/",
    "segment-features": "segmentation/segment/features/",
    "models-drift": "feedback/outcomewindow/models/drift/",
    "model-churn": "feedback/outcomewindow/models/churn/",
    "model-lifetime": "feedback/outcomewindow/models/lifetime/",
    "campaign-new": "campaigns/new/",
}


def screens(page: Page, base: str) -> dict[str, str]:
    """Every screen by the name of its picture."""
    found = menu(page, base)
    found |= {name: f"{base}/admin/{path}" for name, path in OTHERS.items()}
    by_state = campaigns(page, base)
    if draft := by_state.get("DRAFT"):
        found["campaign-preview"] = f"{draft}/preview/"
        found["campaign-launch"] = f"{draft}/launch/"
    for state in ("RUNNING", "PAUSED", "FINISHED"):
        if state in by_state:
            found[f"campaign-progress-{state.lower()}"] = f"{by_state[state]}/progress/"
    if "FINISHED" in by_state:
        found["result"] = f"{by_state['FINISHED']}/"
        found.setdefault("campaign-preview", f"{by_state['FINISHED']}/preview/")
    for path, pattern, name in DETAILS:
        page.goto(f"{base}/admin/{path}")
        if link := first_link(page, pattern):
            found[name] = link
    return found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="screenshots")
    parser.add_argument("base")
    parser.add_argument("username")
    parser.add_argument("password")
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=1280, help="width in CSS pixels")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--docs", action="store_true", help="only the pictures of docs/images")
    asked = parser.parse_args(arguments)
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.exit(f"Chromium is not installed: {chromium.ENABLE}")
    asked.out.mkdir(parents=True, exist_ok=True)
    with chromium.browser(path) as browser:
        page = browser.new_page(
            viewport={"width": asked.size, "height": HEIGHT},
            color_scheme="dark" if asked.dark else "light",
        )
        base = asked.base.rstrip("/")
        chromium.log_in(page, base=base, username=asked.username, password=asked.password)
        failed = []
        for name, address in screens(page, base).items():
            if asked.docs and name not in DOCS:
                continue
            response = page.goto(address)
            if response is None or response.status != 200:
                failed.append(f"{address} answered {response and response.status}")
                continue
            path_out = asked.out / f"{name}.png"
            take(page, path_out, at_most=DOCS_HEIGHT if asked.docs else 100_000)
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main(sys.argv[1:])
