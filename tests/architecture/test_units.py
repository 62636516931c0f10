r"""
A number and its unit are one word: `12.3 %`, with a space at which no line ends.

Templates write that space as `&nbsp;`, Python as `\u00a0`, and money comes from `customers.display`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest


ROOT = Path(__file__).resolve().parents[2]
APPS = (
    "campaigns", "config", "consent", "core", "customers", "feedback", "gateway", "segmentation",
    "webhooks",
)  # fmt: skip
PARTED = re.compile(r"(?:(?<=[0-9)}]) ?|^ )%(?![a-zA-Z0-9;}\"'])|(?<=\}\}) (?:kB|MB|ms|s|points)\b")
STYLES = re.compile(r"<style>.*?</style>|\{%.*?%\}|<[a-z][^>]*>", re.DOTALL)
"""What nobody reads: rules of style, tags of templates and of HTML."""
NOT_READ_AS_A_SENTENCE = {
    "campaigns/merge_fields.py",  # how a loop is written
    "campaigns/starter.py",  # a message in Liquid
    "config/ring.py",  # the same
    "segmentation/ml/offline/uplift_scores.py",  # the name of a measure in a file
    "config/menu.py",  # colours
}


def sentences(tree: ast.Module) -> Iterator[str]:
    """The strings of a module but docstrings; of one that is formatted, each value as `}`."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inner = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inner |= {id(part) for part in node.values}
            yield "".join(_part(part) for part in node.values)
        elif isinstance(node, ast.Constant) and id(node) not in said | inner:
            yield str(node.value)


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    if "NBSP" in ast.unparse(part.value):
        return "\u00a0"
    form = "" if part.format_spec is None else ast.unparse(part.format_spec)
    return "}%" if re.search(r"\.\d+%'$", form) else "}"


def is_formatting(text: str) -> bool:
    """Moments (`%Y`), SQL, addresses: no sentence has a percent sign before a letter or a bracket."""
    return re.search(r"%[a-zA-Z(%-]", text) is not None


@pytest.mark.parametrize("app", APPS)
def test_sentences_keep_numbers_with_their_units(app: str) -> None:
    parted = {
        f"{path.relative_to(ROOT)}: {text}"
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
        and str(path.relative_to(ROOT)) not in NOT_READ_AS_A_SENTENCE
        for text in sentences(ast.parse(path.read_text()))
        if PARTED.search(text) and not is_formatting(text)
    }
    assert parted == set()


def test_templates_keep_numbers_with_their_units() -> None:
    parted = {
        f"{path.relative_to(ROOT)}: {found.group()}"
        for kind in ("*.html", "*.svg", "*.txt")
        for path in sorted((ROOT / "templates").rglob(kind))
        for found in PARTED.finditer(STYLES.sub("", path.read_text()))
    }
    assert parted == set()
