"""Names of arms and what they cost, as commands are told them."""

from collections.abc import Sequence

from segmentation.ml.offline.files import FileError


MOST_ARMS = 20
CONTROLS = frozenset({
    "0", "no", "none", "n", "f", "false", "off", "control", "controlgroup", "holdout", "untreated", "notreatment",
    "placebo", "noemail", "nomail", "nothing", "nocontact", "nooffer", "nopromotion",
})  # fmt: skip


def control_of(found: Sequence[str], asked: str | None, *, path: str, column: str) -> str:
    """Which of the arms in a column got nothing; raises FileError when that cannot be told."""
    told = ", ".join(found[:10])
    if len(found) < 2:
        raise FileError(
            f"{path}: column {column} has one arm only ({told}); there is nothing to compare with"
        )
    if len(found) > MOST_ARMS:
        raise FileError(
            f"{path}: column {column} has {len(found)} different values; is it the treatment?"
        )
    if asked is not None:
        if asked not in found:
            raise FileError(f"--control: {asked!r} is none of the arms {told}")
        return asked
    likely = [name for name in found if _plain(name) in CONTROLS]
    if len(likely) != 1:
        raise FileError(f"{path}: which arm of {told} got nothing? Say it with --control ARM")
    return likely[0]


def costs_of(given: Sequence[str], arms: Sequence[str]) -> dict[str, float]:
    """By arm: one number for all, or ARM=NUMBER for some."""
    costs: dict[str, float] = {}
    usual = 0.0
    for one in given:
        name, equals, amount = one.rpartition("=")
        try:
            money = float(amount)
        except ValueError as error:
            raise FileError(f"--cost: {one!r} is neither a number nor ARM=NUMBER") from error
        if equals and name not in arms:
            raise FileError(f"--cost: {name!r} is none of the arms {', '.join(arms)}")
        if not 0 <= money < float("inf"):
            raise FileError("--cost: must be zero or more")
        if equals:
            costs[name] = money
        else:
            usual = money
    return {name: costs.get(name, usual) for name in arms}


def _plain(name: str) -> str:
    whole = name.removesuffix(".0")
    return "".join(letter for letter in whole.lower() if letter.isalnum())
