"""
Every operation of the OpenAPI schema with thousands of made-up requests, by two keys of two sources.

schemathesis makes the requests, right ones and wrong ones. In a third of them numbers of rows are put
where they exist, in another third where they belong to the other key's source. What comes back must be
what the schema says, never a 5xx, and never a word of the other source.
"""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from typing import Any
from unittest import SkipTest
from urllib.parse import urlsplit

import httpx
import requests
import schemathesis
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.failures import Failure, FailureGroup

from campaigns.models import Campaign
from consent.models import DataRequest
from customers.models import Customer, Product, Source
from gateway.models import Export
from segmentation.models import Segment
from tests.factories.campaigns import CampaignFactory
from tests.factories.consent import MailableFactory
from tests.factories.customers import (
    NOW,
    EventFactory,
    OrderFactory,
    OrderLineFactory,
    ProductFactory,
    ReviewFactory,
    SourceFactory,
)
from tests.factories.segmentation import segment_of
from tests.gateway.clients import make_key


BASE = "http://testserver"
SCHEMA = schemathesis.openapi.from_dict(
    # through JSON, because the generator's lazy strings are no strings to schemathesis
    json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))
)
OPERATIONS = [operation.ok() for operation in SCHEMA.get_all_operations()]
JUDGED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    ]
)
_OF_REQUESTS = {"method", "url", "params", "headers", "json", "data", "cookies"}
_TIMES = ("placed_at", "changed_at", "joined_at", "refunded_at", "written_at", "happened_at")


@dataclass
class Party:
    """A key, its source, the word that only its rows hold, and the numbers of these rows by path."""

    secret: str
    source_id: int
    word: str
    numbers: dict[str, list[int]]


@dataclass
class Findings:
    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    by_operation: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)
    """What was found, once an operation and kind, with the request that shows it."""


def make_party(word: str) -> Party:
    """A source with a row of everything, whose texts hold `word`."""
    source: Source = SourceFactory(name=f"Shop of {word}")
    names = {"first_name": word, "last_name": word}
    people: list[Customer] = [
        MailableFactory(source=source, external_id=f"{word}-{n}", **names) for n in range(4)
    ]
    thing: Product = ProductFactory(source=source, external_id=f"{word}-p", name=word)
    orders = [OrderFactory(customer=person, external_id=f"{word}-{n}", total_cents=10**10)
              for n, person in enumerate(people)]  # fmt: skip
    OrderLineFactory(order=orders[0], product=thing)
    reviews = [ReviewFactory(customer=people[0], text=word) for _ in range(2)]
    EventFactory(customer=people[0], properties={"word": word}, name=word)
    key, secret = make_key(
        source_ids=[source.pk], now=NOW - timedelta(days=3650), per_minute=2**31 - 1
    )
    exports = [Export.objects.create(key=key, kind="CUSTOMERS", requested_at=NOW) for _ in range(2)]
    asked = DataRequest.objects.create(
        kind="ACCESS", customer=people[0], source=source, requested_by=word, reference=word,
        received_at=NOW, due_at=NOW,
    )  # fmt: skip
    numbers = {
        "customers": people, "orders": orders, "products": [thing], "reviews": reviews,
        "exports": exports, "data-requests": [asked],
    }  # fmt: skip
    return Party(
        secret=secret,
        source_id=source.pk,
        word=word,
        numbers={path: [row.pk for row in rows] for path, rows in numbers.items()},
    )


def make_world() -> tuple[Party, Party]:
    ours, theirs = make_party("Aquamarine"), make_party("Bordeaux")
    everybody = Customer.objects.all()
    segment: Segment = segment_of(everybody)
    campaign: Campaign = CampaignFactory(segment=segment)
    for party in (ours, theirs):
        party.numbers |= {"segments": [segment.pk], "campaigns": [campaign.pk]}
    return ours, theirs


def _mend(body: dict[str, Any], party: Party, rng: random.Random) -> None:
    """Put what chance would never hit where there is something: names of rows, currencies, times of now."""
    known = {
        "customer": f"{party.word}-{rng.randrange(4)}", "product": f"{party.word}-p", "currency": "EUR",
        "wording": "default-1", "language": "en", "channel": "EMAIL",
        **dict.fromkeys(_TIMES, f"2026-0{rng.randrange(1, 6)}-11T10:00:00Z"),
    }  # fmt: skip
    for name in set(known) & set(body):
        body[name] = known[name]
    for line in body.get("lines") or ():
        if isinstance(line, dict) and "product" in line:
            line["product"] = known["product"]


