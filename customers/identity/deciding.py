"""Who is who, decided in memory from what is known and what is being said: no database, no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from core import ids
from customers.identity.names import Known, Names, guest_name
from customers.intake.translation import Person
from customers.reports import ADDRESS


_LONGEST_NAME, _LONGEST_ADDRESS = 200, 320


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A person with their names checked; `number` may be one that cannot be kept."""

    number: str
    anonymous_id: str
    email: str
    address_hmac: str

    @classmethod
    def of(cls, person: Person, *, pepper: bytes) -> Told:
        email = person.email.strip()
        if not (re.match(ADDRESS, email) and can_be_kept(email, longest=_LONGEST_ADDRESS)):
            email = ""
        anonymous_id = person.anonymous_id
        return cls(
            number=person.user_id,
            anonymous_id=anonymous_id if can_be_kept(anonymous_id) else "",
            email=email,
            address_hmac=ids.address_hmac(email, pepper=pepper) if email else "",
        )

    @property
    def is_hopeless(self) -> bool:
        return not can_be_kept(self.number)

    @property
    def numbers(self) -> list[str]:
        """Numbers by which the person may be known already."""
        guest = [guest_name(self.address_hmac)] if self.address_hmac else []
        return guest if self.is_hopeless or not self.number else [self.number, *guest]


def can_be_kept(text: str, *, longest: int = _LONGEST_NAME) -> bool:
    """Whether a column can hold it: no NUL, no half of a surrogate pair, not too long."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return len(text) <= longest and "\0" not in text


@dataclass(kw_only=True)
class Findings:
    """What is to be written, each in the order in which it was found."""

    new: list[Known] = field(default_factory=list)
    addressed: list[Known] = field(default_factory=list)
    """Customers of the source whose first address was told."""
    numbers: dict[str, Known] = field(default_factory=dict)
    """New numbers of customers of other sources."""
    links: dict[str, Known] = field(default_factory=dict)
    """Anonymous ids and whose they are in the end."""
    first_links: dict[str, Known] = field(default_factory=dict)
    """Anonymous ids that nobody knew, and who said first that they are theirs."""
    joined: list[tuple[Known, Known]] = field(default_factory=list)
    """Survivor, absorbed."""


@dataclass
class Decider:
    """
    Hears one person after the other.

    The rule of one address: within a source, who has no number of their own (a guest) is the customer
    who has the address, if only one numbered customer has it; two numbered customers stay two. Across
    sources, two are one when nobody else has the address and no source numbers both. A merge that was
    undone is never made again from an address. An anonymous id never joins two customers.
    """

    known: Names
    findings: Findings = field(default_factory=Findings)

    def hear(self, told: Told) -> Known | None:
        """Whom the person is; None for a visitor, or for somebody who cannot be kept."""
        if told.is_hopeless or not (told.number or told.address_hmac):
            return None
        if told.number:
            person = self.known.by_number.get(told.number) or self._numbered(told)
            self._learn_address(person.living, told)
        else:
            guest = self.known.by_number.get(guest_name(told.address_hmac))
            person = guest or self._addressed(told)
        person = person.living
        if told.anonymous_id and not person.is_erased:
            self._link(told.anonymous_id, person)
        return person

    def name(self, told: Told, person: Known | None) -> str:
        """To be asked after everybody was heard: a visitor may say later in a call who they are."""
        if told.number:
            return told.number
        if person is None:
            person = self._visitor(told.anonymous_id) or self.findings.first_links.get(
                told.anonymous_id
            )
        return (person.name or person.living.name) if person else ""

    # ---------------------------------------------------------------- by number, by address

    def _numbered(self, told: Told) -> Known:
        """Somebody under a number never heard of: one whom another source knows, or somebody new."""
        others = self._living(told.address_hmac)
        here = self.known.source_id
        if len(others) == 1 and others[0].source_id != here and here not in others[0].numbered_in:
            return self._name(others[0], told.number)
        return self._new(told.number, told)

    def _addressed(self, told: Told) -> Known:
        others = self._living(told.address_hmac)
        here = [other for other in others if other.name]
        if here:  # of several with one address the longest known: the message reaches them all
            return here[0]
        if len(others) == 1:
            return self._name(others[0], guest_name(told.address_hmac))
        return self._new(guest_name(told.address_hmac), told)

    def _learn_address(self, person: Known, told: Told) -> None:
        address, here = told.address_hmac, self.known.source_id
        if not address or person.is_erased:
            return
        if not person.address_hmac and person.source_id == here:
            person.email, person.address_hmac = told.email, address
            self.known.by_address.setdefault(address, []).append(person)
            self.findings.addressed.append(person)
        if person.address_hmac != address:
            return
        others = [other for other in self._living(address) if other is not person]
        if not any(here in other.numbered_in for other in others):
            for guest in [other for other in others if other.source_id == here]:
                self._join(person, guest)
        others = [other for other in self._living(address) if other is not person]
        if len(others) == 1 and others[0].source_id != person.source_id:
            # the longer known one stays; ids are given in order, and the new have none yet
            first, second = sorted([others[0], person], key=lambda one: (one.id is None, one.id))
            self._join(first, second)

    def _join(self, survivor: Known, absorbed: Known) -> None:
        if survivor.numbered_in & absorbed.numbered_in:
            return
        if {survivor.id, absorbed.id} in self.known.kept_apart:
            return
        absorbed.part_of = survivor
        survivor.numbered_in |= absorbed.numbered_in
        survivor.name = survivor.name or absorbed.name
        self.findings.joined.append((survivor, absorbed))

    def _living(self, address_hmac: str) -> list[Known]:
        having = self.known.by_address.get(address_hmac, [])
        return [one for one in having if one.part_of is None] if address_hmac else []

    def _name(self, person: Known, number: str) -> Known:
        person.take_name(number, source_id=self.known.source_id, here=self.known.source_id)
        self.known.by_number[number] = self.findings.numbers[number] = person
        return person

    def _new(self, number: str, told: Told) -> Known:
        here = self.known.source_id
        person = Known(
            id=None,
            source_id=here,
            external_id=number,
            email=told.email,
            address_hmac=told.address_hmac,
        )
        person.take_name(number, source_id=here, here=here)
        self.known.by_number[number] = person
        if told.address_hmac:
            self.known.by_address.setdefault(told.address_hmac, []).append(person)
        self.findings.new.append(person)
        return person

    # ---------------------------------------------------------------- visitors

    def _visitor(self, anonymous_id: str) -> Known | None:
        """Whose the anonymous id is, as far as this source has a name for them."""
        person = self.known.by_anonymous_id.get(anonymous_id)
        return person.living if person and person.living.name else None

    def _link(self, anonymous_id: str, person: Known) -> None:
        before = self._visitor(anonymous_id)
        if before is person:
            return
        if before is None:
            self.findings.first_links.setdefault(anonymous_id, person)
        self.known.by_anonymous_id[anonymous_id] = self.findings.links[anonymous_id] = person
