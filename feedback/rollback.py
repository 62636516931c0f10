"""Put an earlier model version back into service: by somebody, with a reason, at once."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from feedback.models import RetrainingDecision
from segmentation import predictors, queries, sensitive, versions
from segmentation.enums import ModelStatus
from segmentation.ml.artifacts import ArtifactError
from segmentation.models import ModelVersion


class RollbackError(ValueError):
    """A version cannot be put back; the message says why and what to do."""


def roll_back(
    version: ModelVersion, *, reason: str, by: AbstractBaseUser, now: datetime
) -> RetrainingDecision:
    """
    Let `version`, which served before, serve again; record who did it and why.

    Its own last scores are shown at once where they are still kept, and the next refresh, seconds later, computes
    them anew. Raises RollbackError.
    """
    if not reason.strip():
        raise RollbackError("Say why: the record of decisions needs a reason.")
    try:
        predictors.check(version)
    except ArtifactError as error:
        raise RollbackError(f"{version} cannot be read: {error}") from error
    if declared := set(versions.stored_features(version)) & set(sensitive.forbidden_features()):
        names = ", ".join(sorted(declared))
        raise RollbackError(f"{version} has learned from what is now declared sensitive: {names}.")
    with transaction.atomic():
        # of two who press at the same time, the second finds that it serves already
        locked = ModelVersion.objects.select_for_update().get(pk=version.pk)
        if not locked.artefact:
            raise RollbackError(f"{version} cannot be read: its files were deleted just now.")
        if locked.status != ModelStatus.RETIRED:
            raise RollbackError(f"{version} is not a version that served before and was replaced.")
        previous = queries.champion(version.task)
        who = by.get_username()
        words = f"Put back by {who}: {reason.strip()}"
        versions.promote(locked, reason=words, now=now)
        versions.show_scores_of(locked)
        return RetrainingDecision.objects.create(
            task=version.task,
            decided_at=now,
            trigger=f"Put back by {who}",
            champion=previous,
            challenger=locked,
            promoted=True,
            reason=words,
            decided_by_id=by.pk,
        )
