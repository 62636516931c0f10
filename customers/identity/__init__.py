"""Who is who: names of a person lead to one customer, two customers of one person become one.

Owns Alias, Merge, VisitorEvent and VisitorRow. Start with `resolving.py`; docs/explanation/identity.md says why.
"""

from customers.identity.merging import MergeError, merge
from customers.identity.resolving import resolve
from customers.identity.said_same import same_person
from customers.identity.unmerging import unmerge


__all__ = ["MergeError", "merge", "resolve", "same_person", "unmerge"]
