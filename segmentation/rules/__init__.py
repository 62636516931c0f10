"""Rule segments: a small language of conditions, compiled to one DuckDB statement with parameters.

Knows no Django. Start at `tree.py` (what a rule is), then `parsing.py`, `compiling.py` and `wording.py`.
"""

from segmentation.rules.compiling import compile_rule, cutoffs
from segmentation.rules.parsing import parse
from segmentation.rules.plan import Statement
from segmentation.rules.problems import Problem, RuleError
from segmentation.rules.rule import Rule
from segmentation.rules.uses import Uses


__all__ = ["Problem", "Rule", "RuleError", "Statement", "Uses", "compile_rule", "cutoffs", "parse"]
