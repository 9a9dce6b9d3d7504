"""The files of deploy/ name commands, settings, ports and files that there are."""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped]

from digest.cli import digest
from digest.config import load
from digest.delivery.send import SendRules
from digest.supervisor import GRACE_SECONDS
from tests.builders import write_settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSED = ("compose.yaml", "compose.postgresql.yaml")
UNITS = sorted(path.name for path in (DEPLOY / "systemd").glob("*.service"))
PAGES = ("install-on-one-machine.md", "install-on-several-machines.md")
PORT = "8025"
HARDENED = {
    "DynamicUser": "yes",
    "StateDirectory": "digest",
    "CapabilityBoundingSet": "",
    "LimitCORE": "0",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectSystem": "strict",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}


def _composed(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text("utf-8"))
    return found


def _ours(name: str) -> dict[str, dict[str, Any]]:
    services = _composed(name)["services"]
    return {each: what for each, what in services.items() if "digest-mailer" in what["image"]}


def _unit(name: str) -> dict[str, list[str]]:
    """Read the [Service] of a unit; a directive may stand there several times."""
    found: dict[str, list[str]] = {}
    text = (DEPLOY / "systemd" / name).read_text("utf-8")
    for line in text.partition("[Service]\n")[2].partition("\n[")[0].splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def _seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|min|m|h)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60, "min": 60, "h": 3600}[unit]


# Commands


def _typed_in(page: str) -> Iterator[str]:
    """Give each `digest …` of a page's code, whatever stands before it to run it elsewhere."""
    text = (ROOT / "docs/how-to" / page).read_text("utf-8").replace("\\\n", " ")
    runners = r"(?:sudo |docker compose (?:-f \S+ )?(?:run --rm|exec)(?: -\S+)* )?"
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            if match := re.match(rf"\s*{runners}(?:digest (?:digest )?|web digest )(.+)", line):
                yield match[1]


def _commands() -> list[str]:
    found = [" ".join(json.loads(re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)[-1]))]
    for name in COMPOSED:
        found += [shlex.join(service["command"]) for service in _ours(name).values()]
    for name in UNITS:
        (line,) = _unit(name)["ExecStart"]
        found.append(line.removeprefix("/opt/digest/bin/digest "))
    for page in PAGES:
        typed = list(_typed_in(page))
        assert typed
        found += typed
    return sorted(set(found))


@pytest.mark.parametrize("line", _commands())
def test_every_command_that_is_run_or_told_of_is_one_of_ours(line: str) -> None:
    words = shlex.split(line, comments=True)
    ends = [at for at, word in enumerate(words) if word in {"<", ">", "|", ";", "&&"}]
    with contextlib.suppress(click.exceptions.Exit):  # --version leaves at once
        _parse(digest, "digest", words[: min(ends, default=None)])


def _parse(command: click.Command, name: str, words: list[str]) -> None:
    """Read a command line as it is read when it is typed, and do nothing. Raises UsageError."""
    context = command.make_context(name, words)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        below, found, rest = command.resolve_command(context, rest)
        assert below is not None
        assert found is not None
        _parse(found, below, rest)


# Settings and paths


def _variables() -> list[dict[str, str]]:
    found = [dict(re.findall(r"(DIGEST_\w+)=(\S+)", DOCKERFILE))]
    for name in COMPOSED:
        found += [service.get("environment", {}) for service in _ours(name).values()]
    for name in UNITS:
        lines = " ".join(_unit(name)["Environment"])
        found.append(dict(re.findall(r"(DIGEST_\w+)=(\S+)", lines)))
    return found


