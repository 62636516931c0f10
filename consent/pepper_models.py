"""Which keys the hashes of addresses were made with; see peppers.py."""

from __future__ import annotations

from django.db import models


class Pepper(models.Model):
    """A key that hashes of this database were made with, by its fingerprint: the key is not here."""

    fingerprint = models.CharField(max_length=16, unique=True)
    first_used_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.fingerprint


class AddressKey(models.Model):
    """The hash that a living address has under a key that is no longer used."""

    address_hmac = models.CharField(max_length=64)
    former_hmac = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["address_hmac", "former_hmac"], name="address_key")
        ]
        indexes = [models.Index(fields=["former_hmac"], name="address_key_former")]

    def __str__(self) -> str:
        return f"{self.former_hmac[:8]} is {self.address_hmac[:8]} now"
