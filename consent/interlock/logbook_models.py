"""What the database knows of the logbook that is kept outside it."""

from __future__ import annotations

from django.db import models


class LogbookMark(models.Model):
    """
    A transaction that the logbook tells of has committed; see logbook.py.

    A database that lacks a mark whose commit the logbook has noted is older than the logbook.
    """

    token = models.CharField(max_length=24, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.token
