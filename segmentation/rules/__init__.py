"""Rule segments: a small language of conditions, compiled to one DuckDB statement with parameters.

Knows no Django. Start at `tree.py` (what a rule is), then `parsing.py`, `compiling.py` and `wording.py`.
"""

from segmentation.rules.compiling import compile_rule, cutoffs
from segmentation.rules.explaining import Reason, explain
from segmentation.rules.parsing import parse
from segmentation.rules.plan import Statement
from segmentation.rules.problems import Problem, RuleError
from segmentation.rules.rule import Rule
from segmentation.rules.timing import changes_with_time, next_flip
from segmentation.rules.uses import Uses
from segmentation.rules.wording import Names, in_words


__all__ = [
    "Names",
    "Problem",
    "Reason",
    "Rule",
    "RuleError",
    "Statement",
    "Uses",
    "changes_with_time",
    "compile_rule",
    "cutoffs",
    "explain",
    "in_words",
    "next_flip",
    "parse",
]
