"""U-7, U-6: each configuration in `examples/deploy`, in the program that it is for; nginx has its own file."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.behaviour.lifecycle import free_port
from tests.support.e2e.programs import needs
from tests.support.e2e.server import PATIENCE, ROOT, Program

DEPLOY = ROOT / "examples" / "deploy"
BIN = Path(sys.executable).parent


def environment() -> dict[str, str]:
    """With this Python's commands first: `esg`, `gunicorn`, `supervisord`, `circusd`."""
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def adapted(name: str, directory: Path, *changes: tuple[str, str]) -> tuple[Path, int]:
    """A copy of an example that listens on a free port, and that port."""
    port = free_port()
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for old, new in (("8080", str(port)), *changes):
        assert old in text
        text = text.replace(old, new)
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path, port


def command_of(path: Path, *, old: Path) -> list[str]:
    """The command in an example's line "Run it with:", for its copy."""
    found = re.search(r"Run it with: +(.*)", path.read_text(encoding="utf-8"))
    assert found is not None
    return [str(path) if word == str(old) else word for word in shlex.split(found[1])]


@contextmanager
def running(name: str, directory: Path, *changes: tuple[str, str]) -> Iterator[tuple[Program, int]]:
    """The example, run as it says; it must end cleanly."""
    path, port = adapted(name, directory, *changes)
    command = command_of(path, old=Path("examples/deploy") / name)
    with Program(*command, env=environment(), cwd=ROOT) as program:
        try:
            yield program, port
        finally:
            code = program.stop()
        assert code == 0, program.output


def wait_for_servers(program: Program, count: int) -> set[str]:
    """The processes that serve, once there are that many."""
    program.wait_for("(?s)" + count * "Started server process.*")
    return set(re.findall(r"Started server process \[(\d+)\]", program.output))


def ended(processes: set[str]) -> bool:
    return not any(Path("/proc", process).exists() for process in processes)


def test_u7_supervisor(tmp_path: Path) -> None:
    """`--fd 0`: two processes on the socket that supervisor has opened."""
    directory = ("%(here)s/../..", str(ROOT))
    with running("supervisord.conf", tmp_path, directory) as (program, port):
        servers = wait_for_servers(program, 2)
        assert httpx.get(f"http://127.0.0.1:{port}").text == "Hello, world!\n"
    assert ended(servers)
    assert program.output.count("Finished server process") == 2


def test_u7_circus(tmp_path: Path) -> None:
    """`--fd $(circus.sockets.web)`."""
    ports = (("5555", str(free_port())), ("5556", str(free_port())))
    with running("circus.ini", tmp_path, *ports) as (program, port):
        servers = wait_for_servers(program, 2)
        assert httpx.get(f"http://127.0.0.1:{port}").text == "Hello, world!\n"
    assert ended(servers)
    assert program.output.count("Finished server process") == 2


def test_u6_gunicorn(tmp_path: Path) -> None:
    with running("gunicorn_conf.py", tmp_path) as (program, port):
        program.wait_for("(?s)(running on.*){2}")
        assert httpx.get(f"http://127.0.0.1:{port}").text == "Hello, world!\n"
        assert httpx.get(f"http://127.0.0.1:{port}/__esg_health__").text == "ok"


# systemd.


def unit(name: str) -> list[tuple[str, str]]:
    """The settings of a unit, in order."""
    lines = (DEPLOY / "systemd" / name).read_text(encoding="utf-8").splitlines()
    return [(key, value) for key, found, value in (line.partition("=") for line in lines if line[:1] != "#") if found]


def setting(name: str, key: str) -> str:
    (value,) = (value for found, value in unit(name) if found == key)
    return value


@needs("systemd-analyze")
def test_u7_units_are_valid(tmp_path: Path) -> None:
    for name in ("shop.socket", "shop.service"):
        text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/srv/shop/.venv/bin/esg", sys.executable), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "shop.socket"), str(tmp_path / "shop.service")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    about_ours = [line for line in checked.stderr.splitlines() if "shop." in line and "not-found" not in line]
    assert about_ours == []


