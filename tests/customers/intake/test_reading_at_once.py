"""Readers of two sources at once."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from customers.enums import AliasKind, InboundStatus, MergeReason, SourceKind
from customers.identity import merge
from customers.intake.reading import read_due
from customers.models import Alias, Customer, Merge, Source
from tests.customers.intake.saying import accounts, land, said
from tests.factories.customers import NOW, CustomerFactory, SourceFactory


def _people_of_both(left: Source, right: Source) -> None:
    """In each source two numbers; every customer is known in both, so a merge asks for both turns."""
    for source, other in ((left, right), (right, left)):
        for number in ("1", "2"):
            customer = CustomerFactory(source=source, external_id=f"{source.pk}-{number}")
            known_there = CustomerFactory(source=other, external_id=f"{source.pk}-{number}")
            merge(
                survivor=customer, absorbed=known_there, reason=MergeReason.STAFF, source=None,
                now=NOW,
            )  # fmt: skip


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_readers_whose_aliases_wait_for_one_another_lose_nothing() -> None:
    """Each holds its own source and asks for the other's: one is stopped, and reads again."""
    sources = [SourceFactory(kind=SourceKind.SEGMENT) for _ in range(2)]
    _people_of_both(*sources)
    merges_before = Merge.objects.count()
    errors: list[Any] = []
    requests = [
        land(
            source,
            said("identify", userId=f"{source.pk}-1", anonymousId="held up"),
            said("page", userId=f"{source.pk}-2"),
            said("alias", userId=f"{source.pk}-1", previousId=f"{source.pk}-2"),
        )
        for source in sources
    ]

    def read() -> None:
        try:
            read_due(now=NOW)
        except OperationalError as error:
            errors.append(error)
        finally:
            connection.close()

    readers = [threading.Thread(target=read) for _ in sources]
    with transaction.atomic():
        for source in sources:  # a reader waits for this name with its source's turn in its hands
            Alias.objects.create(
                source=source, kind=AliasKind.ANONYMOUS, value="held up", created_at=NOW,
                customer=Customer.objects.filter(source=source).earliest("pk"),
            )  # fmt: skip
        for reader in readers:
            reader.start()
        until = time.monotonic() + 30
        while _waiting() < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert _waiting() == 2
        transaction.set_rollback(True)
    for reader in readers:
        reader.join(60)
        assert not reader.is_alive()
    assert len(errors) == 1
    read_due(now=NOW)
    for request in requests:
        assert accounts(request) == (InboundStatus.DONE, 3, 3, 0, 0)
    assert Merge.objects.count() == merges_before + 2
