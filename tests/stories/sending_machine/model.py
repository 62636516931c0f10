"""
Who may be mailed, told a second time in plain lists: nothing here is shared with the code under test.

Time is a count of steps, so no two things happen at the same moment. What sources tell waits to be
read, as in the product; what people press counts at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field


YES, NO = "yes", "no"


@dataclass(frozen=True)
class Word:
    """What somebody said about being mailed; `by_file` when an imported file says so."""

    at: int
    says: str
    by_file: bool = False


@dataclass(eq=False)
class Person:
    key: int
    address: str
    words: list[Word] = field(default_factory=list)
    is_erased: bool = False
    is_away: bool = False  # asked for a pause
    is_restricted: bool = False
    just_merged: bool = False
    part_of: Person | None = None
    had: set[str] = field(default_factory=set)  # addresses at the time of merges, kept to undo them

    @property
    def agrees(self) -> bool:
        """The newest word counts; a file's yes only where nobody said anything else."""
        said = [word for word in self.words if not (word.by_file and word.says == YES)]
        if not said:
            return bool(self.words)
        return max(said, key=lambda word: word.at).says == YES


@dataclass
class Stop:
    """An address that is not mailed; `for_good` where no later yes changes that."""

    since: int
    for_good: bool


@dataclass
class Told:
    """A word of a source that nobody has read yet."""

    person: Person
    word: Word


@dataclass
class Merged:
    survivor: Person
    absorbed: Person
    at: int


@dataclass
class World:
    people: list[Person] = field(default_factory=list)
    stops: dict[str, Stop] = field(default_factory=dict)
    stopped_once: set[str] = field(default_factory=set)
    unread: list[Told] = field(default_factory=list)
    unread_merges: list[Merged] = field(default_factory=list)

    def may_be_mailed(self, person: Person) -> bool:
        return (
            not person.is_erased
            and person.address != ""
            and person.address not in self.stops
            and person.agrees
            and not person.is_away
            and not person.is_restricted
            and not person.just_merged
        )

    def living(self) -> list[Person]:
        return [person for person in self.people if not person.is_erased and not person.part_of]

    # ------------------------------------------------------------ acts that count at once
    def agree(self, person: Person, *, at: int) -> None:
        person.words.append(Word(at, YES))
        self._lift(person.address)

    def refuse(self, person: Person, *, at: int) -> None:
        person.words.append(Word(at, NO))

    def unsubscribe(self, person: Person, *, at: int) -> None:
        """Of the person and of the address; pressing it again says nothing new."""
        if not person.agrees and (person.address == "" or person.address in self.stops):
            return
        self.refuse(person, at=at)
        self.stop(person.address, at=at)

    def complain(self, person: Person, *, about: str, at: int) -> None:
        """Of the person, and of the address that the message went to."""
        self.refuse(person, at=at)
        self.stop(about, at=at, for_good=True)

    def stop(self, address: str, *, at: int, for_good: bool = False) -> None:
        before = self.stops.get(address)
        if address and (before is None or not before.for_good):
            self.stops[address] = Stop(at, for_good)
            self.stopped_once.add(address)

    def erase(self, person: Person, *, at: int) -> None:
        """Everybody who shares the address or is part of the same person, and whom that leads to."""
        keys, addresses = {person}, {person.address, *person.had} - {""}
        while True:
            found = {
                other for other in self.people
                if other.address in addresses or other.part_of in keys
                or any(key.part_of is other for key in keys) or other in keys
            }  # fmt: skip
            more = addresses.union(*({other.address, *other.had} for other in found)) - {""}
            if found == keys and more == addresses:
                break
            keys, addresses = found, more
        for other in keys:
            other.is_erased, other.address, other.had = True, "", set()
        for address in addresses:
            self.stop(address, at=at)

    def _lift(self, address: str) -> None:
        if address in self.stops and not self.stops[address].for_good:
            del self.stops[address]

    # ------------------------------------------------------------ what sources tell
    def tell(self, person: Person, says: str, *, at: int, by_file: bool = False) -> None:
        self.unread.append(Told(person, Word(at, says, by_file)))

    def merge(self, survivor: Person, absorbed: Person, *, at: int) -> None:
        for one in (survivor, absorbed):
            one.had |= {survivor.address, absorbed.address}
        survivor.address = survivor.address or absorbed.address
        absorbed.address, absorbed.part_of = "", survivor
        for other in self.people:
            if other.part_of is absorbed:
                other.part_of = survivor
        for told in self.unread:
            if told.person is absorbed:
                told.person = survivor
        survivor.is_restricted = survivor.is_restricted or absorbed.is_restricted
        survivor.just_merged = True
        self.unread_merges.append(Merged(survivor, absorbed, at))

    def read(self) -> None:
        """A no counts whatever came in the same portion; a file's yes restores nothing."""
        heard = [told for told in self.unread if not told.person.is_erased]
        refused_here = {told.person for told in heard if told.word.says == NO}
        stopped_here = {told.person.address for told in heard if told.word.says == NO} - {""}
        have_refused = {
            person for person in self.people if any(word.says == NO for word in person.words)
        }
        refused_addresses = {person.address for person in have_refused} - {""} | stopped_here
        for told in heard:
            person, word = told.person, told.word
            if word.says == YES and word.by_file and (
                person in have_refused | refused_here
                or person.address in refused_addresses
                or person.address in self.stops
            ):  # fmt: skip
                continue
            person.words.append(word)
            if word.says == YES and not word.by_file:
                self._lift_by_word(person, word)
        for merged in self.unread_merges:
            self._put_together(merged)
        self.unread, self.unread_merges = [], []
        for person in self.people:
            person.just_merged = False

    def _lift_by_word(self, person: Person, word: Word) -> None:
        stop = self.stops.get(person.address)
        if stop and not stop.for_good and word.at > stop.since and person.agrees:
            del self.stops[person.address]

    def _put_together(self, merged: Merged) -> None:
        """The stricter wins; a yes comes along only where the survivor said nothing."""
        survivor, absorbed = merged.survivor, merged.absorbed
        survivor.is_away = survivor.is_away or (absorbed.is_away and not survivor.is_erased)
        ours = [word for word in survivor.words if word.at <= merged.at]
        theirs = [word for word in absorbed.words if word.at <= merged.at]
        if not theirs:
            return
        they_agree = Person(0, "", words=theirs).agrees
        we_agree = Person(0, "", words=ours).agrees
        if not ours and they_agree:
            by_file = all(word.by_file for word in theirs if word.says == YES) and not any(
                word.says == NO for word in theirs
            )
            at = max(word.at for word in theirs if word.says == YES and word.by_file == by_file)
            survivor.words.append(Word(at, YES, by_file))
        elif not they_agree and (not ours or we_agree):
            survivor.words.append(Word(merged.at, NO))
