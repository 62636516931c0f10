"""What people run, set and read is documented, and the documents tell the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.schedule import SCHEDULE
from docs import generate
from segmentation.ml.offline.tasks import EVALUATE, PREDICT


ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
MARKDOWN = sorted([
    *DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md",
    ROOT / "docker/README.md",
])  # fmt: skip


def test_every_make_target_has_help_and_is_in_the_readme() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    helped = set(re.findall(r"^([a-z]+):.*## \S", MAKEFILE, re.MULTILINE))
    assert targets == helped
    assert {f"make {target}" for target in targets} <= set(re.findall(r"`(make [a-z]+)", README))


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    read = set()
    for folder in (
        "config",
        "core",
        "customers",
        "consent",
        "segmentation",
        "campaigns",
        "feedback",
        "webhooks",
        "gateway",
    ):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            read |= set(
                re.findall(
                    r'env\.(?:text|boolean|integer|secret|optional_secret|mailbox|mapping|roles)\(\s*"(\w+)"',
                    text,
                )
            )
            read |= set(re.findall(r'environ(?:\.get\(|\.setdefault\(|\[)\s*"(COTERIE_\w+)"', text))
    page = (DOCS / "reference/settings.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert read - documented == set()
    assert documented - read == {"POSTGRES_PASSWORD"}  # compose's own


@pytest.mark.parametrize(
    "name", ["features.md", "commands.md", "scheduled-tasks.md", "states.md", "event-vocabulary.md"]
)
def test_generated_pages_are_up_to_date(name: str) -> None:
    written = (DOCS / "reference" / name).read_text()
    assert written == generate.pages()[name], "run `make docs`"


def test_every_command_says_what_it_does() -> None:
    commands = generate.own_commands()
    assert {"demo", "run", "doctor", "counts", "import_shop", "simulate_shop", "sink"} <= set(
        commands
    )
    for name, parser in commands.items():
        assert parser.description, name


def test_every_task_of_predict_and_evaluate_has_its_options() -> None:
    page = (DOCS / "reference/commands.md").read_text()
    for command, known in (("predict", PREDICT), ("evaluate", EVALUATE)):
        parts = {
            part.partition("\n")[0]: part
            for part in page.split("\n### ")
            if part.startswith(f"{command} ")
        }
        assert set(parts) == {f"{command} {verb}" for verb in known}
        assert all("`--out`" in part for part in parts.values())
        assert all("| meaning |" in part for part in parts.values())
    assert "`--horizon-days`" in page


def test_every_scheduled_task_says_what_it_does() -> None:
    page = (DOCS / "reference/scheduled-tasks.md").read_text()
    for entry in SCHEDULE.values():
        (line,) = [row for row in page.splitlines() if f"`{entry['task']}`" in row]
        assert line.split("|")[-2].strip(), entry["task"]


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_named_in_documents_exist(path: Path) -> None:
    """A path in code quotes that begins with a folder of ours is a promise."""
    folders = r"(?:core|customers|consent|segmentation|campaigns|feedback|config|docs|docker|tests|benchmarks)"
    named = re.findall(rf"`({folders}/[\w./-]+\.(?:py|sql|md|yaml|sh|toml))`", path.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_decision_has_the_shape_of_one() -> None:
    records = sorted((DOCS / "adr").glob("[0-9]*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == list(range(1, len(numbers) + 1))
    index = (DOCS / "adr/README.md").read_text()
    for path in records:
        text = path.read_text()
        assert re.match(rf"# {path.name[:4]}\. \S", text), path.name
        for heading in ("Context", "Decision", "Consequences", "Considered"):
            assert f"\n## {heading}" in text, (path.name, heading)
        assert re.search(
            r"^Status: (accepted|superseded by \d{4}), \d{4}-\d{2}-\d{2}$", text, re.MULTILINE
        )
        assert f"({path.name})" in index, path.name


def test_nothing_names_a_place_of_the_machine_it_was_written_on() -> None:
    for path in MARKDOWN:
        assert not re.search(r"(?<![\w.])/(?:work|tmp|root)/", path.read_text()), path
