"""Options as keyword arguments are typed (rule U-9): mypy and pyright, run as by users, tell right from wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import esg_http
from esg_core.options import keywords
from esg_core.options.catalogue import SERVER_OPTIONS
from esg_core.options.uvicorn_names import UVICORN
from esg_http.embedding import OF_A_PROCESS
from tools.typed_options import FILE, module

CALLS = """\
import asyncio
import logging
import ssl
from pathlib import Path
from typing import Any

import esg
import esg_http
import esg_reload
import esg_ws
from typing import Unpack


async def app(scope: Any, receive: Any, send: Any) -> None: ...


def hook(scope: Any, status: int, headers: Any) -> None: ...


def right() -> None:
    esg.run("m:app", port=1, host=None, log_level="info", access_log=False, config=Path("esg.toml"), preset=None)
    esg.run(app=app, headers=[("a", "b")], reload_dirs=[Path("src")], log_level=logging.INFO)
    esg.run(app, loop=asyncio.new_event_loop, reload_includes="*.html", reload_delay=1)
    esg.run(app, on_response=hook, timeout_keep_alive=5, forwarded_allow_ips="*", reload_dirs=None, log_config=None)
    esg.Config("m:app", ssl_certfile=Path("c.pem"), ssl_cert_reqs=ssl.CERT_REQUIRED, app_dir=Path("src"), bind=["a:1"])
    esg.Config(app, reload_dir=Path("src"), timeout_write=None, workers=2, ssl_context_factory="m:context")


def tested(esg_server: esg.testing.StartServer) -> str:
    with esg.testing.serve(app, raise_app_exceptions=False, loop="asyncio") as server:
        return server.url + esg_server("m:app", root_path="/api").ws_url


async def served() -> None:
    async with esg.testing.serve(app, ssl_min_version="TLSv1.3", uds_permissions=0o660) as running:
        running.shutdown()
    server = await esg_http.start_server(app, "::1", 80, timeout_keep_alive=65, ssl_certfile=Path("c.pem"))
    server.close()
    esg_http.HTTPProtocol(app, http="h11", header=["a:b"], headers=[("a", "b")])
    try:
        await esg.Server(esg.Config(app, port=0)).serve()
    except (esg.UsageError, esg.StartupError, esg_http.UsageError, esg_http.StartupError) as error:
        print(error.exit_code)
    except (esg.ClientDisconnected, esg_http.ClientDisconnected, esg_ws.ClientDisconnected):
        pass


def wrapped(**options: Unpack[esg.RunOptions]) -> None:
    esg.run("m:app", **options)


async def wrapped_too(**settings: Unpack[esg_http.ServerSettings]) -> esg_http.HTTPServer:
    return await esg_http.start_server(app, **settings)


def wrong() -> None:
    esg.run(app, prot=1)  # wrong
    esg.run(app, port="1")  # wrong
    esg.run(app, interface="asgi4")  # wrong
    esg.run(app, headers={"a": "b"})  # wrong
    esg.run(3)  # wrong
    esg.Config(app, prot=1)  # wrong
    esg.Config(app, access_log="yes")  # wrong
    esg.Config(app, ssl_certfile=b"c.pem")  # wrong
    esg.Config(app, config="esg.toml")  # wrong
    esg_http.start_server(app, prot=1)  # wrong
    esg_http.start_server(app, timeout_keep_alive="65")  # wrong
    esg_http.start_server(app, workers=2)  # wrong
    esg_http.HTTPProtocol(app, port=1)  # wrong
    wrapped(prot=1)  # wrong
    esg.testing.serve(app, prot=1)  # wrong
    esg.testing.serve(app).url  # wrong
    print(esg.Confg, esg_reload.Relaoder)  # wrong
"""
"""A program of a user's; a line that must be an error says so."""

WRONG = {number for number, line in enumerate(CALLS.splitlines(), 1) if line.endswith("# wrong")}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program in another directory, where only installed packages are known."""
    path = tmp_path / "program.py"
    path.write_text(CALLS, encoding="utf-8")
    return path


def answer(*command: str, here: Path) -> str:
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False, timeout=300)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.timeout(300)
def test_mypy_refuses_the_wrong_calls_and_no_others(program: Path) -> None:
    said = answer(sys.executable, "-m", "mypy", "--strict", "--no-incremental", program.name, here=program.parent)
    assert {int(line) for line in re.findall(r"^program\.py:(\d+): error: ", said, re.MULTILINE)} == WRONG, said


@pytest.mark.timeout(300)
def test_pyright_refuses_the_wrong_calls_and_no_others(program: Path) -> None:
    settings = {"typeCheckingMode": "strict", "reportUnusedCoroutine": False, "include": [program.name]}
    (program.parent / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    python = ("--pythonpath", sys.executable)
    said = answer(sys.executable, "-m", "basedpyright", "--outputjson", *python, here=program.parent)
    found = [one for one in json.loads(said)["generalDiagnostics"] if one["severity"] == "error"]
    assert {one["range"]["start"]["line"] + 1 for one in found} == WRONG, said


def test_the_types_are_what_the_declarations_say() -> None:
    assert FILE.read_text(encoding="utf-8") == module(), "regenerate it: python -m tools.typed_options"


def test_every_keyword_has_a_type() -> None:
    of_uvicorn = {known.name for known in UVICORN.values() if known.ours}
    assert set(keywords.ConfigOptions.__annotations__) == (SERVER_OPTIONS.keys() | of_uvicorn) - {"app"}
    assert set(keywords.RunOptions.__annotations__) == {*keywords.ConfigOptions.__annotations__, "config"}
    embedded = set(esg_http.ServerSettings.__annotations__)
    assert SERVER_OPTIONS.keys() - embedded == OF_A_PROCESS | {"app", "host", "port"}