@pytest.mark.parametrize("variables", _variables())
def test_every_variable_is_a_setting_and_its_value_is_read(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = write_settings(tmp_path)
    for name, value in variables.items():
        if name == "DIGEST_STORAGE__DATABASE_FILE":
            secret = tmp_path / "database-url"
            secret.write_text("postgresql://digest@db/digest\n")
            monkeypatch.setenv(name, str(secret))
        else:
            monkeypatch.setenv(name, value)
    load(settings)


@pytest.mark.parametrize("name", COMPOSED)
def test_no_two_workers_have_one_journal_or_one_name(name: str) -> None:
    workers = [each for each in _ours(name).values() if each["command"][0] == "worker"]
    journals = [each["environment"]["DIGEST_STORAGE__JOURNAL"] for each in workers]
    assert len(set(journals)) == len(journals) == len({each["hostname"] for each in workers})
    assert all(Path(journal).is_relative_to("/srv/digest") for journal in journals)


def test_workers_of_one_machine_have_a_journal_each() -> None:
    (journal,) = [each for each in _unit("digest-worker@.service")["Environment"] if "%i" in each]
    assert journal == "DIGEST_STORAGE__JOURNAL=%S/digest/var/journal-%i"


@pytest.mark.parametrize("name", COMPOSED)
def test_every_container_of_ours_runs_the_same_way(name: str) -> None:
    for service in _ours(name).values():
        assert service["restart"] == "unless-stopped"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["volumes"] == ["./site:/srv/digest"]
        assert service["pull_policy"] == "never"
        assert service["healthcheck"]["test"]


@pytest.mark.parametrize("name", COMPOSED)
def test_what_a_compose_file_names_is_there(name: str) -> None:
    composed = _composed(name)
    for service in composed["services"].values():
        assert set(service.get("secrets", [])) <= set(composed["secrets"])
        assert set(service.get("networks", [])) <= set(composed["networks"])
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in {*composed["volumes"], "./site"} or (DEPLOY / source).is_file(), source
        assert set(service.get("depends_on", {})) <= set(composed["services"])
        for needed in service.get("depends_on", {}):
            assert "healthcheck" in composed["services"][needed]


def test_the_dockerfile_copies_what_is_there_and_may_reach_the_builder() -> None:
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignore
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        copied |= set(line.split()[:-1])
    assert copied == let_in
    assert [each for each in copied if not (ROOT / each).exists()] == []


def test_the_image_is_built_with_every_tool_that_makes_the_wheel() -> None:
    names = re.search(r"\^\(([\w|-]+)\)==", DOCKERFILE)
    assert names is not None
    taken = set(names[1].split("|"))
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    needed = {"hatchling"} | {
        re.split(r"[\s<>=!~;\[]", line)[0].lower()
        for line in requires("hatchling") or []
        if "python_version" not in line
    }
    assert taken == needed
    assert taken <= locked


def test_the_ports_agree() -> None:
    assert f"DIGEST_WEB__LISTEN=0.0.0.0:{PORT}" in DOCKERFILE
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [PORT]
    assert f":{PORT}}}" in (DEPLOY / "Caddyfile").read_text("utf-8")
    for name in COMPOSED:
        composed = _composed(name)["services"]
        upstream, port = composed["caddy"]["environment"]["LETTERS_UPSTREAM"].split(":")
        assert port == PORT
        assert composed[upstream]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]


def test_only_the_proxys_network_is_believed() -> None:
    for name in COMPOSED:
        (network,) = _composed(name)["networks"]["letters"]["ipam"]["config"]
        believed = {
            what["environment"]["DIGEST_WEB__TRUSTED_PROXIES"]
            for what in _ours(name).values()
            if "ports" in what
        }
        assert believed == {f'["{network["subnet"]}"]'}


# Leaving in time


def test_whoever_stops_us_waits_for_what_is_on_the_wire() -> None:
    ours = max(GRACE_SECONDS, SendRules().drain_seconds + 2)
    for name in COMPOSED:
        for service in _ours(name).values():
            assert _seconds(service["stop_grace_period"]) >= 2 * ours
    for name in UNITS:
        (given,) = _unit(name)["TimeoutStopSec"]
        assert _seconds(given) >= 2 * ours


