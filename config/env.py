"""Settings from the environment, typed; a wrong or missing one fails at start, in words."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


SINK_GREETING = b"220 sink ESMTP"


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def boolean(name: str, *, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}")


def integer(name: str, default: int) -> int:
    value = os.environ.get(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from None


def mailbox(name: str) -> str:
    """A plain address for a command line of SMTP, or "" when it is unset."""
    value = text(name).strip()
    if value and not re.fullmatch(r"[A-Za-z0-9._-]{1,20}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", value):
        raise ImproperlyConfigured(
            f"{name} must be an address of letters, digits, dots and dashes, its part before the @ "
            f"not longer than 20, not {value!r}"
        )
    return value


def last_served(home: Path) -> str:
    """Where this home's web server on this machine listened last (config.processes writes it down)."""
    try:
        return (home / "run" / "web-address").read_text().strip()
    except FileNotFoundError:
        return "http://127.0.0.1:8000"


def sink_of(home: Path) -> str:
    """
    The URL of this home's own mail server if it runs now, else "" (campaigns' command `sink` writes its port).

    So that commands in another terminal send, check and report as the running processes do.
    """
    try:
        port = int((home / "sink" / "port").read_text())
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            greets = connection.recv(64).startswith(SINK_GREETING)
    except (OSError, ValueError, OverflowError):
        return ""
    return f"smtp://127.0.0.1:{port}" if greets else ""  # another program may have got the port


def secret(name: str, *, home: Path, may_generate: bool) -> str:
    """
    A secret from `NAME`, or from the file named by `NAME_FILE` (Docker secrets).

    A run on embedded servers makes its own once and keeps them in COTERIE_HOME, readable by the
    owner only; a run on servers of yours must be given them.
    """
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    if not may_generate:
        raise ImproperlyConfigured(
            f"{name} is not set. Set it (or {name}_FILE) to a long random text and keep it: "
            "links in mails already sent depend on it."
        )
    store = home / "secrets.json"
    known: dict[str, str] = json.loads(store.read_text()) if store.exists() else {}
    if name not in known:
        known[name] = secrets.token_urlsafe(48)
        home.mkdir(parents=True, exist_ok=True)
        temporary = store.with_suffix(f".{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(known, file)
        temporary.replace(store)
    return known[name]


def optional_secret(name: str) -> str:
    """A secret from `NAME` or the file named by `NAME_FILE`; "" when neither is set."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return os.environ.get(name, "").replace("\\n", "\n")


def mapping(name: str) -> dict[str, Any]:
    """A JSON object from `NAME` or the file named by `NAME_FILE`; empty when neither is set."""
    try:
        value = json.loads(optional_secret(name) or "{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object")  # without its value: a secret
    return value


ROLES = ("Marketer", "Approver", "Analyst", "Privacy officer", "Admin")
"""Of config.roles, which settings cannot import; a test compares them."""


def roles(name: str) -> tuple[str, ...]:
    """Names of roles separated by commas; `1` is those that see most, `all` is all, empty and `0` none."""
    value = text(name).strip()
    if value.lower() in {"", "0", "no", "off", "false"}:
        return ()
    if value.lower() in {"1", "yes", "on", "true"}:
        return ("Privacy officer", "Admin")
    known = {role.lower(): role for role in ROLES}
    asked = [one.strip().lower() for one in value.split(",") if one.strip()]
    if asked == ["all"]:
        return ROLES
    if unknown := [one for one in asked if one not in known]:
        raise ImproperlyConfigured(f"{name}: no role {unknown[0]!r}; there are {', '.join(ROLES)}")
    return tuple(known[one] for one in asked)


def database(url: str) -> dict[str, Any]:
    """Django's DATABASES entry for a `postgresql://` URL; a socket folder may be given as ?host=."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            "DATABASE_URL must start with postgresql://; Coterie runs on PostgreSQL only."
        )
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/") or "coterie",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        # of 64 threads that take turns each would else open one anew, and plan everything, at a request a second
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": query,
    }
