"""Models on disk: JSON, LightGBM text and plain arrays in a folder with a manifest; never pickle.

Any model can be stored that turns itself into named files and back (`Storable`):

    {"model.json": b"...", "trees.txt": b"...", "weights.npy": b"..."}

`to_files(documents=..., texts=..., arrays=...)` builds that mapping from plain values, and
`read_document`, `read_text`, `read_array` take it apart. The manifest is the last thing written before the
folder gets its name in one rename, so a folder with a name is whole; it is never written again.
"""

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray


FORMAT = 1
MANIFEST = "manifest.json"
_SUFFIXES = {".json", ".txt", ".npy"}
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "lightgbm", "duckdb", "pyarrow")


class ArtifactError(Exception):
    """The folder is not a model that can be used; the message says what to do. Trying again does not help."""


class Storable(Protocol):
    """A model that can be written down and read again."""

    def to_files(self) -> dict[str, bytes]: ...

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self: ...


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a model comes from. Times are epoch seconds; the data window is half-open.

    features: the names in the order the model takes them. details: plain JSON, e.g. a report.
    """

    task: str
    estimator: str
    features: tuple[str, ...]
    data_from: int
    data_until: int
    rows: int
    seed: int
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What `load` found: the provenance, the library versions of that day, and the checked files."""

    provenance: Provenance
    libraries: Mapping[str, str]
    files: Mapping[str, bytes]


def to_files(
    *,
    documents: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> dict[str, bytes]:
    """Turn plain JSON values, texts and arrays, each by a name without suffix, into named files."""
    files = {
        f"{name}.json": json.dumps(value, allow_nan=False, sort_keys=True).encode()
        for name, value in (documents or {}).items()
    }
    files |= {f"{name}.txt": text.encode() for name, text in (texts or {}).items()}
    for name, array in (arrays or {}).items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        files[f"{name}.npy"] = buffer.getvalue()
    return files


def read_document(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    document = json.loads(_file(files, f"{name}.json"))
    if not isinstance(document, dict):
        raise ArtifactError(f"{name}.json is not a JSON object; train the model again")
    return document


def read_text(files: Mapping[str, bytes], name: str) -> str:
    return _file(files, f"{name}.txt").decode()


def read_array(files: Mapping[str, bytes], name: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(io.BytesIO(_file(files, f"{name}.npy")), allow_pickle=False)
    return array


def libraries() -> dict[str, str]:
    """The versions of the libraries that models are made with."""
    return {name: version(name) for name in _LIBRARIES}


def feature_schema(names: Sequence[str]) -> str:
    """A fingerprint of the feature names in their order: a model fits a table only if these agree."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def save(directory: Path, *, files: Mapping[str, bytes], provenance: Provenance) -> Path:
    """Write `files` and their manifest as the new folder `directory`, whole or not at all.

    Raises ArtifactError when the folder exists (a stored model never changes) or a name is not a plain
    .json, .txt or .npy file name.
    """
    if directory.exists():
        raise ArtifactError(f"{directory} exists; store a new model under a new name")
    for name in files:
        if name == MANIFEST or Path(name).name != name or Path(name).suffix not in _SUFFIXES:
            raise ArtifactError(f"{name!r} cannot be a file of a model; use .json, .txt or .npy")
    manifest = {
        "format": FORMAT,
        "provenance": asdict(provenance),
        "feature_schema": feature_schema(provenance.features),
        "libraries": libraries(),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    directory.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for name, content in files.items():
            _write(unfinished / name, content)
        text = json.dumps(manifest, allow_nan=False, indent=1, sort_keys=True)
        _write(unfinished / MANIFEST, text.encode())
        unfinished.chmod(0o755)
        unfinished.rename(directory)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return directory


def load(
    directory: Path, *, task: str | None = None, features: Sequence[str] | None = None
) -> Loaded:
    """Read a model back and check every byte of it; nothing in it is ever executed.

    Raises ArtifactError when something is missing, altered, of another format, for another `task`, or
    learned from other `features` than those given.
    """
    manifest = _manifest(directory)
    try:
        stated = manifest["provenance"]
        provenance = Provenance(**{**stated, "features": tuple(stated["features"])})
        sums, made_with = dict(manifest["files"]), dict(manifest["libraries"])
        schema = manifest["feature_schema"]
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{directory / MANIFEST} is incomplete; train again") from error
    if schema != feature_schema(provenance.features):
        raise ArtifactError(f"{directory / MANIFEST} contradicts itself on features; train again")
    if task is not None and provenance.task != task:
        raise ArtifactError(f"{directory} holds a model for {provenance.task!r}, not {task!r}")
    if features is not None and schema != feature_schema(features):
        raise ArtifactError(f"{directory} was learned from other features; train it again")
    files = {}
    for name, expected in sums.items():
        path = directory / Path(name).name
        if not path.is_file():
            raise ArtifactError(f"{path} is missing; restore it from a backup or train again")
        files[name] = path.read_bytes()
        if hashlib.sha256(files[name]).hexdigest() != expected:
            raise ArtifactError(f"{path} was altered; restore it from a backup or train again")
    return Loaded(provenance=provenance, libraries=made_with, files=files)


def _manifest(directory: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((directory / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise ArtifactError(f"no model in {directory}; train one") from error
    except ValueError as error:
        raise ArtifactError(f"{directory / MANIFEST} is not JSON; train again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ArtifactError(f"{directory} is not of format {FORMAT}; train again with this version")
    return manifest


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise ArtifactError(f"the model has no {name}; it is for another estimator, or train again")
    return files[name]


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
