"""
Writes the reference pages that are read off the code: `python -m docs.generate` (make docs).

tests/architecture/test_docs.py fails when a page and the code have drifted apart.
"""

from __future__ import annotations

import argparse
import ast
import os
from collections.abc import Iterable
from pathlib import Path

from docs import vocabulary


REFERENCE = Path(__file__).parent / "reference"
APPS = (
    "config",
    "gateway",
    "customers",
    "consent",
    "segmentation",
    "campaigns",
    "feedback",
    "webhooks",
)
NOTICE = "<!-- Written by docs/generate.py (make docs). Change the code, not this page. -->\n"


def pages() -> dict[str, str]:
    """Name of the file to its text. Django must be set up."""
    return {
        "features.md": features(),
        "commands.md": commands(),
        "scheduled-tasks.md": scheduled_tasks(),
        "states.md": states(),
        "event-vocabulary.md": NOTICE + vocabulary.page(table),
    }


def features() -> str:
    from segmentation.ml.features import FEATURES, MODEL_FEATURES, sources
    from segmentation.ml.features.quality import FENCE

    themes: dict[str, list[list[str]]] = {}
    for feature in FEATURES.values():
        themes.setdefault(feature.theme, []).append(
            [
                f"`{feature.name}`",
                feature.unit,
                feature.meaning,
                feature.missing_rule,
                feature.outlier_rule,
                "yes" if feature.for_models else "segments only",
            ]
        )
    parts = [
        "# Features\n",
        f"What is known of a customer at a moment: {len(FEATURES)} columns, defined as SQL in "
        "`segmentation/ml/features/*.sql`. A feature at a moment reads only rows that had happened "
        "*and* arrived before it.\n",
        f"Models learn from {len(MODEL_FEATURES)} of them. The others are read off a person's record, which has "
        "no history: at an earlier moment they would tell of the future.\n",
        "**Missing**: 0 is counted or summed over nothing; *empty* is undefined, and models take it as such.\n",
        "**Outlying**: what cannot be comes from bad data and is *cut* to the nearer end of what can. What hardly "
        "can be is *kept*, since models use ranks and thresholds, and *reported* as outlying when it lies more than "
        f"{FENCE:g} times the distance of the quartiles beyond them, on the scale of sign(x) log(1 + |x|). "
        "`segmentation/ml/features/quality.py` tells the shares of both and of what is missing.\n",
    ]
    for theme, rows in themes.items():
        parts += [
            f"## {theme.capitalize()}\n",
            f"Read from {', '.join(f'`{name}`' for name in sources(theme))}.\n",
            table(["feature", "unit", "meaning", "missing", "outlying", "for models"], rows),
        ]
    return NOTICE + "\n".join(parts)


def own_commands() -> dict[str, argparse.ArgumentParser]:
    """Every management command of ours, by name."""
    from django.core.management import get_commands, load_command_class

    return {
        name: load_command_class(app, name).create_parser("manage.py", name)
        for name, app in sorted(get_commands().items())
        if app in APPS
    }


def commands() -> str:
    parts = [
        "# Commands\n",
        "Run as `.venv/bin/python manage.py COMMAND`. Django's own options (`--verbosity`, "
        "`--settings`, …) work everywhere and are left out here.\n",
    ]
    for name, parser in own_commands().items():
        parts += [f"## {name}\n", f"{parser.description}\n", *arguments(parser)]
        for verb, its in verbs(parser).items():
            parts += [f"### {name} {verb}\n", f"{its.description}\n", *arguments(its)]
    return NOTICE + "\n".join(parts)


def verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The tasks of a command that has some, as `predict churn`."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= action.choices
    return dict(sorted(found.items()))


