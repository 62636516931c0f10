"""
The one way out to an address that somebody typed in: never into our own network.

The name is resolved once, every address it has is checked, and the connection goes to the checked
address itself: an answer that changes between the check and the call (DNS rebinding) changes nothing.
The certificate is still checked against the name. No redirect is followed, no proxy of the
environment is used, and one deadline holds for the whole exchange, however slowly it drips.

    EgressError
    ├── TargetRefusedError   we do not go there; trying again will not help
    └── UnreachableError     no answer, or not in time, or too large a one; try later
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpcore


Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""(host, port) to the addresses of that name. Raises OSError."""

TIMEOUT = 5.0  # seconds for everything: name, connection, request, answer
MAX_BYTES = 1_000_000
_PIECE = 65_536

# What Python 3.11 takes for global and is not: protocol assignments (a cloud's metadata server among
# them), 6to4 relays, documentation, and the machine that runs Azure's virtual machines.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20")
)
_UNICAST = ipaddress.ip_network("2000::/3")
# Addresses that carry another one inside: 6to4, and Teredo with the rest of 2001::/23. NAT64
# (64:ff9b::/96) and IPv4 written as IPv6 are outside of 2000::/3.
_CARRIERS = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("2001::/23"))
_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e\u00a1-\U0010ffff]+")  # no blanks, controls, backslashes


class EgressError(Exception):
    """The request was not answered."""


class TargetRefusedError(EgressError):
    """The address is not one that we call; the message says why, for who typed it in."""


class UnreachableError(EgressError):
    """No answer that can be used came; the message names no address of our network."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; of several with one name the last."""
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A URL taken apart once, so that nobody reads it differently later."""

    scheme: str
    host: str
    port: int
    path: str


def resolve(host: str, port: int) -> Sequence[str]:
    """What the machine's resolver says; decimal, octal and hexadecimal spellings of an address too."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet at large and to nothing of ours."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a scope ("fe80::1%eth0") and whatever else is no plain address
        return False
    if ip.is_multicast or ip.is_reserved or not ip.is_global:
        return False
    if any(ip in network for network in _NOT_PUBLIC):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        return ip in _UNICAST and not any(ip in network for network in _CARRIERS)
    return True


def target(url: str, *, allow_private: bool = False) -> Target:
    """
    Take a URL apart. Raises TargetRefusedError for all but https to port 443 without a user name.

    allow_private: http and other ports too, for servers on one's own machine.
    """
    if not _PLAIN.fullmatch(url) or len(url) > 2000:
        raise TargetRefusedError("The address holds characters that no address has.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
        if ":" not in host:
            host = host.encode("idna").decode()
        path = parts.path.encode("ascii").decode() or "/"
        query = parts.query.encode("ascii").decode()
    except ValueError as error:  # UnicodeError is one
        raise TargetRefusedError("The address cannot be read.") from error
    if parts.username is not None or parts.password is not None:
        raise TargetRefusedError("Leave the user name and the password out of the address.")
    if not host:
        raise TargetRefusedError("The address names no server.")
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    if standard is None or (parts.scheme == "http" and not allow_private):
        raise TargetRefusedError("Only addresses that begin with https:// are called.")
    port = standard if port is None else port
    if port != standard and not allow_private:
        raise TargetRefusedError("Only port 443 is called.")
    return Target(
        scheme=parts.scheme, host=host, port=port, path=f"{path}?{query}" if query else path
    )


def addresses(
    host: str, port: int, *, allow_private: bool = False, resolve: Resolve = resolve
) -> Sequence[str]:
    """The checked addresses of a name. Raises TargetRefusedError when a single one is not public."""
    try:
        found = resolve(host, port)
    except (OSError, ValueError) as error:
        raise UnreachableError("The server's name is not known.") from error
    if not found:
        raise UnreachableError("The server's name has no address.")
    if not allow_private and not all(is_public(address) for address in found):
        # not which address: that would tell who asks about our network
        raise TargetRefusedError("The server is not on the public internet.")
    return found


def check(url: str, *, allow_private: bool = False, resolve: Resolve = resolve) -> None:
    """Raise EgressError for a URL that `call` would not call: to be asked when one is typed in."""
    to = target(url, allow_private=allow_private)
    addresses(to.host, to.port, allow_private=allow_private, resolve=resolve)


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    allow_private: bool = False,
    timeout: float = TIMEOUT,
    max_bytes: int = MAX_BYTES,
    wants_body: bool = True,
    ssl_context: ssl.SSLContext | None = None,
    resolve: Resolve = resolve,
) -> Reply:
    """
    Make one request and return the answer, of whatever status; a redirect is an answer like others.

    timeout: seconds for everything but the resolver's own patience. max_bytes: of the answer's body.
    wants_body: False leaves it unread, so that an answer counts however long or odd its body is.
    ssl_context: None checks certificates against the authorities that come with `certifi`. Raises
    TargetRefusedError and UnreachableError, and no other error of the network.
    """
    to = target(url, allow_private=allow_private)
    backend = _CheckedBackend(
        allow_private=allow_private, resolve=resolve, deadline=time.monotonic() + timeout
    )
    host = f"[{to.host}]" if ":" in to.host else to.host
    standard = to.port == (443 if to.scheme == "https" else 80)
    sent = {
        "host": host if standard else f"{host}:{to.port}",
        "user-agent": "Coterie",
        "accept-encoding": "identity",  # an answer that inflates could outgrow any limit
        "connection": "close",
        **{name.lower(): value for name, value in (headers or {}).items()},
    }
    if body or method in {"POST", "PUT", "PATCH"}:
        sent["content-length"] = str(len(body))
    try:
        with httpcore.ConnectionPool(network_backend=backend, ssl_context=ssl_context) as pool:
            request = httpcore.URL(
                scheme=to.scheme.encode(), host=to.host.encode(), port=to.port,
                target=to.path.encode(),
            )  # fmt: skip
            with pool.stream(
                method, request, headers=list(sent.items()), content=body or None
            ) as answer:
                names = {
                    name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in answer.headers
                }
                if not wants_body:
                    return Reply(status=answer.status, headers=names)
                if names.get("content-encoding", "identity").lower() != "identity":
                    raise UnreachableError("The answer is compressed, which was not asked for.")
                return Reply(
                    status=answer.status,
                    headers=names,
                    body=_read(answer.iter_stream(), max_bytes=max_bytes),
                )
    except httpcore.TimeoutException as error:
        raise UnreachableError(f"No answer within {timeout:g} seconds.") from error
    except (
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
        OSError,
    ) as error:
        raise UnreachableError("The connection failed.") from error


def _read(pieces: Iterable[bytes], *, max_bytes: int) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > max_bytes:
            raise UnreachableError(f"The answer is larger than {max_bytes:,} bytes.")
    return bytes(body)


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and gives every step what is left of the time."""

    def __init__(self, *, allow_private: bool, resolve: Resolve, deadline: float) -> None:
        self._sockets = httpcore.SyncBackend()
        self._allow_private, self._resolve = allow_private, resolve
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        found = addresses(host, port, allow_private=self._allow_private, resolve=self._resolve)
        error: Exception | None = None
        for address in found:
            try:
                stream = self._sockets.connect_tcp(
                    address, port, _left(self._deadline), local_address, socket_options
                )
            except httpcore.ConnectError as failure:
                error = failure
            else:
                return _TimedStream(stream, deadline=self._deadline)
        raise error or httpcore.ConnectError


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, *, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(min(max_bytes, _PIECE), _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # in pieces: the time is asked for before each
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _TimedStream(secured, deadline=self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left
