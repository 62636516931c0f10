"""
Membership of rule segments that follows the shop: who changed, what time changes, and a check every night.

`follow` brings the customers up to date of whom something changed, `mark_due` those for whom a moment has come,
`compute_due` the segments whose rule changed, `rebuild` everybody, comparing with what is stored.
"""

from segmentation.dynamic.computing import compute_due
from segmentation.dynamic.flips import any_due, mark_due
from segmentation.dynamic.following import follow
from segmentation.dynamic.rebuilding import ONCE_A_DAY, rebuild
from segmentation.dynamic.turn import alone


__all__ = ["ONCE_A_DAY", "alone", "any_due", "compute_due", "follow", "mark_due", "rebuild"]
