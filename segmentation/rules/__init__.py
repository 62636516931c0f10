"""Rule segments: a small language of conditions, compiled to one DuckDB statement with parameters.

Knows no Django. Start at `tree.py` (what a rule is), then `parsing.py`, `compiling.py` and `wording.py`.
"""

from segmentation.rules.parsing import parse
from segmentation.rules.problems import Problem, RuleError
from segmentation.rules.rule import Rule
from segmentation.rules.uses import Uses


__all__ = ["Problem", "Rule", "RuleError", "Uses", "parse"]
