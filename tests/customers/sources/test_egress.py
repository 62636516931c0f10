from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from customers.sources import egress
from customers.sources.egress import TargetRefusedError, UnreachableError
from tests.customers.sources.servers import reply, serving


PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:800::200e"]
NOT_PUBLIC = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "224.0.1.1",
    "239.1.2.3", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
    "2002:808:808::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo",
    "fec0::1", "ff02::1", "ff0e::1", "", "localhost", "127.1", "1.1.1.1/32",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_is_public_lets_the_internet_through(address: str) -> None:
    assert egress.is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_is_public_refuses_what_is_ours_or_nobodys(address: str) -> None:
    assert not egress.is_public(address)


@given(st.ip_addresses(v=6))
def test_is_public_never_believes_an_address_that_carries_another(
    ip: ipaddress.IPv6Address,
) -> None:
    if ip.ipv4_mapped or ip.sixtofour or ip.teredo:
        assert not egress.is_public(str(ip))


LOOPBACK_URLS = [
    "https://127.0.0.1/", "https://127.0.0.1:443/", "https://127.1/", "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://017700000001/",
    "https://0/", "https://0.0.0.0/", "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/",
    "https://[0:0:0:0:0:ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/", "https://[::127.0.0.1]/",
    "https://localhost/", "https://LOCALHOST/", "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/",
    "https://169.254.169.254/latest/meta-data/", "https://0xa9fea9fe/", "https://[fd00:ec2::254]/",
    "https://[fe80::1%25lo]/", "https://10.1.2.3/", "https://192.168.0.1/", "https://[fc00::1]/",
]  # fmt: skip


@pytest.mark.parametrize("url", LOOPBACK_URLS)
def test_check_refuses_every_spelling_of_our_own_addresses(url: str) -> None:
    # the machine's resolver, which is what reads 0x7f000001; without a network it knows no other names
    with pytest.raises(egress.EgressError):
        egress.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example", "//shop.example/", "http://shop.example/", "ftp://shop.example/",
        "file:///etc/passwd", "gopher://shop.example/", "javascript:alert(1)", "https://",
        "https:///path", "https://shop.example:8443/", "https://shop.example:80/",
        "https://shop.example:0/", "https://shop.example:99999/", "https://shop.example:x/",
        "https://user@shop.example/", "https://user:password@shop.example/",
        "https://shop.example@127.0.0.1/", "https://127.0.0.1\\@shop.example/",
        "https://shop.example/a b", " https://shop.example/", "https://shop.example/\r\nHost: x",
        "https://shop.example/\tx", "https://shop.example/\x00", "https://[::1/", "https://[zz]/",
        "https://shop.example/ä", "https://" + "a" * 64 + ".example/", "https://a..example/",
        "https://shop.example/" + "a" * 2000,
    ],
)  # fmt: skip
def test_target_refuses_what_is_no_plain_https_address(url: str) -> None:
    with pytest.raises(TargetRefusedError):
        egress.target(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example", ("shop.example", 443, "/")),
        ("HTTPS://Shop.Example:443/a?b=c#d", ("shop.example", 443, "/a?b=c")),
        ("https://bücher.example/x", ("xn--bcher-kva.example", 443, "/x")),
    ],
)
def test_target_takes_a_url_apart(url: str, expected: tuple[str, int, str]) -> None:
    found = egress.target(url)
    assert (found.host, found.port, found.path) == expected


@given(st.text(max_size=60))
def test_target_raises_nothing_else(text: str) -> None:
    for url in (text, f"https://{text}", f"https://shop.example/{text}"):
        try:
            egress.target(url)
        except TargetRefusedError:
            continue


def test_check_refuses_a_name_of_which_one_address_is_private() -> None:
    with pytest.raises(TargetRefusedError, match="not on the public internet"):
        egress.check("https://shop.example/", resolve=lambda *_: ["1.1.1.1", "10.0.0.1"])
    egress.check("https://shop.example/", resolve=lambda *_: ["1.1.1.1"])


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_check_says_that_a_name_is_not_known(error: Exception) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(UnreachableError, match="not known"):
        egress.check("https://shop.example/", resolve=fail)


# ---------------------------------------------------------------- against a server of this machine
def _loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_call_sends_and_returns_what_was_said() -> None:
    def answer(handler):
        length = int(handler.headers["Content-Length"])
        said = f"{handler.headers['Host']} {handler.headers['X-A']} {handler.rfile.read(length)!r}"
        reply(handler, said.encode(), status=201, headers={"X-B": "c"})

    with serving(answer) as (port, paths):
        got = egress.call(
            "POST", f"http://shop.example:{port}/in?x=1", headers={"X-A": "b"}, body=b"hi",
            allow_private=True, resolve=_loopback,
        )  # fmt: skip
    assert (got.status, got.headers["x-b"], paths) == (201, "c", ["/in?x=1"])
    assert got.body == f"shop.example:{port} b b'hi'".encode()


