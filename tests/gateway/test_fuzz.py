"""A short search for answers that must not be; `make fuzz` makes the long one."""

from __future__ import annotations

import os

import pytest

from tests.gateway import fuzzing


CASES = int(os.environ.get("COTERIE_FUZZ_CASES", "400"))


@pytest.mark.django_db(transaction=True)
def test_no_request_breaks_the_api_or_reads_another_source() -> None:
    findings = fuzzing.run(cases=CASES, number=int(os.environ.get("COTERIE_FUZZ_SEED", "1")))
    print(f"{findings.cases} cases, statuses {dict(sorted(findings.statuses.items()))}")
    assert findings.wrong == {}, "\n\n".join(findings.wrong.values())
    assert findings.cases >= CASES
    # no operation was left out, and the requests got through to the work
    assert len(findings.by_operation) == len(fuzzing.OPERATIONS)
    assert findings.statuses[200] > CASES / 20
