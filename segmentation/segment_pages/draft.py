"""What is being built: the tree of the form, the rule it makes, and what stands in its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from customers.models import Source
from segmentation import rule_segments
from segmentation.builder import definitions, inputs, rows, subjects
from segmentation.builder.rows import Path, Row, Rows
from segmentation.models import Segment
from segmentation.rules import Problem, Rule, RuleError, parse


LONGEST_DESCRIPTION = 2_000


@dataclass(kw_only=True)
class Draft:
    """
    rule: None while something is wrong or unfinished; `problems` then says what. focus: the node that
    a button has just made or moved.
    """

    segment: Segment | None
    name: str
    description: str
    tree: Rows
    rule: Rule | None = None
    problems: tuple[Problem, ...] = ()
    name_problem: str = ""
    focus: Path | None = None
    shows_problems: bool = field(default=False)

    @property
    def is_untouched(self) -> bool:
        """Nothing has been said yet."""
        return all(isinstance(node, Row) and not node.about for node in self.tree.nodes)

    def drawn(self) -> inputs.DrawnGroup:
        """The tree for the template."""
        others = Segment.objects.in_use().order_by("name").values_list("pk", "name")
        own = self.segment.pk if self.segment else None
        return inputs.draw(
            self.tree,
            inputs.Drawing(
                segments=[(str(pk), name) for pk, name in others if pk != own],
                sources=[
                    (str(pk), name)
                    for pk, name in Source.objects.order_by("name").values_list("pk", "name")
                ],
                problems=self._by_place() if self.shows_problems else {},
                focus=self.focus,
            ),
        )

    def _by_place(self) -> dict[tuple[Path, int | None], list[str]]:
        found: dict[tuple[Path, int | None], list[str]] = {}
        for problem in self.problems:
            found.setdefault(definitions.place_of(problem), []).append(
                definitions.in_words(problem)
            )
        return found

    def listed(self) -> list[tuple[str, str, str]]:
        """Every problem of the rule as (id of its row, name of its row, words)."""
        found = []
        for problem in self.problems:
            path, _ = definitions.place_of(problem)
            words = definitions.in_words(problem)
            found.append((rows.prefix_of(path), definitions.title_of(path), words))
        return found

    def check(self) -> None:
        """Make the rule of the tree, or say why there is none."""
        settle(self.tree)
        try:
            rule = parse(definitions.definition_of(self.tree))
        except RuleError as error:
            self.rule, self.problems = None, error.problems
            return
        own = self.segment.pk if self.segment else None
        self.problems = rule_segments.problems_of(rule, segment_id=own)
        self.rule = None if self.problems else rule

    def check_name(self) -> None:
        """Say what is wrong with the name, if anything is."""
        taken = Segment.everything.filter(name=self.name)
        if self.segment:
            taken = taken.exclude(pk=self.segment.pk)
        if not self.name:
            self.name_problem = "Give the segment a name."
        elif len(self.name) > rule_segments.LONGEST_NAME:
            self.name_problem = f"Give a name of at most {rule_segments.LONGEST_NAME} letters."
        elif taken.exists():
            self.name_problem = "There is a segment of this name already. Choose another one."


def settle(tree: Rows) -> None:
    """Give every choice of the tree a value that can be chosen."""
    for node in tree.nodes:
        if isinstance(node, Rows):
            settle(node)
        else:
            subjects.settle(node)


def posted(request: HttpRequest, segment: Segment | None) -> Draft:
    """The draft that the form says."""
    said: Any = request.POST
    return Draft(
        segment=segment,
        name=_plain(said.get("name", "")),
        description=_plain(said.get("description", ""))[:LONGEST_DESCRIPTION],
        tree=rows.read(said.lists()),
    )


def _plain(text: str) -> str:
    return text.replace("\0", "").strip()


def of_segment(segment: Segment) -> Draft:
    """The draft of a rule segment as it is. Raises RuleError when its rule cannot be read any more."""
    return Draft(
        segment=segment,
        name=segment.name,
        description=segment.description,
        tree=definitions.rows_of(parse(segment.definition).root),
    )


def of_definition(*, name: str, description: str, definition: dict[str, Any]) -> Draft:
    """A new draft that starts from something else. Raises RuleError."""
    return Draft(
        segment=None,
        name=rule_segments.free_name(name),
        description=description,
        tree=definitions.rows_of(parse(definition).root),
    )


def empty() -> Draft:
    return Draft(segment=None, name="", description="", tree=Rows(nodes=[Row()]))
