"""What can be known of the containers without an engine to build and run them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.architecture import simple_yaml


ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "docker/compose.yaml").read_text()
DOCKERFILE = (ROOT / "docker/Dockerfile").read_text()
ENTRYPOINT = (ROOT / "docker/entrypoint.sh").read_text()
SECRETS = {
    "POSTGRES_PASSWORD",
    "COTERIE_SECRET_KEY",
    "COTERIE_LINK_KEY",
    "COTERIE_SUPPRESSION_PEPPER",
    "COTERIE_SOURCE_KEY",
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return simple_yaml.parse(COMPOSE)["services"]


def interpolated() -> dict[str, str]:
    """The variables compose takes from .env, with what follows their name (`:?…`, `:-…`)."""
    return dict(re.findall(r"\$\{(\w+)([^}]*)\}", COMPOSE))


def test_simple_yaml_reads_what_compose_uses_and_refuses_the_rest() -> None:
    text = 'x: &x\n  a: "b: c"\n  l:\n    - d # no\ns:\n  t:\n    <<: *x\n    a: ["e", "f"]\n    g: true\n'
    assert simple_yaml.parse(text.replace(" # no", "")) == {
        "x": {"a": "b: c", "l": ["d"]},
        "s": {"t": {"a": ["e", "f"], "l": ["d"], "g": True}},
    }
    for wrong in ("a: |\n  b", "a: {b: c}", "a: b\na: c", "a\n", "a: b\n   c: d"):
        with pytest.raises(AssertionError):
            simple_yaml.parse(wrong)


def test_compose_runs_everything_the_product_needs(services: dict[str, Any]) -> None:
    roles = ("web", "worker", "sender", "importer", "trainer", "beat")
    assert set(services) == {*roles, "postgres", "valkey"}
    for name, service in services.items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"], name
    assert [services[role]["command"] for role in roles] == [[role] for role in roles]


def test_compose_waits_for_the_migrations(services: dict[str, Any]) -> None:
    healthy = {"condition": "service_healthy"}
    assert services["web"]["depends_on"] == {"postgres": healthy, "valkey": healthy}
    assert services["worker"]["depends_on"] == services["beat"]["depends_on"] == {"web": healthy}


def test_compose_keeps_data_in_declared_volumes(services: dict[str, Any]) -> None:
    declared = set(simple_yaml.parse(COMPOSE)["volumes"])
    used = {entry.split(":")[0] for service in services.values() for entry in service["volumes"]}
    assert used == declared
    home = services["worker"]["volumes"]
    assert services["web"]["volumes"] == services["beat"]["volumes"] == home
    assert home[0].endswith(":" + re.search(r"COTERIE_HOME=(\S+)", DOCKERFILE)[1])


def test_compose_publishes_the_web_server_to_this_machine_only(services: dict[str, Any]) -> None:
    published = {name: service.get("ports") for name, service in services.items()}
    assert {name: ports for name, ports in published.items() if ports} == {
        "web": ["127.0.0.1:8000:8000"]
    }


def test_secrets_have_no_default_and_no_value_in_the_example() -> None:
    found = interpolated()
    for secret in SECRETS:
        assert found[secret].startswith(":?"), secret
        assert f"\n{secret}=\n" in (ROOT / ".env.example").read_text(), secret


def test_every_variable_is_read_and_documented(services: dict[str, Any]) -> None:
    settings = (ROOT / "config/settings.py").read_text()
    documented = (ROOT / "docs/reference/settings.md").read_text()
    given = set(services["web"]["environment"]) | set(re.findall(r"(COTERIE_\w+)=", DOCKERFILE))
    assert given >= SECRETS - {"POSTGRES_PASSWORD"}
    for name in given - {"COTERIE_HOME"}:  # read by core/clock.py
        assert f'"{name}"' in settings, name
    for name in given | set(interpolated()):
        assert f"`{name}`" in documented, name


def test_the_example_names_the_variables_compose_reads() -> None:
    example = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert example == set(interpolated()) - {"COTERIE_LOG_LEVEL"}


def test_image_installs_from_the_lock_with_hashes_and_runs_as_nobody_special() -> None:
    assert re.search(r"pip install --require-hashes [^\n]*-r /tmp/app.txt", DOCKERFILE)
    users = re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["coterie"]
    assert DOCKERFILE.index("\nUSER ") < DOCKERFILE.index("\nENTRYPOINT ")
    assert not re.search(r"^(ENV|ARG) [^\n]*(KEY|PASSWORD|PEPPER|SECRET)", DOCKERFILE, re.MULTILINE)


def test_image_copies_every_package_and_only_what_exists() -> None:
    own = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    copied = set(re.findall(r"^COPY ([\w./]+) \S+$", DOCKERFILE, re.MULTILINE))
    assert own <= copied
    ignore = (ROOT / "docker/Dockerfile.dockerignore").read_text()
    for path in copied:
        assert (ROOT / path).exists(), path
        assert f"\n!{path}\n" in ignore, path


def test_roles_run_what_the_processes_of_one_machine_run() -> None:
    """`make run` and the containers must not drift apart: same queues, same server, same flags."""
    processes = (ROOT / "config/processes.py").read_text()
    started = re.findall(r'\("(\w+)", "([\w,]+)", "(\d)"\)', processes)
    assert [name for name, _, _ in started] == ["worker", "sender", "importer", "trainer"]
    for _, queues, concurrency in started:
        assert f"--queues {queues} --concurrency {concurrency} " in ENTRYPOINT
    for piece in ("--interface wsgi", "config.wsgi:application", "--without-gossip", "--pidfile"):
        assert piece in ENTRYPOINT
        assert all(f'"{word}"' in processes for word in piece.split())


@pytest.mark.parametrize("shell", ["sh"])
def test_entrypoint_is_a_valid_script(shell: str) -> None:
    path = ROOT / "docker/entrypoint.sh"
    assert path.stat().st_mode & 0o111
    checked = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_compose_is_accepted_by_docker() -> None:
    plugin = shutil.which("docker") and subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    )
    if not plugin or plugin.returncode:
        pytest.skip(
            "docker compose is not installed (the package docker-compose-plugin or docker-compose-v2)"
        )
    environment = dict.fromkeys(interpolated(), "value") | {"PATH": "/usr/bin:/usr/local/bin:/bin"}
    checked = subprocess.run(
        ["docker", "compose", "-f", "docker/compose.yaml", "config", "--quiet"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, "")
