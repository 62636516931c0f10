"""The examples of docs/reference/api.md, run in their order; the answers are those that it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.scopes import SCOPES
from tests.gateway.clients import Api


PAGE = (Path(__file__).resolve().parents[2] / "docs/reference/api.md").read_text()
BLOCKS = re.findall(r"```http\n(.*?)```", PAGE, re.DOTALL)
UNSAID = "…"


def test_every_scope_is_explained() -> None:
    assert dict(re.findall(r"^\| `(\w+:\w+)` \| (.+) \|$", PAGE, re.MULTILINE)) == SCOPES


@pytest.mark.django_db
def test_examples_are_answered_as_the_page_says() -> None:
    api = Api()
    answered = shown = 0
    last: Any = None
    number = ""
    for block in BLOCKS:
        head, _, body = block.partition("\n\n")
        if head.startswith("HTTP "):
            assert last.status_code == int(head.split()[1]), (block, last.content)
            expect(json.loads(body), last.json())
            shown += 1
            continue
        method, path = head.splitlines()[0].split()
        headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
        # {id} is the number in the answer before; a body holds it as a number
        path, body = path.replace("{id}", number), body.replace('"{id}"', number)
        last = getattr(api.client, method.lower())(
            path,
            data=body or None,
            content_type="application/json",
            headers={**headers, **api.headers},
        )
        answered += 1
        assert last.status_code < 300 or "colour" in path, (block, last.content)
        said = last.json()
        row = said["results"][0] if said.get("results") else said
        number = str(row.get("id", number))
    assert answered >= 12
    assert shown >= 9


def expect(said: Any, found: Any) -> None:
    """What the page shows is in the answer; … stands for anything."""
    if said == UNSAID:
        return
    if isinstance(said, dict):
        for name, value in said.items():
            assert name in found, name
            expect(value, found[name])
    elif isinstance(said, list):
        assert len(said) == len(found)
        for one, other in zip(said, found, strict=True):
            expect(one, other)
    else:
        assert said == found
