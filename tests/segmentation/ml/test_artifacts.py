"""Stored models: whole, checked, and never anything that runs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segmentation.ml import artifacts
from segmentation.ml.artifacts import ArtifactError, Provenance, load, save


PROVENANCE = Provenance(
    task="purchase_30d",
    estimator="propensity",
    features=("orders", "recency_days"),
    data_from=1_600_000_000,
    data_until=1_700_000_000,
    rows=1_234,
    seed=42,
    details={"auc": 0.75},
)
FILES = artifacts.to_files(
    documents={"model": {"level": 0.3}},
    texts={"trees": "tree\nversion=v4\n"},
    arrays={"weights": np.arange(6.0).reshape(2, 3)},
)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return save(tmp_path / "models" / "7", files=FILES, provenance=PROVENANCE)


def test_load_gives_back_what_was_saved(stored: Path) -> None:
    loaded = load(stored, task="purchase_30d", features=["orders", "recency_days"])
    assert loaded.provenance == PROVENANCE
    assert loaded.files == FILES
    assert set(loaded.libraries) >= {"lightgbm", "numpy", "scikit-learn"}
    assert artifacts.read_document(loaded.files, "model") == {"level": 0.3}
    assert artifacts.read_text(loaded.files, "trees") == "tree\nversion=v4\n"
    assert artifacts.read_array(loaded.files, "weights").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_same_model_is_stored_as_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        save(tmp_path / name, files=FILES, provenance=PROVENANCE) for name in ("a", "b")
    )
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }


def test_save_leaves_one_folder_and_nothing_unfinished(stored: Path) -> None:
    assert [path.name for path in stored.parent.iterdir()] == ["7"]


@pytest.mark.parametrize("details", [{"auc": float("nan")}, {"model": object()}])
def test_failed_save_leaves_nothing(tmp_path: Path, details: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError), match="JSON"):
        save(tmp_path / "8", files=FILES, provenance=replace(PROVENANCE, details=details))
    assert list(tmp_path.iterdir()) == []


def test_stored_model_is_never_overwritten(stored: Path) -> None:
    with pytest.raises(ArtifactError, match="exists; store a new model under a new name"):
        save(stored, files=FILES, provenance=PROVENANCE)


@pytest.mark.parametrize("name", ["model.pkl", "../model.json", "manifest.json", "a/b.txt", "x"])
def test_unfit_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match=r"use \.json, \.txt or \.npy"):
        save(tmp_path / "9", files={name: b""}, provenance=PROVENANCE)


def test_array_of_objects_is_refused() -> None:
    with pytest.raises(ValueError, match="pickle"):
        artifacts.to_files(arrays={"weights": np.array([{}, {}])})


def test_missing_model_says_to_train_one(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="train one"):
        load(tmp_path / "none")


@pytest.mark.parametrize("name", sorted(FILES))
def test_altered_or_missing_file_is_refused(stored: Path, name: str) -> None:
    path = stored / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArtifactError, match=f"{name} was altered"):
        load(stored)
    path.unlink()
    with pytest.raises(ArtifactError, match=f"{name} is missing"):
        load(stored)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "not of format 1"),
        ('{"format": 2}', "not of format 1"),
        ('{"format": 1}', "incomplete"),
    ],
)
def test_bad_manifest_is_refused(stored: Path, text: str, words: str) -> None:
    (stored / artifacts.MANIFEST).write_text(text)
    with pytest.raises(ArtifactError, match=words):
        load(stored)


def test_manifest_whose_features_were_edited_is_refused(stored: Path) -> None:
    path = stored / artifacts.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["provenance"]["features"].reverse()
    path.write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="contradicts itself"):
        load(stored)


def test_manifest_cannot_point_outside_the_folder(stored: Path) -> None:
    (stored.parent / "secret.txt").write_text("secret")
    path = stored / artifacts.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"] = {"../secret.txt": "0" * 64}
    path.write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="missing"):
        load(stored)


def test_model_for_another_task_or_other_features_is_refused(stored: Path) -> None:
    with pytest.raises(ArtifactError, match="a model for 'purchase_30d', not 'churn_90d'"):
        load(stored, task="churn_90d")
    with pytest.raises(ArtifactError, match="other features"):
        load(stored, features=["recency_days", "orders"])


def test_asking_for_a_file_that_is_not_there_is_an_artifact_error() -> None:
    with pytest.raises(ArtifactError, match=r"has no bias\.npy"):
        artifacts.read_array(FILES, "bias")
    with pytest.raises(ArtifactError, match="not a JSON object"):
        artifacts.read_document({"model.json": b"[]"}, "model")
