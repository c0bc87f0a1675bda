"""Starts that cannot succeed: one line that names the option, and the exit code (L-1, C-1, C-2)."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.e2e.server import PATIENCE, ROOT, Server
from tests.support.faults.servers import authority, certificate
from tests.support.installed import LOOPS

PROGRAM = """
import contextlib, io, json, sys
import esg
for options in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            esg.run("tests.faults.apps.answering:app", **{"port": 0, **options})
            code = 0
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, said.getvalue()]))
"""


def wrong_options(directory: Path) -> list[tuple[dict[str, object], int, str]]:
    """Options that cannot be applied, with the exit code and the beginning of the one line about it."""
    good = {"ssl_certfile": str(certificate(directory))}
    lonely = directory / "lonely.pem"
    authority().issue_cert("a.test").cert_chain_pems[0].write_to_path(lonely)
    long = f"{directory}/{'x' * 120}"
    binary = directory / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    return [
        ({"host": "no-such-host.invalid"}, 3, "cannot listen on no-such-host.invalid:0: the host"),
        ({"host": "192.0.2.1"}, 3, "cannot listen on 192.0.2.1:0: no interface of this machine has this address"),
        ({"uds": "/nowhere/socket"}, 3, "cannot listen on unix:/nowhere/socket: its directory does not exist"),
        ({"uds": "/proc/socket"}, 3, "cannot listen on unix:/proc/socket: "),
        ({"uds": long}, 3, f"cannot listen on unix:{long}: AF_UNIX path too long"),
        ({"uds": str(directory)}, 3, f"cannot listen on unix:{directory}: there is a file that is not a socket"),
        ({"fd": 999}, 3, "cannot listen on fd://999: there is no such open descriptor"),
        ({"ssl_certfile": "/nowhere/a.pem"}, 2, "ssl_certfile='/nowhere/a.pem': no such file"),
        ({"ssl_certfile": str(directory)}, 2, f"ssl_certfile='{directory}': is a directory"),
        ({"ssl_certfile": str(lonely)}, 2, f"ssl_certfile='{lonely}': it holds no private key; name the key with"),
        ({**good, "ssl_keyfile": "/nowhere/a.key"}, 2, "ssl_keyfile='/nowhere/a.key': no such file"),
        ({**good, "ssl_ca_certs": "/nowhere/ca"}, 2, "ssl_ca_certs='/nowhere/ca': no such file"),
        ({"log_config": "/nowhere/log.json"}, 2, "log_config='/nowhere/log.json': no such file or directory"),
        ({"log_config": str(directory)}, 2, f"log_config='{directory}': is a directory"),
        ({"log_config": file_handler("/nowhere/log")}, 2, "log_config: Unable to configure handler 'file': "),
        ({"log_config": file_handler("/proc/log")}, 2, "log_config: Unable to configure handler 'file': "),
        ({"env_file": "/nowhere/env"}, 2, "env_file='/nowhere/env': no such file"),
        ({"env_file": str(binary)}, 2, f"env_file='{binary}': not UTF-8 text"),
        ({"reload": True, "reload_dir": ["/nowhere"]}, 2, "reload_dir: there is no directory '/nowhere'"),
    ]


def file_handler(path: str) -> dict[str, object]:
    handler = {"class": "logging.FileHandler", "filename": path}
    return {"version": 1, "handlers": {"file": handler}, "root": {"handlers": ["file"]}}


def test_what_cannot_be_followed(tmp_path: Path) -> None:
    """One after another in one process, which also shows that nothing is left of a failed start."""
    cases = wrong_options(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([options for options, _, _ in cases]),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE * 2,
        check=True,
    )
    for (options, code, beginning), line in zip(cases, done.stdout.splitlines(), strict=True):
        exit_code, said = json.loads(line)
        assert exit_code == code, (options, said)
        assert said.startswith(f"Error: {beginning}"), (options, said)
        assert said.count("\n") == 1, (options, said)


@pytest.mark.parametrize("file", ["/nowhere/esg.toml", "/proc"])
def test_a_configuration_file_that_is_not_there(file: str) -> None:
    with Server("tests.faults.apps.answering:app", "--config", file) as server:
        assert server.wait() == 2
    (line,) = server.lines
    assert line.startswith(f"Error: --config {file}: ")


SLOW = """
import socket, time
def slow(*args, **kwargs):
    print("asking", flush=True)
    time.sleep(60)
socket.getaddrinfo = slow
"""


@pytest.mark.parametrize("loop", LOOPS)
def test_a_name_server_that_does_not_answer(tmp_path: Path, loop: str) -> None:
    """A signal ends a start that waits for one: at once, and without a traceback."""
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    options = ("--loop", loop, "--host", "esg.test")
    with Server("tests.faults.apps.answering:app", *options, env=environment) as server:
        server.wait_for("asking")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 20
    assert "Traceback" not in server.output


def test_a_port_that_is_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with Server("tests.faults.apps.answering:app", "--port", port) as server:
            assert server.wait() == 3
    (line,) = server.lines
    assert line.startswith(f"Error: cannot listen on 127.0.0.1:{port}: it is in use by another program; ")
