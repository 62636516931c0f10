"""`core.ids.unit_interval` in SQL, digit for digit: SplitMix64's finaliser over the customer's id.

DuckDB refuses a product of 64 bits that overflows, and products in 128 bits took eight times as long as these in
two halves of 32 (1 M customers: 1.1 s and 0.13 s). Each step is a column of a nested SELECT, because written into
one another the expressions would double with every step.
"""

from __future__ import annotations

from core import ids
from segmentation.rules.plan import Plan


PURPOSE = "segment bucket"
"""With the salt it makes the hash: two rules with one salt draw the same customers."""

_LOW = "4294967295::UBIGINT"


def share(salt: str, *, plan: Plan) -> str:
    """Add a column with each customer's number in [0, 2^53) to the plan's people; returns its name."""
    return plan.shares.setdefault(salt, f"share{len(plan.shares)}")


def with_share(people: str, name: str, *, salt: str, plan: Plan) -> str:
    """`people`, a SELECT with a customer_id, with the column `name` more."""
    seed, stream = ids.seeds(salt=salt, purpose=PURPOSE)
    chain = _Chain(people, "CAST(customer_id AS UBIGINT)", plan=plan)
    chain.times(stream)
    chain.plus(seed)
    for _ in range(2):
        chain.fold(30)
        chain.times(0xBF58476D1CE4E5B9)
        chain.fold(27)
        chain.times(0x94D049BB133111EB)
        chain.fold(31)
    return f"SELECT * EXCLUDE (z), CAST(z >> 11 AS BIGINT) AS {name} FROM ({chain.select})"


class _Chain:
    """A SELECT whose column z, an UBIGINT, is worked on modulo 2^64."""

    def __init__(self, people: str, z: str, *, plan: Plan) -> None:
        self.select = f"SELECT *, {z} AS z FROM ({people})"
        self.plan = plan

    def fold(self, bits: int) -> None:
        self.select = f"SELECT * REPLACE (xor(z, z >> {bits}) AS z) FROM ({self.select})"

    def times(self, factor: int) -> None:
        high, low = self._halves(factor)
        self._join_halves(
            low=f"(z & {_LOW}) * {low}",
            high=f"(((z >> 32) * {low}) & {_LOW}) + (((z & {_LOW}) * {high}) & {_LOW})",
        )

    def plus(self, number: int) -> None:
        high, low = self._halves(number)
        self._join_halves(low=f"(z & {_LOW}) + {low}", high=f"(z >> 32) + {high}")

    def _halves(self, number: int) -> tuple[str, str]:
        # what comes of a user's salt is a parameter like the salt itself
        high, low = (f"CAST({self.plan.value(half)} AS UBIGINT)" for half in divmod(number, 2**32))
        return high, low

    def _join_halves(self, *, low: str, high: str) -> None:
        halves = f"SELECT * EXCLUDE (z), {low} AS low, {high} AS high FROM ({self.select})"
        self.select = (
            f"SELECT * EXCLUDE (low, high), ((((low >> 32) + high) & {_LOW}) << 32) | (low & {_LOW})"
            f" AS z FROM ({halves})"
        )