class Search:
    """Asks, looks at what comes back, and remembers what should not have."""

    def __init__(self, number: int) -> None:
        self.rng = random.Random(number)
        self.parties = make_world()
        # campaigns and the making of segments are of the whole shop, which a restricted key does not see
        _, self.whole_shop = make_key(
            ["campaigns:read", "results:read", "segments:write"], per_minute=2**31 - 1
        )
        self.findings = Findings()
        self.client = Client(raise_request_exception=False)

    def parties_of(self, word: str) -> tuple[Party, Party]:
        """Who asks, and who must not be seen."""
        ours, theirs = self.parties
        return (ours, theirs) if word == ours.word else (theirs, ours)

    def through(
        self, operation: Any, mode: GenerationMode, word: str, *, count: int, number: int
    ) -> None:
        """`count` requests of one operation by one party; fewer where there are not so many."""

        @seed(number)
        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            self.ask(case, word)

        # an operation that takes nothing cannot be asked wrongly
        with suppress(Unsatisfiable, SkipTest):
            ask()

    def ask(self, case: Any, word: str) -> None:
        party, other = self.parties_of(word)
        foreign = self._aim(case, party, other)
        if isinstance(case.body, dict) and self.rng.random() < 0.6:
            _mend(case.body, party, self.rng)
        asked = self._prepare(case, party)
        if asked is None:
            return
        status = self._send(asked, case, other)
        is_read = case.operation.method == "get" and "Authorization" in asked.headers
        if foreign and is_read and status not in {401, 404}:
            self._note(case, f"foreign row answered {status}", asked)

    def _aim(self, case: Any, party: Party, other: Party) -> bool:
        """Put numbers that exist, ours or the other's, into a part of the cases; whether it is the other's."""
        choice = self.rng.random()
        if choice > 0.66:
            return False
        whose = party if choice < 0.33 else other
        path = case.operation.path.removeprefix("/api/v1/").split("/")[0]
        for where in (case.query, case.body):
            if isinstance(where, dict) and "source_id" in where:
                where["source_id"] = whose.source_id
        if path in whose.numbers and "number" in (case.path_parameters or {}):
            case.path_parameters["number"] = self.rng.choice(whose.numbers[path])
            return whose is other and path not in {"segments", "campaigns"}
        return False

    def _prepare(self, case: Any, party: Party) -> requests.PreparedRequest | None:
        """The request on the wire; None for one that no HTTP client can say."""
        kwargs = case.as_transport_kwargs(base_url=BASE)
        try:
            asked = requests.Request(
                **{name: value for name, value in kwargs.items() if name in _OF_REQUESTS}
            ).prepare()
        except (requests.RequestException, UnicodeError, ValueError):
            return None
        if self.rng.random() < 0.95:
            writes = "segments" in case.operation.path and case.operation.method != "get"
            of_whole_shop = "campaigns" in case.operation.path or writes
            is_allowed = of_whole_shop and self.rng.random() < 0.8
            secret = self.whole_shop if is_allowed else party.secret
            asked.headers["Authorization"] = f"Bearer {secret}"
        if self.rng.random() < 0.8 and "Idempotency-Key" in asked.headers:
            asked.headers["Idempotency-Key"] = str(uuid.uuid4())
        return asked

    def _send(self, asked: requests.PreparedRequest, case: Any, other: Party) -> int:
        parts = urlsplit(asked.url)
        body = asked.body or b""
        headers = {
            name: value if isinstance(value, str) else value.decode("latin-1")
            for name, value in asked.headers.items()
        }
        content_type = headers.pop("Content-Type", "application/json")
        headers.pop("Content-Length", None)
        answer = self.client.generic(
            asked.method,
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            body.encode() if isinstance(body, str) else body,
            content_type=content_type,
            headers=headers,
        )
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        self.findings.cases += 1
        self.findings.statuses[answer.status_code] += 1
        self.findings.by_operation[case.operation.label] += 1
        if answer.status_code >= 500:
            self._note(case, f"status {answer.status_code}", asked)
        if other.word.encode() in content:
            self._note(case, "a word of the other source", asked)
        response = httpx.Response(
            answer.status_code,
            headers=dict(answer.items()),
            content=content,
            request=httpx.Request(asked.method, asked.url),
        )
        response.elapsed = timedelta(0)
        try:
            case.validate_response(response, checks=JUDGED)
        except (Failure, FailureGroup) as error:
            failures = getattr(error, "exceptions", [error])
            self._note(case, str(failures[0])[:400], asked)
        return answer.status_code

    def _note(self, case: Any, what: str, asked: requests.PreparedRequest) -> None:
        self.findings.wrong.setdefault(
            f"{case.operation.label}: {what.splitlines()[0]}",
            f"{what}\n{asked.method} {asked.url}\n{asked.headers}\n{str(asked.body)[:1000]}",
        )


def run(*, cases: int, number: int = 1) -> Findings:
    """`cases` requests: every operation by both parties, then more of those that take something."""
    search = Search(number)
    words = [party.word for party in search.parties]
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    count = max(1, cases // (len(OPERATIONS) * 4))
    for operation, mode, word in product(OPERATIONS, modes, words):
        search.through(operation, mode, word, count=count, number=number)
    varied = [operation for operation in OPERATIONS if operation.body or operation.query]
    while search.findings.cases < cases:
        search.through(
            search.rng.choice(varied), search.rng.choice(modes), search.rng.choice(words),
            count=count, number=search.rng.randrange(2**31),
        )  # fmt: skip
    return search.findings
