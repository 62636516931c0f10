"""The page that asks for a code, the page where staff set one up, and the page that takes one away."""

from __future__ import annotations

import logging
from typing import Any

import django_otp
import segno
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from config.models import Authenticator, RecoveryCodes
from config.second_factor import devices, log_name
from config.second_factor.devices import Answer
from consent.accountability import audit
from customers.screens import page, staff_page


logger = logging.getLogger(__name__)

OWN = "second_factor:own"
_FEW = 3
"""With so many recovery codes left or fewer a login says so."""


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=20,
        widget=forms.TextInput(
            attrs={
                "class": "ct-input",
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autocapitalize": "off",
                "spellcheck": "false",
            }
        ),
    )


class PasswordForm(forms.Form):
    """Whoever finds an open session must not be able to change how its owner logs in."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "ct-input", "autocomplete": "current-password"}),
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        self.user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password


# ---------------------------------------------------------------- logging in
@sensitive_post_parameters("code")
@never_cache
def code_page(request: HttpRequest) -> HttpResponse:
    """Between the password and everything else, for who has a second factor."""
    user: Any = request.user
    if not user.is_authenticated:
        return redirect("admin:login")
    if user.is_verified() or not devices.has_one(user):
        return redirect(_next(request))
    form = CodeForm(request.POST or None)
    form.fields["code"].widget.attrs["autofocus"] = True
    if request.method == "POST" and form.is_valid():
        answer = devices.verify(user, form.cleaned_data["code"])
        if answer.device is not None:
            _let_in(request, answer.device)
            return redirect(_next(request))
        # whoever asks here has the password: the operator may want to know
        logger.warning("login %d gave a wrong code of its second factor", user.pk)
        form.add_error("code", _refused(answer))
    request.current_app = admin.site.name  # as Django\'s admin does
    return TemplateResponse(
        request,
        "pages/second_factor_code.html",
        {
            **admin.site.each_context(request), "title": "Code of your app", "form": form,
            "next": request.POST.get("next", request.GET.get("next", "")),
        },
        status=422 if form.errors else 200,
    )  # fmt: skip


def _let_in(request: HttpRequest, device: Authenticator | RecoveryCodes) -> None:
    django_otp.login(request, device)
    # a session that was known before the code is not the one that is worth something now
    request.session.cycle_key()
    if isinstance(device, RecoveryCodes):
        _note(request, "used_a_recovery_code", request.user)
        left = devices.codes_left(device.user)
        if left <= _FEW:
            messages.warning(
                request,
                f"{left} recovery codes are left. Make new ones under Second factor."
                if left
                else "That was your last recovery code. Make new ones under Second factor.",
            )


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else reverse("admin:index")


def _refused(answer: Answer) -> str:
    if answer.wait > 1:
        return f"Wrong, or used before. The next code can be tried in {answer.wait} seconds."
    return "Wrong, or used before. An app's code works for a minute, and only once."


# ---------------------------------------------------------------- their own
@sensitive_post_parameters("password", "code")
def _own(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    act = request.POST.get("act", "") if request.method == "POST" else ""
    pending = devices.begun(user)
    if act == "confirm" and pending is not None:
        return _confirm(request, pending)
    if act == "cancel" and pending is not None:
        pending.delete()
        return redirect(OWN)
    if act in _ACTS:
        form = PasswordForm(request.POST, user=user)
        if form.is_valid():
            return _ACTS[act](request)
        return _show(request, form=form, act=act)
    return _show(request, pending=pending)


own = admin.site.admin_view(_own)
"""For everybody who logs in, whatever their role."""


def _begin(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    devices.begin(user)
    return redirect(OWN)


def _confirm(request: HttpRequest, pending: Authenticator) -> HttpResponse:
    user: Any = request.user
    form = CodeForm(request.POST)
    if form.is_valid():
        answer, codes = devices.confirm(user, form.cleaned_data["code"])
        if answer.device is not None:
            _let_in(request, answer.device)
            _note(request, "set_up", user)
            return _show_codes(request, codes, "Your second factor is set up.")
        form.add_error("code", _refused(answer))
    return _show(request, pending=pending, form=form)


def _new_codes(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    if not devices.has_one(user):
        return redirect(OWN)
    _note(request, "new_recovery_codes", user)
    return _show_codes(request, devices.make_codes(user), "The earlier codes no longer work.")


def _turn_off(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    if devices.is_required(user):
        messages.error(request, "Your role needs a second factor.")
    elif devices.has_one(user):
        devices.turn_off(user)
        _note(request, "turned_off", user)
        messages.success(request, "You log in with your password alone now.")
    return redirect(OWN)


_ACTS = {"begin": _begin, "codes": _new_codes, "off": _turn_off}


def _show(
    request: HttpRequest,
    *,
    pending: Authenticator | None = None,
    form: forms.Form | None = None,
    act: str = "",
) -> HttpResponse:
    user: Any = request.user
    return page(
        request,
        "pages/second_factor.html",
        title="Second factor",
        status=422 if form is not None and form.errors else 200,
        state=devices.state_of(user),
        is_required=devices.is_required(user),
        pending=pending,
        qr=_picture(pending),
        form=form or (CodeForm() if pending else PasswordForm(user=user)),
        act=act,
        few=_FEW,
    )


def _show_codes(request: HttpRequest, codes: list[str], says: str) -> HttpResponse:
    """In the answer itself: the codes are nowhere else, and this page is in no cache."""
    return page(
        request, "pages/second_factor_codes.html", title="Recovery codes", codes=codes, says=says
    )


def _picture(pending: Authenticator | None) -> str:
    """The key as a picture for the app's camera, black on white whatever the page's colours."""
    if pending is None:
        return ""
    code = segno.make(pending.config_url, micro=False)
    return code.svg_data_uri(scale=4, border=4, dark="#000", light="#fff")


# ---------------------------------------------------------------- somebody else's
@staff_page("auth.change_user")
def reset(request: HttpRequest, user_id: int) -> HttpResponse:
    """For who has lost their device: it is taken away, and they are logged out everywhere."""
    user = get_object_or_404(User, pk=user_id)
    back = reverse("admin:auth_user_change", args=[user.pk])
    if request.method == "POST":
        if devices.take_away(user):
            _note(request, "reset", user)
            messages.success(request, f"{user} logs in with the password alone now.")
        return redirect(back)
    return page(
        request,
        "pages/second_factor_reset.html",
        title=f"Second factor of {user}",
        opts=User._meta,
        somebody=user,
        state=devices.state_of(user),
        is_required=devices.is_required(user),
        back=back,
    )


def _note(request: HttpRequest, act: str, user: Any) -> None:
    audit.changed(request, what=log_name(act, user), numbers=[])
