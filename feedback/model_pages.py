"""One model's health and card, what may be done about it, and what has drifted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from core import clock
from customers import display
from customers.queries import known_until
from customers.screens import page, staff_page
from feedback import charts, pages, reports, retraining, rollback
from feedback.models import DriftCheck, RetrainingDecision, TrainingRequest
from feedback.reports import why_not
from feedback.reports.model_health import health, metrics_of
from segmentation import attempts, forgetting
from segmentation.enums import ModelStatus, Task
from segmentation.ml import membership_attack
from segmentation.ml.cards import in_words, purpose_of
from segmentation.ml.catalogue import CATALOGUE
from segmentation.ml.features import FEATURES
from segmentation.models import ModelVersion
from segmentation.registry import SensitiveField
from segmentation.versions import stored_features


SEES = ("segmentation.view_modelversion", "feedback.view_retrainingdecision")


class RollbackForm(forms.Form):
    reason = forms.CharField(max_length=500, strip=True)


def _task(code: str) -> Task:
    try:
        return Task(code.upper())
    except ValueError as error:
        raise Http404 from error


@staff_page(*SEES)
def model(request: HttpRequest, code: str) -> HttpResponse:
    """The health of one task's model; `?version=` shows an earlier one."""
    task = _task(code)
    found = reports.models_page(tasks=[task])[0]
    shown = pages.shown(found, version=_chosen(request, task))
    version = shown.subject.version if shown.subject else None
    return page(
        request,
        "pages/model.html",
        title=task.label,
        opts=ModelVersion._meta,
        task=task,
        model=shown,
        version=version,
        health=health(version, with_customers=request.user.has_perm("customers.view_customer"))
        if version
        else None,
        gains=charts.gains(metrics_of(version).get("gains")) if version else None,
        decisions=found.decisions,
        request_open=TrainingRequest.objects.filter(task=task, taken_at=None).first(),
        cut_off=attempts.cut_off(task),
        can_train=request.user.has_perm("segmentation.train_modelversion"),
        can_roll_back=request.user.has_perm("segmentation.rollback_modelversion"),
        drift=DriftCheck.objects.order_by("-as_of").first(),
        sensitive=list(SensitiveField.objects.order_by("name")),
        no_groups=why_not.FAIRNESS.get(task, ""),
        of_groups=why_not.NO_OUTCOME.get(task, ""),
        one_way=why_not.WAYS.get(task, ""),
        retired=ModelStatus.RETIRED,
    )


def _chosen(request: HttpRequest, task: Task) -> ModelVersion | None:
    asked = request.GET.get("version", "")
    if not asked.isdecimal() or len(asked) > 9:
        return None
    return ModelVersion.objects.filter(task=task, number=int(asked)).first()


@staff_page(*SEES)
def card(request: HttpRequest, version_id: int) -> HttpResponse:
    """The model card of one version: what it is for, made of what, how good, and what to mind."""
    version = get_object_or_404(ModelVersion, pk=version_id)
    found = reports.models_page(tasks=[Task(version.task)])[0]
    shown = pages.shown(found, version=version)
    names = stored_features(version)
    return page(
        request,
        "pages/model_card.html",
        title=f"Model card: {version}",
        opts=ModelVersion._meta,
        object=version,
        version=version,
        model=shown,
        row=in_words(CATALOGUE.get(version.task)),
        purpose=purpose_of(version.task),
        health=health(version, with_customers=False),
        gains=charts.gains(metrics_of(version).get("gains")),
        features=[(name, FEATURES[name].meaning if name in FEATURES else "") for name in names],
        libraries=_libraries(version),
        remains=forgetting.remains(version),
        membership_auc=_details(version).get("membership_auc"),
        membership_limit=membership_attack.LIMIT,
    )


def _details(version: ModelVersion) -> Mapping[str, Any]:
    found = version.manifest.get("details") if isinstance(version.manifest, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _libraries(version: ModelVersion) -> Mapping[str, Any]:
    found = version.manifest.get("libraries") if isinstance(version.manifest, Mapping) else None
    return found if isinstance(found, Mapping) else {}


@require_POST
@staff_page(*SEES, "segmentation.train_modelversion")
def train(request: HttpRequest, code: str) -> HttpResponse:
    """Ask for a training; the worker takes it within seconds."""
    task = _task(code)
    asked = retraining.ask(
        task,
        why=f"asked for by {request.user.get_username()}",
        now=known_until(now=clock.now()),
        by=request.user if request.user.is_authenticated else None,
    )
    told = "The training begins within seconds." if asked else "A training is waiting already."
    messages.success(request, f"{told} What serves now serves until it is decided.")
    return redirect("admin:model_page", task.lower())


@require_POST
@staff_page(*SEES, "segmentation.rollback_modelversion")
def roll_back(request: HttpRequest, version_id: int) -> HttpResponse:
    """Put an earlier version back, with a reason."""
    version = get_object_or_404(ModelVersion, pk=version_id)
    form = RollbackForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say in up to 500 characters why this version is put back.")
    elif request.user.is_authenticated:
        try:
            rollback.roll_back(
                version,
                reason=form.cleaned_data["reason"],
                by=request.user,
                now=known_until(now=clock.now()),
            )
        except rollback.RollbackError as error:
            messages.error(request, str(error))
        else:
            messages.success(
                request, f"{version} serves. Scores are computed anew within a few seconds."
            )
    return redirect("admin:model_page", version.task.lower())


@staff_page(*SEES)
def drift(request: HttpRequest) -> HttpResponse:
    """What the last weekly checks found."""
    checks = list(DriftCheck.objects.order_by("-as_of")[:26])
    found = checks[0].findings if checks and isinstance(checks[0].findings, list) else []
    rows = [_compared(one) for one in found if isinstance(one, Mapping)]
    rows.sort(key=lambda one: not one.changed)
    meanings = {one.meaning for one in FEATURES.values()}
    return page(
        request,
        "pages/drift.html",
        title="Drift",
        opts=RetrainingDecision._meta,
        checks=checks,
        rows=rows,
        told=[one for one in rows if one.changed or one.name not in meanings],
        features=[one for one in rows if not one.changed and one.name in meanings],
    )


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One quantity of a drift check, ready to be read."""

    name: str
    found: str
    changed: bool
    rows_before: Any
    rows_now: Any
    size: str
    dispersion: Any
    p: str


def _compared(one: Mapping[str, Any]) -> Compared:
    name = str(one.get("name", ""))
    words = str(one.get("words", "")).removeprefix(f"{name}: ")
    return Compared(
        name=name,
        found=words[:1].upper() + words[1:],
        changed=bool(one.get("alarm")),
        rows_before=one.get("rows_before"),
        rows_now=one.get("rows_now"),
        size=_size(one),
        dispersion=one.get("dispersion"),
        p=display.number(one.get("adjusted"), decimals=4),
    )


def _size(one: Mapping[str, Any]) -> str:
    psi, distance = one.get("psi"), one.get("ks")
    parts = [] if psi is None else [f"PSI {display.number(psi, decimals=3)}"]
    return " · ".join(
        [*parts, *([] if distance is None else [f"KS {display.number(distance, decimals=3)}"])]
    )
