"""The folders of the mirror, without a database: what counts as a generation, and what is removed."""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from pathlib import Path

import pytest

from segmentation import mirror
from segmentation.mirror import generations
from segmentation.ml.features import SHOP_TABLES


EVERY_TABLE = (*mirror.TABLES, *SHOP_TABLES)


def publish(*names: str) -> int:
    """Put files of these tables in place, as a refresh does; returns their number."""
    number = generations.next_number()
    generations.publish_tables({name: file(name) for name in names}, number=number)
    return number


def change(*names: str) -> int:
    with generations.exclusive("flip"):
        number = generations.next_number()
        generations.publish_changes({name: file(name) for name in names}, number=number)
    return number


def file(name: str) -> Path:
    generations.folder().mkdir(parents=True, exist_ok=True)
    path = generations.folder() / f"{name}.unfinished"
    path.write_text(name)
    return path


def taken() -> Path:
    """The folder that a reader gets, let go at once."""
    found = generations.take_newest()
    assert found is not None
    generation, lock = found
    lock.close()
    return generation.path


def names(home: Path) -> set[str]:
    return {path.name for path in (home / "mirror").iterdir() if path.is_dir()}


def old_layout(home: Path, name: str) -> Path:
    """A generation of before there were changes: files and readers, no manifest."""
    path = home / "mirror" / name
    path.mkdir(parents=True)
    for inside in ("orders.parquet", "readers"):
        (path / inside).touch()
    return path


def test_folders_of_the_old_layout_count_for_nothing_and_go(home: Path) -> None:
    old_layout(home, f"{time.time_ns() - 1:020d}")
    assert generations.newest() is None
    assert generations.take_newest() is None
    assert not mirror.exists()
    publish(*EVERY_TABLE)
    assert names(home) == {taken().name}


def test_folder_of_the_old_layout_stays_while_it_is_read(home: Path) -> None:
    old = old_layout(home, "00000000000000000007")
    with (old / "readers").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        publish(*EVERY_TABLE)
        assert names(home) == {old.name, taken().name}
    publish("orders")
    assert names(home) == {taken().name}


def test_manifest_that_says_nothing_is_told_and_not_tried_for_ever() -> None:
    publish(*EVERY_TABLE)
    (taken() / "manifest.json").write_text("{")
    with pytest.raises(json.JSONDecodeError):
        generations.newest()
    with pytest.raises(json.JSONDecodeError):
        generations.take_newest()


def test_half_removed_generations_go_with_the_next_one(home: Path) -> None:
    publish(*EVERY_TABLE)
    half = home / "mirror" / "00000000000000000007"
    shutil.copytree(taken(), half)
    (half / "readers").unlink()
    gone = home / "mirror" / "gone-00000000000000000008"
    gone.mkdir()
    (gone / "orders.parquet").write_text("of somebody erased")
    publish("orders")
    assert names(home) == {taken().name}


def test_kill_while_removing_leaves_nothing_that_looks_whole(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(*EVERY_TABLE)
    first = taken()
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", killed_at(f"gone-{first.name}"))
        with pytest.raises(KeyboardInterrupt):
            publish("orders")
    second = taken()
    assert second != first
    assert names(home) == {second.name, f"gone-{first.name}"}
    publish("orders")
    assert names(home) == {taken().name}


def killed_at(name: str) -> object:
    remove = shutil.rmtree

    def rmtree(path: Path, *, ignore_errors: bool = False) -> None:
        if path.name == name:
            raise KeyboardInterrupt
        remove(path, ignore_errors=ignore_errors)

    return rmtree


def test_clock_that_steps_back_keeps_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = publish(*EVERY_TABLE)
    first = taken()
    monkeypatch.setattr("time.time_ns", lambda: 1_000)
    later = change("orders", generations.TOUCHED)
    generation = generations.newest()
    assert generation is not None
    assert generation.path > first
    assert generation.newer("orders") == (later,)
    assert later > whole
    # a table that began to be read before a change, and is put in place after it
    number = generations.next_number()
    between = change("orders", generations.TOUCHED)
    generations.publish_tables({"orders": file("orders")}, number=number)
    generation = generations.newest()
    assert generation is not None
    assert generation.newer("orders") == (between,)
    again = publish("orders")
    generation = generations.newest()
    assert generation is not None
    assert generation.bases["orders"] == again > between
    assert generation.newer("orders") == ()


def test_table_that_a_newer_version_added_makes_the_mirror_read_anew() -> None:
    publish(*EVERY_TABLE, "features")
    assert mirror.exists()
    manifest = taken() / "manifest.json"
    written = json.loads(manifest.read_text())
    del written["bases"]["consents"]
    manifest.write_text(json.dumps(written))
    assert not mirror.exists()
    assert generations.newest() is None
    assert generations.take_newest() is None
    publish("consents")  # what is there is taken over
    assert mirror.exists()
