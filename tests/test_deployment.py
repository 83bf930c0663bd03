"""The compose file and the image, as far as they can be checked where no engine runs."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cli.main import parser

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
SCHEMA = json.loads((ROOT / "tests" / "data" / "compose-spec.json").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()

#: Three numbers, and perhaps a variant: no tag that is moved to a newer image.
EXACT_TAG = r"[a-z]+:\d+\.\d+\.\d+(-[a-z0-9-]+)?"
#: It listens on nothing: there is no question that could be put to it.
WITHOUT_HEALTHCHECK = {"coordinator"}

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


def test_the_compose_file_obeys_the_compose_specification() -> None:
    validator = jsonschema.validators.validator_for(SCHEMA)
    validator.check_schema(SCHEMA)
    assert [error.message for error in validator(SCHEMA).iter_errors(COMPOSE)] == []


def test_the_schema_finds_a_misspelt_key() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"services": {"gateway": {"image": "a", "restarts": "always"}}}, SCHEMA)


@every_service
def test_every_service_comes_back_and_has_time_to_end(service: dict[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"
    assert re.fullmatch(r"\d+s", service["stop_grace_period"])


@pytest.mark.parametrize("name", ["gateway", "coordinator"])
def test_the_commands_are_commands_that_there_are(name: str) -> None:
    options = parser().parse_args(SERVICES[name]["command"])
    assert callable(options.run)


@every_service
def test_every_image_has_an_exact_tag(service: dict[str, Any]) -> None:
    assert re.fullmatch(EXACT_TAG, service["image"])


@every_service
def test_what_is_published_is_published_on_loopback_only(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert service.get("network_mode") is None


def test_whoever_answers_anything_has_a_health_check() -> None:
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == WITHOUT_HEALTHCHECK


def test_whatever_is_waited_for_has_the_health_that_is_waited_for() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            assert wait == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[name]


def test_the_store_is_on_the_internal_network_only() -> None:
    """It asks for no password."""
    assert SERVICES["mongodb"]["networks"] == ["backend"]
    assert "ports" not in SERVICES["mongodb"]
    assert COMPOSE["networks"]["backend"]["internal"] is True


def test_two_gateways_behind_one_port_and_two_coordinators() -> None:
    assert [SERVICES[name]["deploy"]["replicas"] for name in ("gateway", "coordinator")] == [2, 2]
    assert "ports" not in SERVICES["gateway"]
    assert SERVICES["balancer"]["ports"] == ["127.0.0.1:${WORKFLOWSVC_PORT:-8080}:8080"]


def test_no_password_has_a_default() -> None:
    """`${NAME:?message}` refuses to start; `${NAME:-value}` would not."""
    text = (ROOT / "docker-compose.yml").read_text()
    passwords = re.findall(r"\$\{\w*PASSWORD\w*([^}]*)\}", text)
    assert passwords
    assert all(rest.startswith(":?") for rest in passwords)


def test_the_balancer_waits_longer_than_a_poll_is_held() -> None:
    configuration = (ROOT / "deploy" / "haproxy.cfg").read_text()
    for side in ("client", "server"):
        found = re.search(rf"^\s*timeout {side} (\d+)s$", configuration, re.MULTILINE)
        assert found is not None
        assert int(found[1]) >= 75
    assert "option httpchk GET /readyz" in configuration


def test_the_image_is_pinned_and_is_not_run_by_root() -> None:
    instructions = [line.split() for line in DOCKERFILE.splitlines() if line and not line.startswith((" ", "#"))]
    for _, image, *_ in (words for words in instructions if words[0] == "FROM"):
        assert re.fullmatch(EXACT_TAG, image)
    last_stage = instructions[max(i for i, words in enumerate(instructions) if words[0] == "FROM") :]
    users = [words[1] for words in last_stage if words[0] == "USER"]
    assert users
    assert users[-1].split(":")[0] not in {"0", "root"}
    assert last_stage[-1] == ["ENTRYPOINT", '["workflowsvc"]']


def test_the_image_gets_all_that_it_copies_and_nothing_else() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)
    # A wheel is made without complaint of the packages that are there.
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(packages["packages"]) <= copied


def _pins(lock: str) -> Iterator[str]:
    return (line.rstrip(" \\") for line in (ROOT / lock).read_text().splitlines() if re.match(r"[a-z0-9]", line))


def test_the_image_runs_on_the_versions_that_the_tests_ran_on() -> None:
    runtime, every = (
        {pin.split(" ;")[0] for pin in _pins(f"{lock}.lock")} for lock in ("requirements-runtime", "requirements")
    )
    assert runtime
    assert runtime <= every
