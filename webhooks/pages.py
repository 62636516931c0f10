"""Endpoints: made, watched, tested, stopped; the secret is shown once."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from core import clock
from customers.screens import page, row_key, staff_page
from webhooks import endpoints, sending
from webhooks.enums import PostState, Topic
from webhooks.forms import EndpointForm
from webhooks.models import Endpoint, Post


SHOWN = 50  # of the latest posts
_LABELS = dict(Topic.choices)


@staff_page("webhooks.add_endpoint")
def new(request: HttpRequest) -> HttpResponse:
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        endpoint, secret = endpoints.create(**form.cleaned_data, now=clock.wall())
        return _show(request, endpoint, secret=secret)
    return page(
        request, "pages/webhook_new.html", title="New webhook", opts=Endpoint._meta, form=form,
        status=422 if form.errors else 200,
    )  # fmt: skip


@staff_page("webhooks.view_endpoint")
def endpoint(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    return _show(request, get_object_or_404(Endpoint, pk=endpoint_id))


def _show(request: HttpRequest, endpoint: Endpoint, *, secret: str = "") -> HttpResponse:
    counts = endpoint.posts.aggregate(
        waiting=Count("pk", filter=Q(state=PostState.PENDING)),
        delivered=Count("pk", filter=Q(state=PostState.DELIVERED)),
        dead=Count("pk", filter=Q(state=PostState.DEAD)),
    )
    posts = endpoint.posts.select_related("message").order_by("-pk")
    # the admin's pages are never stored by a browser, so the secret is not either
    return page(
        request, "pages/webhook.html", title=str(endpoint), opts=Endpoint._meta, object=endpoint,
        endpoint=endpoint, secret=secret, counts=counts, posts=posts[:SHOWN],
        topics=[(topic, _LABELS[topic]) for topic in endpoint.topics],
    )  # fmt: skip


@require_POST
@staff_page("webhooks.change_endpoint")
def act(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """What the page's buttons do."""
    endpoint = get_object_or_404(Endpoint, pk=endpoint_id)
    match request.POST.get("act"):
        case "test":
            endpoints.send_test(endpoint, now=clock.wall())
            messages.success(request, "A test is on its way. Reload the page to see the answer.")
        case "rotate":
            return _show(request, endpoint, secret=endpoints.rotate(endpoint, now=clock.wall()))
        case "stop":
            Endpoint.objects.filter(pk=endpoint.pk).update(
                is_active=False, stopped_because=endpoints.STOPPED_BY_STAFF
            )
        case "resume":
            endpoints.resume(endpoint)
        case "again":
            _send_again(request, endpoint)
        case _:
            raise Http404
    return redirect("webhook_pages:endpoint", endpoint.pk)


def _send_again(request: HttpRequest, endpoint: Endpoint) -> None:
    posts = Post.objects.filter(endpoint=endpoint)
    if chosen := request.POST.get("post", ""):
        posts = posts.filter(pk=row_key(chosen))
    count = sending.send_again(posts, now=clock.wall())
    messages.success(request, f"{count:,} to be sent again.")