def test_call_knocks_nowhere_that_is_private() -> None:
    with serving(reply) as (port, paths):
        for resolve in (_loopback, lambda *_: ["::ffff:127.0.0.1"], lambda *_: ["1.1.1.1", "::1"]):
            with pytest.raises(TargetRefusedError):
                egress.call("GET", "https://shop.example/", resolve=resolve)
        with pytest.raises(TargetRefusedError):
            egress.call("GET", f"http://127.0.0.1:{port}/")
    assert paths == []


def test_call_resolves_once_and_connects_to_what_was_checked() -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.255.255.1"]

    with serving(reply) as (port, paths):
        egress.call("GET", f"http://shop.example:{port}/", allow_private=True, resolve=rebinding)
    assert (asked, paths) == (["shop.example"], ["/"])


def test_call_tries_the_next_address_of_a_name() -> None:
    with serving(reply) as (port, _):
        got = egress.call(
            "GET", f"http://shop.example:{port}/", allow_private=True,
            resolve=lambda *_: ["127.0.0.99", "127.0.0.1"],
        )  # fmt: skip
    assert got.status == 200


def test_call_follows_no_redirect() -> None:
    def answer(handler):
        reply(handler, status=302, headers={"Location": "/secret"})

    with serving(answer) as (port, paths):
        got = egress.call("GET", f"http://127.0.0.1:{port}/", allow_private=True)
    assert (got.status, got.headers["location"], paths) == (302, "/secret", ["/"])


def test_call_uses_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(reply) as (proxy, proxied), serving(reply) as (port, paths):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        egress.call("GET", f"http://127.0.0.1:{port}/", allow_private=True)
    assert (proxied, paths) == ([], ["/"])


@pytest.mark.parametrize("told", ["told", "untold"])
def test_call_reads_no_more_than_it_wants(told: str) -> None:
    def answer(handler):
        handler.send_response(200)
        if told == "told":
            handler.send_header("Content-Length", str(50_000_000))
        handler.end_headers()
        for _ in range(800):
            handler.wfile.write(b"x" * 65_536)

    with serving(answer) as (port, _), pytest.raises(UnreachableError, match="larger than 1,000"):
        egress.call(
            "GET", f"http://127.0.0.1:{port}/", allow_private=True, max_bytes=1000, timeout=60
        )


def test_call_refuses_an_answer_that_would_inflate() -> None:
    def answer(handler):
        reply(handler, b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    with serving(answer) as (port, _), pytest.raises(UnreachableError, match="compressed"):
        egress.call("GET", f"http://127.0.0.1:{port}/", allow_private=True)


@pytest.mark.parametrize("part", ["headers", "body"])
def test_call_gives_up_on_an_answer_that_drips(part: str) -> None:
    def answer(handler):
        if part == "body":
            handler.send_response(200)
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.02)

    with serving(answer) as (port, _), pytest.raises(UnreachableError, match="No answer within"):
        egress.call("GET", f"http://127.0.0.1:{port}/", allow_private=True, timeout=0.2)


def test_call_says_that_nobody_listens() -> None:
    with serving(reply) as (port, _):
        pass
    with pytest.raises(UnreachableError, match="connection failed"):
        egress.call("GET", f"http://127.0.0.1:{port}/", allow_private=True)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: b", "a\x00b"])
def test_call_lets_no_header_smuggle_another(value: str) -> None:
    with serving(reply) as (port, paths), pytest.raises(egress.EgressError):
        egress.call("GET", f"http://127.0.0.1:{port}/", headers={"X-A": value}, allow_private=True)
    assert paths == []


@pytest.mark.parametrize("name", ["shop.example", "other.example"])
def test_call_checks_the_certificate_against_the_name(tmp_path: Path, name: str) -> None:
    certificate, key = _certificate(tmp_path, "shop.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    ours = ssl.create_default_context(cafile=str(certificate))

    def wrap(sock):
        return server.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)

    def ask() -> egress.Reply:
        return egress.call(
            "GET", f"https://{name}:{port}/", allow_private=True, resolve=_loopback,
            ssl_context=ours,
        )  # fmt: skip

    with serving(reply, wrap=wrap) as (port, paths):
        if name == "shop.example":
            assert ask().status == 200
        else:
            with pytest.raises(UnreachableError):
                ask()
            assert paths == []


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = dt.datetime.now(tz=dt.UTC) - dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