def arguments(parser: argparse.ArgumentParser) -> list[str]:
    """A table, or nothing where there are none; verbs have parts of their own."""
    from django.core.management.base import DjangoHelpFormatter

    rows = [
        [
            f"`{', '.join(action.option_strings) or action.dest.upper()}`",
            # as `--help` shows it: %% is a per cent sign
            meaning(action, parser),
            default(action),
        ]
        for action in parser._actions
        if action.dest != "help"
        and not isinstance(action, argparse._SubParsersAction)
        and not DjangoHelpFormatter.show_last & set(action.option_strings)
    ]
    return [table(["argument", "meaning", "default"], rows)] if rows else []


def meaning(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    said = (action.help or "").strip() % {"default": action.default, "prog": parser.prog}
    choices = ", ".join(f"`{one}`" for one in action.choices or ())
    return "; ".join(part for part in (said, choices and f"one of {choices}") if part)


def default(action: argparse.Action) -> str:
    if action.default in (None, False, []) or action.default == argparse.SUPPRESS:
        return "required" if action.required else ""
    return f"`{action.default}`"


def scheduled_tasks() -> str:
    from config.schedule import SCHEDULE

    rows = []
    for name, entry in SCHEDULE.items():
        says = " ".join(docstring(entry["task"]).split("\n\n")[0].split())
        rows.append([name, f"`{entry['task']}`", f"{entry['schedule']:g} s", says])
    return NOTICE + "\n".join(
        [
            "# Scheduled tasks\n",
            "Beat ticks, nothing more: each task looks in the database whether there is something "
            "to do, takes it under a lock and does nothing otherwise. Two beats, a lost tick or an "
            "emptied broker change nothing. Defined in `config/schedule.py`; the admin shows the "
            "table under *Periodic tasks* and can switch a line off.\n",
            table(["name", "task", "every", "what it does"], rows),
        ]
    )


def docstring(task: str) -> str:
    """Of a task by its dotted name, else of its module; read, not imported, to register nothing."""
    module, function = task.rsplit(".", 1)
    tree = ast.parse((REFERENCE.parents[1] / f"{module.replace('.', '/')}.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return ast.get_docstring(node) or ast.get_docstring(tree) or ""
        if isinstance(node, ast.ImportFrom) and function in {name.name for name in node.names}:
            return docstring(f"{node.module}.{function}")  # Celery looks only into tasks.py
    raise LookupError(task)


def states() -> str:
    from campaigns import enums as campaigns
    from campaigns.lifecycle import MACHINE
    from consent import enums as consent
    from customers import enums as customers
    from feedback import enums as feedback
    from segmentation import enums as segmentation

    moves = {
        code: ", ".join(sorted(f"`{new}`" for new in MACHINE.transitions.get(code, ())))
        for code in campaigns.CampaignState.values
    }
    parts = [
        "# States and codes\n",
        "Codes are stored, labels are shown. A move of a campaign that is not in the table is "
        "refused; a move that lost a race says so.\n",
        "## Campaign\n",
        table(
            ["code", "label", "may become"],
            [[f"`{code}`", label, moves[code]] for code, label in campaigns.CampaignState.choices],
        ),
    ]
    for title, codes in (
        ("Delivery", campaigns.DeliveryState),
        ("Why a member of the segment got nothing", campaigns.SkipReason),
        ("Arm of the experiment", campaigns.Arm),
        ("Targeting", campaigns.Targeting),
        ("Why the gate refuses", consent.Refusal),
        ("Purposes of consent", consent.Purpose),
        ("Events of the ledger", customers.EventKind),
        ("Model version", segmentation.ModelStatus),
        ("What is predicted", segmentation.Task),
        ("Metrics of a campaign", feedback.Metric),
        ("Verdicts", feedback.Verdict),
    ):
        parts += [
            f"## {title}\n",
            table(["code", "label"], [[f"`{code}`", label] for code, label in codes.choices]),
        ]
    return NOTICE + "\n".join(parts)


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def main() -> None:
    import django

    # writing pages needs no server, only the settings to load
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    for name, text in pages().items():
        path = REFERENCE / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(REFERENCE.parent.parent)}")


if __name__ == "__main__":
    main()
