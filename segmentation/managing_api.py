"""Segments made and managed over REST; reading them is in `api`."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from customers.api.visible import one
from customers.queries import known_until
from gateway.errors import Refused, invalid
from gateway.fields import Text
from gateway.models import ApiKey
from gateway.schema import operation
from gateway.views import Endpoint, answer
from segmentation import api, managing, previewing, rule_segments
from segmentation.enums import SegmentKind
from segmentation.models import Segment
from segmentation.rules import Problem, Rule, RuleError, parse
from segmentation.segment_pages.draft import LONGEST_DESCRIPTION
from segmentation.words import words_of


class RuleField(serializers.JSONField):
    """A rule as an object; what is wrong inside is told by `_rule`, with the place in the tree."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("invalid")
        return data


RULE_HELP = "See Rules of segments in the reference."
NAME = rule_segments.LONGEST_NAME


def _description() -> Text:
    return Text(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True)


class RuleInSerializer(serializers.Serializer[Any]):
    rule = RuleField(help_text=RULE_HELP)


class SegmentInSerializer(RuleInSerializer):
    name = Text(max_length=NAME, help_text="Not yet taken by another segment.")
    description = _description()


class SegmentPatchSerializer(serializers.Serializer[Any]):
    """Only what is sent changes. A rule only for segments that have one."""

    name = Text(max_length=NAME, required=False)
    description = _description()
    rule = RuleField(required=False, help_text=RULE_HELP)


class CopySerializer(serializers.Serializer[Any]):
    name = Text(
        max_length=NAME, required=False, help_text="Left out: the old one, with a number behind it."
    )


class NothingSerializer(serializers.Serializer[Any]):
    """An empty object."""


class ExcludedSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(source="code")
    meaning = serializers.CharField(source="label")
    customers = serializers.IntegerField(source="count")


class PreviewSerializer(serializers.Serializer[Any]):
    """`matching` is `reachable` and all of `excluded`; everybody is `matching`, `not_matching`, `not_profiled`."""

    words = serializers.CharField(help_text="The rule as a sentence.")
    everyone = serializers.IntegerField()
    matching = serializers.IntegerField()
    not_matching = serializers.IntegerField()
    not_profiled = serializers.IntegerField(help_text="Did not agree to being profiled.")
    reachable = serializers.IntegerField(help_text="May be mailed.")
    excluded = ExcludedSerializer(many=True)
    read_at = serializers.DateTimeField(allow_null=True, help_text="As of when data was read.")


RULE = {"all": [{"field": "orders", "is": "at_least", "value": 2}]}
SEGMENT_IN = {"name": "Two orders", "description": "Came back.", "rule": RULE}
MADE = {**api.SEGMENT, "name": "Two orders", "kind": "RULE", "description": "Came back."}
PREVIEW = {
    "words": "Customers who ordered at least 2 times.", "everyone": 5000, "matching": 1200,
    "not_matching": 3650, "not_profiled": 150, "reachable": 900, "read_at": "2026-06-01T03:00:00Z",
    "excluded": [{"reason": "NO_CONSENT", "meaning": "No consent", "customers": 300}],
}  # fmt: skip


class ManagedSegmentEndpoint(api.SegmentEndpoint):
    @operation(
        "create_segment", "Make a segment of a rule", scope="segments:write", tag="Segments",
        says="Its members are computed in the background, within seconds as a rule; until then "
        "`refreshed_at` is null.",
        takes=SegmentInSerializer, gives=api.SegmentSerializer, statuses=(201,), sent=SEGMENT_IN,
        given={**MADE, "size": 0, "refreshed_at": None},
    )  # fmt: skip
    def made(self, request: Request) -> Response:
        _of_whole_shop(self.key)
        said = self.said(SegmentInSerializer)
        made = _saved(None, said, rule=_rule(said["rule"], segment_id=None))
        return _shown(made, status=201)

    @operation(
        "update_segment", "Rename a segment, or change its rule", scope="segments:write",
        tag="Segments", says="A changed rule is a new version; members follow in the background.",
        takes=SegmentPatchSerializer, gives=api.SegmentSerializer,
        sent={"name": "At least two orders"}, given={**MADE, "name": "At least two orders"},
        errors=(404,),
    )  # fmt: skip
    def changed(self, request: Request, number: int) -> Response:
        _of_whole_shop(self.key)
        segment = one(Segment.objects.all(), number)
        said: dict[str, Any] = {"name": segment.name, "description": segment.description}
        said |= self.said(SegmentPatchSerializer, partial=True)
        if "rule" not in said:
            return _shown(_done(managing.rename, segment, **said))
        if segment.kind != SegmentKind.RULE or segment.archived_at:
            raise invalid("rule", "no_rule", "This segment has no rule that could be changed now.")
        return _shown(_saved(segment, said, rule=_rule(said["rule"], segment_id=segment.pk)))

    @operation(
        "copy_segment", "Copy a segment", scope="segments:write", tag="Segments",
        says="With its rule, or with the members of a fixed list.",
        takes=CopySerializer, gives=api.SegmentSerializer, statuses=(201,),
        sent={"name": "Two orders, for tests"}, given={**MADE, "name": "Two orders, for tests"},
        errors=(404,),
    )  # fmt: skip
    def copied(self, request: Request, number: int) -> Response:
        _of_whole_shop(self.key)
        segment, said = one(Segment.objects.all(), number), self.said(CopySerializer)
        name = said.get("name", "")
        made = _done(managing.copy, segment, user_id=None, now=clock.now(), name=name)
        return _shown(made, status=201)

    @operation(
        "archive_segment", "Archive a segment", scope="segments:write", tag="Segments",
        says="Nobody is in it from then on; its history stays. Refused with 422 while a campaign that is "
        "not over or the rule of another segment uses it.",
        takes=NothingSerializer, gives=api.SegmentSerializer, sent={}, given={**MADE, "size": 0},
        errors=(404,),
    )  # fmt: skip
    def archived(self, request: Request, number: int) -> Response:
        return self._managed(managing.archive, number)

    @operation(
        "restore_segment", "Bring a segment back from the archive", scope="segments:write",
        tag="Segments", takes=NothingSerializer, gives=api.SegmentSerializer, sent={}, given=MADE,
        errors=(404,),
    )  # fmt: skip
    def restored(self, request: Request, number: int) -> Response:
        return self._managed(managing.restore, number)

    @operation(
        "delete_segment", "Delete a segment for good", scope="segments:write", tag="Segments",
        says="Refused as archiving is. What was, who was in it when, is kept under a name that says so.",
        takes=NothingSerializer, gives=api.SegmentSerializer, sent={},
        given={**MADE, "name": "Two orders (deleted 1 Jun 2026)", "description": "", "size": 0},
        errors=(404,),
    )  # fmt: skip
    def deleted(self, request: Request, number: int) -> Response:
        return self._managed(managing.delete, number)

    def _managed(self, act: Any, number: int) -> Response:
        _of_whole_shop(self.key)
        self.said(NothingSerializer)
        return _shown(_done(act, one(Segment.objects.all(), number), now=clock.now()))


