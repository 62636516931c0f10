"""Every English phrase of the sentences, in one place: the keys of a translation.

Each is a whole part that follows "Customers who"; a pair is what holds, and what does not hold.
"""

from __future__ import annotations


SENTENCE = "Customers who {conditions}"
AND, OR = "{first} and {last}", "{first} or {last}"
INNER = "({conditions})"

MEASURED = ("have {amount} {phrase}", "do not have {amount} {phrase}")
PAST = ("are {amount} past {rest}", "are not {amount} past {rest}")
SPENT = ("{first} {amount} {rest}", "have not {first} {amount} {rest}")
VALUED = ("have {a_phrase} of {amount}", "do not have {a_phrase} of {amount}")
TOP = (
    "are among the {number}\u00a0% with the highest “{label}”",
    "are not among the {number}\u00a0% with the highest “{label}”",
)
FLAG = ("are marked “{label}”", "are not marked “{label}”")
KNOWN = ("have a value for “{label}”", "have no value for “{label}”")
TEXT = ("have the {phrase} {value}", "do not have the {phrase} {value}")
CONTAINS = ("have {a_phrase} that contains {value}", "do not have {a_phrase} that contains {value}")
SOURCE = ("come from {value}", "do not come from {value}")
CONSENT = ("gave consent to {purpose}", "did not give consent to {purpose}")
SEGMENT = ("are in the segment {segment}", "are not in the segment {segment}")
BUCKET = (
    "fall in the random share from {start}\u00a0% to {stop}\u00a0% of draw {salt}",
    "do not fall in the random share from {start}\u00a0% to {stop}\u00a0% of draw {salt}",
)  # fmt: skip

DID = ("{did}{filters}{when}", "have not {have_not}{filters}{when}")
AT_LEAST = ("{did}{filters} at least {times}{when}", "{did}{filters} fewer than {times}{when}")
AT_MOST = ("{did}{filters} at most {times}{when}", "{did}{filters} more than {times}{when}")
EXACTLY = ("{did}{filters} exactly {times}{when}", "{did}{filters} not exactly {times}{when}")
CUSTOM = ("did “{name}”", "done “{name}”")

ONCE, TIMES = "once", "{number} times"
WITHIN = " in the last {number} days"
OLDER = (" more than {number} days ago", " before the last {number} days")
BETWEEN = " from {first} to {last}"
FILTERS = " with {filters}"
FILTER = {
    "number": "a {phrase} of {amount}",
    "text": "the {phrase} {value}",
    "not_text": "a {phrase} other than {value}",
    "contains": "a {phrase} that contains {value}",
    "is_known": "a known {phrase}",
    "is_unknown": "no known {phrase}",
}

AMOUNT = {
    "at_least": "at least {value}",
    "at_most": "at most {value}",
    "between": "{low} to {high}",
    "equals": "exactly {value}",
}
UNITS = {"days": "{number} days", "share": "{number}\u00a0%", "percent": "{number}\u00a0%"}
PURPOSE_ON = "{purpose} {channel}"

NOT_KNOWN = "not known"
YES, NO = "yes", "no"
NO_PROFILING = "agreed to profiling"
