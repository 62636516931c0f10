"""Counter-based randomness: every draw is a function of (seed, stream, index), never of what ran before."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Stream(IntEnum):
    """One member per question that is decided by chance."""

    POPULATION = 1
    CATALOGUE = 2
    NAMES = 3
    ORDERS = 4
    BASKETS = 5
    VISITS = 6
    MAILS = 7
    AFTERMATH = 8
    LATENT = 9


def generator(*key: int) -> np.random.Generator:
    """The generator of one key, e.g. (seed, stream, day): the same key, the same numbers."""
    return np.random.default_rng([int(part) for part in key])


def uniforms_of_ids(ids: pa.Array, *, seed: int, stream: int) -> Floats:
    """A uniform in (0, 1) per text id, independent of which other ids are there and in what order.

    FNV-1a over the characters, finished with splitmix64 (Steele, Lea, Flood 2014).
    """
    words = np.asarray(ids.to_pylist(), dtype=np.str_)
    width = max(words.dtype.itemsize // 4, 1)
    characters = words.view(np.uint32).reshape(len(words), width).astype(np.uint64)
    with np.errstate(over="ignore"):
        state = np.full(len(words), 0xCBF29CE484222325, np.uint64)
        for column in characters.T:  # a short id ends in zeros, which must not change the hash
            state = np.where(column == 0, state, (state ^ column) * np.uint64(0x100000001B3))
        state += np.uint64(0x9E3779B97F4A7C15) * np.uint64(1 + seed * 1009 + stream)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return ((state >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