# Units


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_hardened_watched_and_restarted(name: str) -> None:
    unit = _unit(name)
    assert {key: unit[key][-1] for key in HARDENED} == HARDENED
    assert (unit["Type"], unit["NotifyAccess"]) == (["notify"], ["main"])
    assert unit["WatchdogSec"] == ["2min"]
    assert (unit["Restart"], unit["RestartPreventExitStatus"]) == (["on-failure"], ["2"])
    assert unit["EnvironmentFile"] == ["-/etc/digest/environment"]


def test_all_units_are_hardened_alike() -> None:
    theirs = []
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text("utf-8")
        theirs.append(text.partition("ProtectSystem=")[2].partition("[Install]")[0])
    assert len(set(theirs)) == 1


def test_a_command_runs_as_the_user_of_the_units_in_their_folder() -> None:
    text = (DEPLOY / "systemd" / "digest-command").read_text("utf-8")
    told = dict(re.findall(r"--property=(\w+)=(\S+)", text))
    unit = {key: values[-1] for key, values in _unit("digest.service").items()}
    assert {**told, "WorkingDirectory": "%S/digest"} == {key: unit[key] for key in told}
    assert os.access(DEPLOY / "systemd" / "digest-command", os.X_OK)


def _analyze(*words: str | Path) -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not on this machine")
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Give the units with a program that is there."""
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace("/opt/digest/bin/digest", "/bin/true"))
    return [tmp_path / name for name in UNITS]


def test_systemd_finds_no_fault_in_the_units(units: list[Path]) -> None:
    assert _analyze("verify", *units) == ""


def test_systemd_calls_no_unit_exposed(units: list[Path]) -> None:
    for unit in units:
        found = _analyze("security", "--offline=yes", "--threshold=15", unit)
        assert "OK" in found.splitlines()[-1]


# Health checks, as they are run


@contextlib.contextmanager
def _answering(status: int) -> Iterator[int]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def _web_checks() -> list[list[str]]:
    (line,) = re.findall(r"^ +CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    found = [json.loads(line)]
    found.append(_ours("compose.yaml")["digest"]["healthcheck"]["test"][1:])
    found.append(_ours("compose.postgresql.yaml")["web"]["healthcheck"]["test"][1:])
    return found


def _checked(command: list[str], port: int) -> int:
    words = [word.replace(PORT, str(port)) for word in command[1:]]
    done = subprocess.run([sys.executable, *words], capture_output=True, check=False)
    return done.returncode


def test_the_health_check_of_the_pages_is_one_and_finds_them_well_or_not() -> None:
    command, *same = _web_checks()
    assert same == [command, command]
    assert command[0] == "python"
    with _answering(200) as port:
        assert _checked(command, port) == 0
    with _answering(503) as port:
        assert _checked(command, port) == 1
    assert _checked(command, port) == 1  # nobody answers there any more


def test_the_health_check_of_the_others_finds_a_pulse_that_is_fresh(tmp_path: Path) -> None:
    others = {
        each: what
        for each, what in _ours("compose.postgresql.yaml").items()
        if what["command"][0] != "web"
    }
    (check,) = {what["healthcheck"]["test"][1] for what in others.values()}
    assert {tuple(what["command"][1:]) for what in others.values()} == {("--pulse", "/tmp/pulse")}  # noqa: S108 - the container's own, and empty at first
    pulse = tmp_path / "pulse"
    command = ["sh", "-c", check.replace("$$", "$").replace("/tmp/pulse", str(pulse))]  # noqa: S108 - the same
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
    pulse.touch()
    assert subprocess.run(command, check=False).returncode == 0
    long_ago = time.time() - 180
    os.utime(pulse, (long_ago, long_ago))
    assert subprocess.run(command, check=False).returncode == 1


def test_the_units_are_files_that_others_can_read_too() -> None:
    for name in UNITS:
        parser = configparser.RawConfigParser(strict=False)
        parser.read(DEPLOY / "systemd" / name)
        assert {"Unit", "Service", "Install"} == set(parser.sections())
