"""Couplings that no import linter sees, and the size of files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import ForeignKey, ManyToManyField


ROOT = Path(__file__).resolve().parents[2]
LAYERS = [
    "core",
    "gateway",
    "customers",
    "consent",
    "segmentation",
    "campaigns",
    "webhooks",
    "feedback",
    "config",
]
CEILING = 400
# A file that has to be longer, with the reason. Empty is the aim.
LONGER: dict[str, str] = {}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def relations() -> list[tuple[str, ForeignKey | ManyToManyField]]:
    return [
        (f"{model._meta.app_label}.{model.__name__}.{field.name}", field)
        for label in LAYERS
        if label != "core"
        for model in apps.get_app_config(label).get_models()
        if not model._meta.proxy  # its fields are a library's
        for field in (*model._meta.fields, *model._meta.many_to_many)
        if field.is_relation
    ]


def test_foreign_keys_point_down() -> None:
    upwards = [
        name
        for name, field in relations()
        if field.related_model._meta.app_label in LAYERS
        and LAYERS.index(field.related_model._meta.app_label)
        > LAYERS.index(field.model._meta.app_label)
    ]
    assert len(relations()) > 20
    assert upwards == []


def test_foreign_keys_to_another_app_leave_no_way_back() -> None:
    """A reverse name would let the lower app read the upper one without importing it."""
    with_a_way_back = [
        name
        for name, field in relations()
        if field.related_model._meta.app_label != field.model._meta.app_label
        and not field.remote_field.hidden
    ]
    assert with_a_way_back == []


def test_models_are_imported_not_looked_up_by_name() -> None:
    looked_up = [
        str(path.relative_to(ROOT))
        for path in sources(*LAYERS)
        if re.search(r"\bapps\.get_model\(|\bContentType\b", path.read_text())
    ]
    assert looked_up == []


FORBIDDEN = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_nothing_is_pickled() -> None:
    found = {
        str(path.relative_to(ROOT)): sorted(imported(path) & FORBIDDEN)
        for path in sources(*LAYERS, "benchmarks")
        if imported(path) & FORBIDDEN
        or re.search(r"allow_pickle\s*=\s*True|\.to_pickle\(|read_pickle\(", path.read_text())
    }
    assert found == {}


def test_the_product_never_imports_its_tests() -> None:
    assert [str(p) for p in sources(*LAYERS) if imported(p) & {"tests", "benchmarks"}] == []


@pytest.mark.parametrize("folder", [*LAYERS, "tests", "benchmarks"])
def test_files_stay_small(folder: str) -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in sources(folder)
        if (lines := len(path.read_text().splitlines())) > CEILING
        and str(path.relative_to(ROOT)) not in LONGER
    }
    assert too_long == {}


def test_the_list_of_longer_files_is_not_out_of_date() -> None:
    stale = [name for name in LONGER if len((ROOT / name).read_text().splitlines()) <= CEILING]
    assert stale == []


def test_every_app_says_what_it_owns_and_where_to_start() -> None:
    for label in LAYERS[1:-1]:
        says = ast.get_docstring(ast.parse((ROOT / label / "__init__.py").read_text())) or ""
        assert "owns" in says.lower(), label
        assert "May import" in says, label
        assert "Start" in says, label