class PreviewEndpoint(Endpoint):
    @operation(
        "preview_segment", "Count whom a rule would select", scope="segments:write", tag="Segments",
        says="Nothing is saved.",
        takes=RuleInSerializer, gives=PreviewSerializer, sent={"rule": RULE}, given=PREVIEW,
    )  # fmt: skip
    def counted(self, request: Request) -> Response:
        _of_whole_shop(self.key)
        rule = _rule(self.said(RuleInSerializer)["rule"], segment_id=None)
        profiling = rule_segments.needs_profiling(rule)
        try:
            found = previewing.preview(rule, now=known_until(now=clock.now()), profiling=profiling)
        except previewing.NoAnswerError as error:
            raise Refused(503, "no_answer_now", str(error), retry_after=60) from error
        return answer(PreviewSerializer, {**vars(found), "words": words_of(rule)})


# ------------------------------------------------------------------ what they share
def _of_whole_shop(key: ApiKey) -> None:
    """Raises Refused (403) for a key that is restricted to sources."""
    if key.is_restricted:
        raise Refused(
            403, "restricted_key",
            "Segments are made of the whole shop, and this key is restricted to sources.",
        )  # fmt: skip


def _rule(definition: dict[str, Any], *, segment_id: int | None) -> Rule:
    """The checked rule. Raises Refused (422) with every problem and its place."""
    try:
        rule = parse(definition)
        problems = rule_segments.problems_of(rule, segment_id=segment_id)
    except RuleError as error:
        problems = error.problems
    if problems:
        raise Refused(
            422, "invalid", "Correct the fields named in `errors` and send it again.",
            errors=[_told(one) for one in problems],
        )  # fmt: skip
    return rule


def _told(problem: Problem) -> dict[str, str]:
    place = f"rule.{problem.path}" if problem.path else "rule"
    return {"field": place, "code": "bad_rule", "message": problem.message}


def _saved(segment: Segment | None, said: dict[str, Any], *, rule: Rule) -> Segment:
    return _done(
        rule_segments.save, None, segment=segment, name=said["name"],
        description=said.get("description", ""), rule=rule, words=words_of(rule), user_id=None,
        now=clock.now(),
    )  # fmt: skip


def _done(act: Any, subject: Segment | None, **more: Any) -> Segment:
    """What `act` makes of `subject`. Raises Refused (422) with why not."""
    try:
        with transaction.atomic():
            done: Segment = act(*([subject] if subject else []), **more)
            return done
    except IntegrityError as error:
        raise invalid("name", "taken", "Another segment has this name. Choose another.") from error
    except managing.StandsInTheWayError as error:
        raise Refused(422, "in_use", str(error)) from error


def _shown(segment: Segment, *, status: int = 200) -> Response:
    row = Segment.everything.annotate(seen_size=F("size")).get(pk=segment.pk)
    return answer(api.SegmentSerializer, row, status=status)


_OF_ONE = "segments/<int:number>"
urlpatterns = [
    path("segments", ManagedSegmentEndpoint.as_view({"get": "listed", "post": "made"})),
    path("segments/preview", PreviewEndpoint.as_view({"post": "counted"})),
    path(_OF_ONE, ManagedSegmentEndpoint.as_view({"get": "shown", "patch": "changed"})),
    path(f"{_OF_ONE}/members", ManagedSegmentEndpoint.as_view({"get": "members"})),
    path(f"{_OF_ONE}/copy", ManagedSegmentEndpoint.as_view({"post": "copied"})),
    path(f"{_OF_ONE}/archive", ManagedSegmentEndpoint.as_view({"post": "archived"})),
    path(f"{_OF_ONE}/restore", ManagedSegmentEndpoint.as_view({"post": "restored"})),
    path(f"{_OF_ONE}/delete", ManagedSegmentEndpoint.as_view({"post": "deleted"})),
]
