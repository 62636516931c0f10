"""Stable hashes for random assignment, keyed hashes for addresses and links."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

import numpy as np
import numpy.typing as npt


def unit_interval(
    *, salt: str, purpose: str, keys: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """
    Map each key to a number in [0, 1) that depends only on (salt, purpose, key).

    Used for random assignment: the same customer gets the same number however often it is asked,
    and numbers for two purposes or two salts are independent. The mixer is SplitMix64's finaliser
    (Steele, Lea, Flood 2014) over the key, seeded from SHA-256 of the salt and the purpose.

    keys: shape (n,), int64. Returns shape (n,), float64.
    """
    seed, stream = map(np.uint64, seeds(salt=salt, purpose=purpose))
    with np.errstate(over="ignore"):
        z = keys.astype(np.uint64) * stream + seed
        for _ in range(2):
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def seeds(*, salt: str, purpose: str) -> tuple[int, int]:
    """The 64-bit addend and (odd) factor by which `unit_interval` tells salts and purposes apart."""
    digest = hashlib.sha256(f"{salt}\x1f{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big") | 1


def normalise_address(address: str) -> str:
    """The spelling under which an e-mail address is suppressed: NFC, trimmed, IDNA domain, casefolded."""
    text = unicodedata.normalize("NFC", address).strip().strip("<>")
    local, _, domain = text.rpartition("@")
    try:
        domain = domain.rstrip(".").encode("idna").decode()
    except UnicodeError:
        domain = domain.rstrip(".")
    return f"{local.casefold()}@{domain.casefold()}"


def address_hmac(address: str, *, pepper: bytes) -> str:
    """A keyed hash that can recognise an address again and cannot be enumerated without the pepper."""
    return hmac.new(pepper, normalise_address(address).encode(), hashlib.sha256).hexdigest()


def derive_key(secret: bytes, *, purpose: str) -> bytes:
    """One key per purpose from one secret (HKDF-Expand of RFC 5869 with a single block)."""
    return hmac.new(secret, f"coterie/{purpose}\x01".encode(), hashlib.sha256).digest()
