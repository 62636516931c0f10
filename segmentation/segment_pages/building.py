"""
The rule builder: every button is a submit button of one form, and htmx only saves the page from blinking.

`do` says which: `save`; `live` and `people` for the panel; `why:<customer>`; `redraw`; or a change of the tree
(see builder.rows.change).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from core import clock
from customers.screens import page, staff_page
from segmentation import previewing, rule_segments, usage
from segmentation.builder import inputs, rows, suggestions
from segmentation.builder.starts import STARTS
from segmentation.enums import SegmentKind
from segmentation.models import Segment
from segmentation.rules import RuleError
from segmentation.segment_pages import draft as drafts
from segmentation.segment_pages import live
from segmentation.segment_pages.draft import Draft
from segmentation.words import words_of


_LIVE: dict[str, Callable[..., dict[str, Any]]] = {"live": live.counted, "people": live.whole}
# what may stand in the address of a page may be read by others: the tree travels in the form only


@staff_page("segmentation.view_segment", "segmentation.add_segment")
def new(request: HttpRequest) -> HttpResponse:
    """A new segment; `?from=` starts with a ready-made rule, `?copy=` with that of another segment."""
    if request.method == "POST":
        return _do(request, drafts.posted(request, None))
    return _whole_page(request, _start(request))


def _start(request: HttpRequest) -> Draft:
    wanted, copied = request.GET.get("from", ""), request.GET.get("copy", "")
    try:
        if ready := STARTS.get(wanted):
            return drafts.of_definition(
                name=ready.name, description=ready.description, definition=ready.definition
            )
        if copied.isdecimal() and len(copied) < 19:
            known = Segment.objects.filter(pk=int(copied), kind=SegmentKind.RULE).first()
            if known is not None:
                return drafts.of_definition(
                    name=known.name, description=known.description, definition=known.definition
                )
    except RuleError as error:
        messages.error(request, f"This rule cannot be read any more: {error}")
    return drafts.empty()


@staff_page("segmentation.view_segment", "segmentation.change_segment")
def edit(request: HttpRequest, segment_id: int) -> HttpResponse:
    segment = get_object_or_404(Segment, pk=segment_id)
    if segment.kind != SegmentKind.RULE:
        messages.warning(request, "This segment has no rule that could be changed.")
        return redirect("admin:segment_page", segment.pk)
    if request.method == "POST":
        return _do(request, drafts.posted(request, segment))
    try:
        return _whole_page(request, drafts.of_segment(segment))
    except RuleError as error:
        messages.error(request, f"This rule cannot be read any more: {error}")
        return redirect("admin:segment_page", segment.pk)


def _do(request: HttpRequest, draft: Draft) -> HttpResponse:
    act = request.POST.get("do", "save")
    in_place = request.headers.get("HX-Request") == "true"
    if act == "save":
        return _save(request, draft)
    if act in _LIVE or act.startswith("why:"):
        draft.check()
        draft.shows_problems = not in_place and not draft.is_untouched
        if not in_place:
            return _whole_page(request, draft, asked=act)
        context = live.why(request, draft, act) if ":" in act else _LIVE[act](request, draft)
        template = "segment_why" if ":" in act else f"segment_{act}"
        return page(request, f"pages/{template}.html", title="", draft=draft, **context)
    draft.focus = rows.change(draft.tree, act)
    if in_place:
        answer = page(request, "pages/segment_tree.html", title="", **_tree(draft))
        answer["HX-Trigger-After-Settle"] = "tree-changed"
        return answer
    return _whole_page(request, draft)


def _save(request: HttpRequest, draft: Draft) -> HttpResponse:
    draft.check()
    draft.check_name()
    draft.shows_problems = True
    if draft.rule is None or draft.name_problem:
        return _whole_page(request, draft, status=422)
    try:
        segment = rule_segments.save(
            segment=draft.segment, name=draft.name, description=draft.description, rule=draft.rule,
            words=words_of(draft.rule), user_id=request.user.pk, now=clock.now(),
        )  # fmt: skip
    except IntegrityError:  # a second click
        draft.check_name()
        return _whole_page(request, draft, status=422)
    messages.success(
        request, "Saved. Its members are computed in the background, within seconds as a rule."
    )
    answer: HttpResponseRedirect = redirect("admin:segment_page", segment.pk)
    return answer


def _tree(draft: Draft) -> dict[str, Any]:
    tree = draft.drawn()
    return {
        "tree": tree,
        "listed": draft.listed() if draft.shows_problems else [],
        "suggestions": suggestions.find(inputs.suggested(tree)),
    }


def _whole_page(
    request: HttpRequest, draft: Draft, *, asked: str = "", status: int = 200
) -> TemplateResponse:
    segment = draft.segment
    # without scripts the panel comes with the page, once it was asked for
    panel = live.whole(request, draft) if asked else {}
    if asked.startswith("why:"):
        panel |= live.why(request, draft, asked)
    return page(
        request,
        "pages/segment_builder.html",
        title=segment.name if segment else "New segment",
        opts=Segment._meta,
        object=segment,
        segment=segment,
        draft=draft,
        ready_made=STARTS if segment is None else {},
        waiting=[one for one in usage.of_segments([segment.pk])[segment.pk] if one.waits]
        if segment
        else [],
        status=status,
        limit=previewing.LIMIT.seconds,
        **_tree(draft),
        **panel,
    )


@staff_page("segmentation.view_segment")
def values(request: HttpRequest, what: str) -> HttpResponse:
    """The options of one list of suggestions, for what was typed."""
    if what not in suggestions.SOURCES:
        raise Http404
    # the one field that was typed in, whatever its place in the tree
    typed = str(next(iter(request.GET.values()), ""))[:100]
    found = suggestions.find({what}, typed=typed)
    return page(request, "pages/segment_options.html", title="", options=found[what])
