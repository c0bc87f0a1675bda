"""Every example does what its first lines say."""

import hashlib
import json
import shlex
import signal
import sys
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.e2e.server import PATIENCE, ROOT, URL, Program, Server, serving

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def options_of(example: str) -> list[str]:
    """The options in the line "Run it with:  esg examples.NAME:app OPTIONS"."""
    for line in (ROOT / "examples" / example).read_text(encoding="utf-8").splitlines():
        _, found, command = line.partition("Run it with:")
        if found:
            return shlex.split(command)[2:]
    raise AssertionError(f"{example} does not say how to run it")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_says_how_to_run_it(example: Path) -> None:
    text = example.read_text(encoding="utf-8")
    assert f"esg examples.{example.stem}:app" in text or f"python examples/{example.name}" in text
    assert (ROOT / "tests/e2e/test_examples.py").read_text(encoding="utf-8").count(example.stem) > 0


def test_hello() -> None:
    with serving("examples.hello:app", *options_of("hello.py")) as server:
        assert httpx.get(server.url).text == "Hello, world!\n"


def test_streaming_ends_when_the_server_stops() -> None:
    """L-3: the stream says goodbye long before the graceful shutdown is over."""
    with Server("examples.streaming:app", *options_of("streaming.py")) as server:
        with httpx.stream("GET", server.url, timeout=PATIENCE) as response:
            lines = response.iter_lines()
            assert next(lines) == "event: time"
            server.process.send_signal(signal.SIGTERM)
            assert list(lines)[-3:] == ["event: goodbye", "data: the server is stopping, please come back", ""]
        assert server.wait() == 0


def test_upload() -> None:
    data = bytes(range(256)) * 20_000
    with serving("examples.upload:app", *options_of("upload.py")) as server:
        digest = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        assert httpx.post(server.url, content=data, timeout=PATIENCE).json() == digest
        assert httpx.post(f"{server.url}/echo", content=data, timeout=PATIENCE).content == data


def test_starlette_app() -> None:
    with serving("examples.starlette_app:app", *options_of("starlette_app.py")) as server:
        assert httpx.get(f"{server.url}/greet/Ada").json() == {"message": "Hello, Ada!"}
        assert httpx.get(f"{server.url}/count/3").text == "1\n2\n3\n"


@pytest.mark.needs("fastapi")
def test_fastapi_app() -> None:
    with serving("examples.fastapi_app:app", *options_of("fastapi_app.py")) as server:
        assert httpx.get(f"{server.url}/items/1").json() == {"name": "coffee", "price": 3.0}
        assert httpx.post(f"{server.url}/items", json={"name": "tea", "price": 2.5}).json() == {"number": 2}
        assert httpx.post(f"{server.url}/items", json={"name": "tea", "price": -1}).status_code == 422


def test_django_app() -> None:
    with serving("examples.django_app:app", *options_of("django_app.py")) as server:
        assert httpx.get(f"{server.url}/?name=Ada").json() == {"message": "Hello, Ada!"}


def test_flask_wsgi() -> None:
    with serving("examples.flask_wsgi:app", *options_of("flask_wsgi.py")) as server:
        assert httpx.get(f"{server.url}/greet/Ada").json() == {"message": "Hello, Ada!"}


def test_u3_embed_http() -> None:
    """U-3: HTTP in an asyncio program that owns the loop and the signals."""
    with Program(sys.executable, "examples/embed_http.py", "0") as program:
        url = program.wait_for(URL)[0]
        assert httpx.get(url).json()["readings"] > 0
        assert program.stop() == 0
        assert len(program.lines) == 1


def test_u3_embed_websocket() -> None:
    """U-3: WebSocket too, without the package esg."""
    with Program(sys.executable, "examples/embed_websocket.py", "0") as program:
        url = program.wait_for(r"ws://[^\s]+/")[0]
        with connect(url) as socket:
            socket.send("hello")
            assert socket.recv(timeout=PATIENCE) == "HELLO"
        assert program.stop() == 0


def test_chat() -> None:
    """Two guests hear each other; `test_browser` has them in a browser."""
    with serving("examples.chat:app") as server:
        assert "<title>Chat</title>" in httpx.get(server.url).text
        place = server.url.replace("http", "ws", 1)
        with connect(f"{place}/ws/Ada") as ada, connect(f"{place}/ws/Bob") as bob:
            ada.send("Hello!")
            heard = [json.loads(bob.recv(timeout=PATIENCE))["text"] for _ in range(2)]
            assert heard == ["Bob has joined", "Ada: Hello!"]


def test_u2_programmatic() -> None:
    """U-2: start, ask, stop, within a program."""
    with Program(sys.executable, "examples/programmatic.py") as program:
        program.wait_for("^/hello$")
        assert program.wait() == 0


def test_u5_reload_worker(tmp_path: Path) -> None:
    """U-5: a program that is no web server is restarted too, after a clean end."""
    worker = tmp_path / "reload_worker.py"
    text = (ROOT / "examples/reload_worker.py").read_text(encoding="utf-8")
    worker.write_text(text, encoding="utf-8")
    with Program(sys.executable, worker.name, cwd=tmp_path) as program:
        program.wait_for("(?m)^working$")
        worker.write_text(text.replace('"working"', '"working better"'), encoding="utf-8")
        program.wait_for("(?m)^reload_worker.py changed: restarting\ncleaning up unfinished work\nworking better$")
        (tmp_path / "settings.toml").touch()
        program.wait_for("(?m)^settings.toml changed: restarting$")
        assert program.stop() == 0


def test_configuration_file() -> None:
    """The file's options apply, and the command line overrides them."""
    with serving("examples.hello:app", "--config", "examples/esg.toml", "--port", "0") as server:
        assert httpx.get(server.url).headers["x-frame-options"] == "DENY"
        server.wait_for('"target": ?"/"')


@pytest.mark.needs("fastapi")
def test_a_shop_as_in_the_readme(tmp_path: Path) -> None:
    """The FastAPI application of the README answers as the README says."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (program,) = [
        block.partition("```")[0] for block in text.split("```python\n") if "@app.get" in block.partition("```")[0]
    ]
    (tmp_path / "shop.py").write_text(program, encoding="utf-8")
    with serving("shop:app", cwd=tmp_path) as server:
        assert httpx.get(f"{server.url}/items/1").json() == {"number": 1}