@needs("systemd-socket-activate")
def test_u7_service_with_its_sockets(tmp_path: Path) -> None:
    """The service's own command, on the sockets of its socket unit; it reports that it is ready, and reloads."""
    port, path = free_port(), tmp_path / "shop.sock"
    places = [value for key, value in unit("shop.socket") if key == "ListenStream"]
    assert places == ["127.0.0.1:8000", "/run/shop.sock"]
    _, app, *options = shlex.split(setting("shop.service", "ExecStart"))
    assert app == "main:app"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(PATIENCE)
        variables = (f"PYTHONPATH={ROOT}", f"NOTIFY_SOCKET={tmp_path / 'notify'}", "WATCHDOG_USEC=60000000")
        words = [word for variable in variables for word in ("-E", variable)]
        listen = ["-l", f"127.0.0.1:{port}", "-l", str(path), *words]
        command = ["systemd-socket-activate", *listen, sys.executable, "-m", "esg", "examples.hello:app", *options]
        with Program(*command) as program:
            program.wait_for("Listening on .* as 4")
            assert httpx.get(f"http://127.0.0.1:{port}", timeout=PATIENCE).text == "Hello, world!\n"
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
                assert client.get("http://shop/").text == "Hello, world!\n"
            assert hear(notify, "READY") == "1"
            assert setting("shop.service", "ExecReload").endswith("-HUP $MAINPID")
            program.process.send_signal(signal.SIGHUP)
            assert hear(notify, "RELOADING") == "1"
            assert hear(notify, "READY") == "1"
            assert httpx.get(f"http://127.0.0.1:{port}", timeout=PATIENCE).text == "Hello, world!\n"
            assert program.stop() == 0
            assert hear(notify, "STOPPING") == "1"


def hear(notify: socket.socket, name: str) -> str:
    """The value of a variable, once it is sent to systemd."""
    while True:
        told = dict(line.split("=", 1) for line in notify.recv(4096).decode().splitlines())
        if name in told:
            return told[name]


# Kubernetes.


def manifest(kind: str) -> Any:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
    (found,) = (document for document in documents if document is not None and document["kind"] == kind)
    return found


@pytest.fixture(scope="module")
def effective() -> dict[str, Any]:
    """The configuration that the container's command makes."""
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["esg", "main:app"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    command = [sys.executable, "-m", "esg", "examples.hello:app", *container["args"], "--check"]
    env = {**environment(), **variables}
    checked = subprocess.run(command, capture_output=True, text=True, check=True, env=env, cwd=ROOT)
    return tomllib.loads(checked.stdout)


def test_u7_probes_ask_for_what_is_there(effective: dict[str, Any]) -> None:
    (container,) = manifest("Deployment")["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert effective["health"]
    assert port["containerPort"] == effective["port"]
    for probe, path in (("liveness", "health_path"), ("readiness", "ready_path"), ("startup", "ready_path")):
        assert container[f"{probe}Probe"]["httpGet"] == {"path": effective[path], "port": port["name"]}
    (service,) = manifest("Service")["spec"]["ports"]
    assert service["targetPort"] == port["name"]


def test_u7_the_grace_period_is_long_enough(effective: dict[str, Any]) -> None:
    """And ESG itself serves until all nodes know that the pod leaves, so that kept connections are told."""
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    assert effective["shutdown_delay"] >= 5
    needed = effective["shutdown_delay"] + effective["timeout_graceful_shutdown"] + 5
    assert needed <= pod["terminationGracePeriodSeconds"]


def test_u7_the_budget_is_for_the_pods_of_the_deployment() -> None:
    budget, deployment = manifest("PodDisruptionBudget")["spec"], manifest("Deployment")["spec"]
    assert budget["selector"] == deployment["selector"]
    assert budget["selector"]["matchLabels"] == deployment["template"]["metadata"]["labels"]
    assert 0 < budget["maxUnavailable"] < deployment["replicas"]


def test_u7_addresses_of_clients_come_from_the_ingress(effective: dict[str, Any]) -> None:
    assert effective["forwarded_allow_ips"] == ["10.0.0.0/8"]
    assert effective["host"] == "0.0.0.0"
