"""The files of `examples/deploy/fleet`: valid for their programs, and in step with what ESG does."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.fleet.balancers import BALANCERS
from tests.support.e2e.programs import find, needs
from tests.support.source_tree import ROOT

FLEET = ROOT / "examples" / "deploy" / "fleet"
ENVOY = Path(sys.executable).with_name("envoy")
FILES = ("haproxy.cfg", "haproxy-tcp.cfg", "nginx.conf", "envoy.yaml")


@cache
def effective(name: str) -> dict[str, Any]:
    """The configuration of the command that a file gives for each host, as `esg --check` shows it."""
    found = re.search(r"Run ESG on each[^:]*: +esg main:app (.*)", (FLEET / name).read_text(encoding="utf-8"))
    assert found is not None
    command = [sys.executable, "-m", "esg", "examples.hello:app", *shlex.split(found[1]), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return tomllib.loads(checked.stdout)


@needs("haproxy")
@pytest.mark.parametrize("name", ["haproxy.cfg", "haproxy-tcp.cfg"])
def test_u7_haproxy_accepts_its_configuration(name: str) -> None:
    command = [find("haproxy") or "haproxy", "-c", "-f", str(FLEET / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr


@needs("nginx")
def test_u7_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    user = " user root;" if os.geteuid() == 0 else ""
    where = ["-p", str(tmp_path), "-c", str(FLEET / "nginx.conf"), "-e", "stderr", "-g", f"daemon off;{user}"]
    done = subprocess.run([find("nginx") or "nginx", "-t", *where], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


@pytest.mark.skipif(not ENVOY.exists(), reason="Envoy has a package for some platforms only")
def test_u7_envoy_accepts_its_configuration() -> None:
    command = [str(ENVOY), "--mode", "validate", "--config-path", str(FLEET / "envoy.yaml"), "--log-level", "warning"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warning]" not in done.stderr


@pytest.mark.parametrize("name", FILES)
def test_u7_hosts_stop_later_than_the_balancer_notices(name: str) -> None:
    assert effective(name)["shutdown_delay"] >= 5
    assert effective(name)["health"]
    text = (FLEET / name).read_text(encoding="utf-8")
    assert name == "nginx.conf" or effective(name)["ready_path"] in text


@pytest.mark.parametrize("name", ["nginx.conf", "envoy.yaml"])
def test_u7_the_balancer_is_the_first_to_close_idle_connections(name: str) -> None:
    found = re.search(r"\n\s+(?:keepalive_timeout|idle_timeout:) (\d+)s", (FLEET / name).read_text(encoding="utf-8"))
    assert found is not None
    assert int(found[1]) < effective(name)["timeout_keep_alive"]


def test_u7_envoy_asks_for_what_is_there_and_repeats_only_what_is_safe() -> None:
    envoy = yaml.safe_load((FLEET / "envoy.yaml").read_text(encoding="utf-8"))["static_resources"]
    (cluster,) = envoy["clusters"]
    (check,) = cluster["health_checks"]
    assert check["http_health_check"]["path"] == effective("envoy.yaml")["ready_path"]
    seconds = {name: float(check[name].rstrip("s")) for name in ("timeout", "interval", "unhealthy_interval")}
    notices = sum(seconds.values())
    assert notices < effective("envoy.yaml")["shutdown_delay"]
    (filters,) = envoy["listeners"][0]["filter_chains"]
    (host,) = filters["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    get, other = host["routes"]
    assert get["match"]["headers"] == [{"name": ":method", "string_match": {"exact": "GET"}}]
    assert {route["route"]["cluster"] for route in (get, other)} == {cluster["name"]}
    safe = {"connect-failure", "refused-stream", "retriable-status-codes"}
    assert set(host["retry_policy"]["retry_on"].split(",")) == safe
    assert set(get["route"]["retry_policy"]["retry_on"].split(",")) == safe | {"reset"}
    assert "retry_policy" not in other["route"]


def test_the_benchmark_uses_the_files_themselves() -> None:
    """With its own addresses: none of those in the files is left."""
    for balancer in BALANCERS.values():
        text = balancer.adapted(8081, 8001).replace(", port_value: ", ":")  # Envoy's way to write an address
        assert re.findall(r"\b10\.0\.0\.1\d:", text) == []
        assert set(re.findall(r"127\.0\.0\.\d:8001", text)) == {f"127.0.0.{number}:8001" for number in (2, 3, 4)}
        assert len(re.findall(r"\b(?:bind|listen|address:) 127\.0\.0\.1:8081\b", text)) == 1
