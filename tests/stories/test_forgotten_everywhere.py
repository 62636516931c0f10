"""The proof of an erasure: a dump of the database, Valkey, the mirror, files and logs, searched for a canary."""

from __future__ import annotations

import base64
import hashlib
import os
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis

from campaigns.models import Delivery
from config.processes import Processes
from consent.desk import requests
from consent.enums import RequestKind, RequestStatus
from consent.interlock import logbook
from consent.models import DataRequest, Suppression
from core import clock
from customers import exporting
from gateway import keys
from gateway.models import Export
from tests import dumping
from tests.factories.customers import NOW
from tests.stories.stage import wait_until
from tests.stories.test_forget_me import ADDRESS, CANARY, OLD_ADDRESS, ask, everywhere


pytestmark = pytest.mark.django_db(transaction=True)

# However it may be written: as it is, as bytes in a dump, in base64 at any place, and as the hashes that
# anybody could make of an address.
NEEDLES = [
    CANARY.encode(), CANARY.encode().hex().encode(),
    *(base64.b64encode(b"x" * shift + CANARY.encode())[4:-4].lower() for shift in range(3)),
    *(
        maker(address.lower().encode()).hexdigest().encode()
        for address in (ADDRESS, OLD_ADDRESS) for maker in (hashlib.md5, hashlib.sha1, hashlib.sha256)
    ),
]  # fmt: skip


def names_them(content: bytes) -> bool:
    return any(needle in content.lower() for needle in NEEDLES)


def in_files(home: Path) -> list[str]:
    """Names and contents of everything under `home`; Parquet as what it says, not as its compressed bytes."""
    found = []
    for path in (Path(folder) / name for folder, _, names in os.walk(home) for name in names):
        content = b""
        with suppress(OSError, pa.ArrowInvalid):  # still being written, while the worker lives
            if path.suffix == ".parquet":
                content = str(pq.read_table(path).to_pydict()).encode()
            elif path.suffix != ".dump" and path.is_file():
                content = path.read_bytes()
        if names_them(path.name.encode()) or names_them(content):
            found.append(str(path.relative_to(home)))
    return found


def in_valkey() -> list[str]:
    """Keys of every database of the server whose name or serialised value names them."""
    found = []
    address = os.environ["REDIS_URL"].rsplit("/", 1)[0]
    for number in range(16):
        with redis.Redis.from_url(f"{address}/{number}") as client:
            found += [
                f"{number}: {key!r}"
                for key in client.scan_iter()
                if names_them(key) or names_them(client.dump(key) or b"")
            ]
    return found


def in_a_dump(home: Path) -> list[str]:
    lines = dumping.dump_as_text(home).read_bytes().split(b"\n")
    assert sum(line.startswith(b"COPY ") for line in lines) > 60
    return [line.decode()[:200] for line in lines if names_them(line)]


def an_export_of_everybody() -> Path:
    key, _ = keys.create(
        name="partner", scopes=["customers:read", "customers:pii"], now=clock.now()
    )
    row = Export.objects.create(key=key, kind="CUSTOMERS", with_pii=True, requested_at=clock.now())
    assert exporting.write_next(now=clock.now())
    row.refresh_from_db()
    return exporting.path_of(row)


def test_after_an_erasure_only_the_keyed_hash_is_found_anywhere(
    home: Path, processes: Processes
) -> None:
    clock.set_now(NOW)
    person = everywhere()
    hashes = set(requests.person_of(ask(person)).address_hmacs)
    DataRequest.objects.all().delete()
    requests.carry_out(ask(person, RequestKind.ACCESS), now=NOW)
    export = an_export_of_everybody()
    processes.start_worker_and_beat()
    wait_until(lambda: any("mirror/" in name for name in in_files(home)), every=0.2)
    assert names_them(export.read_bytes())
    assert len(in_a_dump(home)) >= 14

    done = requests.carry_out(ask(person), now=clock.now())
    wait_until(lambda: DataRequest.objects.get(pk=done.pk).status == RequestStatus.DONE, every=0.2)
    wait_until(lambda: not any("mirror/" in name for name in in_files(home)), every=0.2)
    assert in_valkey() == []
    processes.stop()

    assert in_a_dump(home) == []
    assert in_files(home) == []
    assert in_valkey() == []
    logs = list((home / "logs").iterdir())
    assert any(path.stat().st_size for path in logs)

    # and where the keyed hash is: on the list, on the proof, on what was sent, in the logbook
    text = (home / "coterie.dump").read_text()
    tables = {
        block.split("(")[0].strip().removeprefix("public.")
        for block in text.split("\nCOPY ")[1:]
        if any(one in block.split("\n\\.\n")[0] for one in hashes)
    }
    assert tables <= {"consent_suppression", "consent_datarequest", "campaigns_delivery"}
    assert set(Suppression.objects.values_list("address_hmac", flat=True)) >= hashes
    assert not Delivery.objects.filter(reply__icontains=CANARY).exists()
    written = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".dump"]
    holding = {
        path.relative_to(home).parts[0]
        for path in written
        if any(h.encode() in path.read_bytes() for h in hashes)
    }
    # the copy that they asked for was made anew, of what is left
    assert holding <= {logbook.folder().name, "exports"}
