"""Events in Segment's format, as Segment's and RudderStack's published clients send them.

Start at `translating`; `vocabulary` says what each event becomes, `money` what an order's total is.
"""

from customers.sources.segment.translating import translate


__all__ = ["translate"]
