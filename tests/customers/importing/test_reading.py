"""The quick ways of reading give what the careful one gives, and nothing odd gets lost."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from customers.importing import reading
from customers.importing.dialect import detect
from customers.sources.base import SourceError
from customers.sources.layouts import LINE
from tests.customers.files import GOOD, HEADER, NASTY, translate


def _lines(path: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    with duckdb.connect() as db:
        reading.read(db, path, detect(path), told=lambda done, total: None)
        return (
            db.sql(f"SELECT {LINE}, * EXCLUDE ({LINE}) FROM lines ORDER BY 1").fetchall(),
            db.sql("FROM unreadable ORDER BY 1").fetchall(),
        )


CELLS = st.text(alphabet='ab ,"\n\r\té', max_size=6)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8), end=st.sampled_from(["", "\n"])
)
@example(rows=[("a", '"\r,')], end="")  # a quotation that never ends, at the end of the file
def test_every_line_is_a_row_a_refusal_or_blank(
    rows: list[tuple[str, str]], end: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("files") / "f.csv"
    body = "\n".join(",".join(row) for row in rows)
    path.write_text(f"one,two\nx,y\n{body}" + end, newline="")
    quick = _lines(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("customers.importing.records._at_once", lambda *args: None)
        careful = _lines(path)
    assert quick == careful
    numbers = [row[0] for row in (*careful[0], *careful[1])]
    assert len(numbers) == len(set(numbers))


def test_a_quotation_mark_that_is_never_closed_costs_one_line(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text('a,b\n1,x\n2,"never closed\n' + "".join(f"{n},y\n" for n in range(3, 30_000)))
    rows, refused = _lines(path)
    assert len(rows) == 29_998
    assert [entry[:2] for entry in refused] == [(3, "text_too_long")]


def test_a_line_without_end_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    with path.open("w") as file:
        file.write("a,b\n1,x\n")
        for _ in range(30):
            file.write("z" * 1_000_000)
        file.write("\n3,y\n")
    rows, refused = _lines(path)
    assert [row[0] for row in rows] == [2, 4]
    (number, reason, raw) = refused[0]
    assert (number, reason, len(str(raw))) == (3, "text_too_long", 2000)


def test_a_file_of_one_endless_line_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("a,b," * 2_000_000)
    with pytest.raises(SourceError, match="not a table"):
        detect(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_ends_of_lines_and_encodings_make_no_difference(
    end: str, encoding: str, tmp_path: Path, now: datetime
) -> None:
    path = tmp_path / "shop.csv"
    text = f"{HEADER}\n{GOOD.replace('Green tea', 'Grüner Tee')}\n{GOOD}\n".replace("\n", end)
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_bytes((mark + text).encode(encoding))
    found = translate(path, now=now)
    assert found.refused.num_rows == 0
    assert found.tables["order_lines"]["file_line"].to_pylist() == [2, 3]


def test_an_encoding_of_the_east_is_found_by_statistics(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    names = [
        "Пётр",
        "Ильич",
        "Чайковский,",
        "Анна",
        "Каренина",
        "и",
        "её",
        "семья",
        "живут",
        "в",
        "Москве",
        "у",
        "реки",
    ]
    path.write_bytes("\n".join(["имя;город", *(f"{n};Москва" for n in names * 5)]).encode("cp866"))
    assert detect(path).encoding not in {"utf-8-sig", "utf-8"}
    assert detect(path, settings={"encoding": "cp866"}).columns == ("имя", "город")


def test_line_numbers_are_the_file_s_own(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text('a,b\n\n1,"x\ny"\n,\n2,z\n')
    assert _lines(path)[0] == [(3, "1", "x\ny"), (6, "2", "z")]


def test_memory_stays_bounded_while_a_file_grows(tmp_path: Path) -> None:
    """A process of its own reads a file with something odd in every block; its peak is the kernel's word."""
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.write(HEADER.encode() + b"\n")
        for number in range(400):
            good = b"".join(
                f"{number}-{n},7,tea,Green tea,2,2026-01-05 10:00,9.90,ada{n}@example.com\n".encode()
                for n in range(1000)
            )
            file.write(good + NASTY[10][1] + b"\n")
    code = (
        "import re, sys, duckdb; from pathlib import Path\n"
        "from customers.importing import reading; from customers.importing.dialect import detect\n"
        "path = Path(sys.argv[1])\n"
        "db = duckdb.connect(sys.argv[2], config={'memory_limit': '100MB', 'threads': 2})\n"
        "db.execute('SET enable_progress_bar = false')\n"
        "print(reading.read(db, path, detect(path), told=lambda done, total: None))\n"
        # not getrusage: its peak has the size of the process that forked this one
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+) kB', status)[1]) // 1024)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{code}", str(path), str(tmp_path / "d")],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines, peak = map(int, told.stdout.split())
    assert lines == 400_400
    assert peak < 400, "MB, of which Django and the libraries are more than a third"
