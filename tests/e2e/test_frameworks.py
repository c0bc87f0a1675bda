"""Applications of six frameworks, served for real and used with curl and httpx."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.e2e.clients import Client, Curl, Httpx
from tests.support.e2e.programs import needs
from tests.support.e2e.server import Server, serving
from tests.support.installed import STACKS

pytestmark = pytest.mark.slow

OPTIONS = {
    "starlette": ("--lifespan", "on"),
    "fastapi": ("--lifespan", "on"),
    "django": (),
    "litestar": ("--lifespan", "on"),
    "quart": ("--lifespan", "on"),
    "flask": ("--interface", "wsgi"),
}
WITH_LIFESPAN = [name for name, options in OPTIONS.items() if "--lifespan" in options]
FILE = bytes(range(256)) * 2000


def serve(framework: str) -> tuple[str, ...]:
    return (f"tests.e2e.apps.{framework}_app:app", *OPTIONS[framework])


@pytest.fixture(scope="module", params=STACKS)
def stack(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return STACKS[request.param]


@pytest.fixture(scope="module", params=OPTIONS)
def server(request: pytest.FixtureRequest, stack: tuple[str, ...]) -> Iterator[Server]:
    with serving(*serve(request.param), *stack) as running:
        yield running


@pytest.fixture(params=[pytest.param(Curl(), id="curl", marks=needs("curl")), pytest.param(Httpx(), id="httpx")])
def client(request: pytest.FixtureRequest) -> Client:
    client: Client = request.param
    return client


def test_path_and_query_reach_the_route(server: Server, client: Client) -> None:
    answer = client.get(f"{server.url}/users/Zo%C3%AB?greeting=Gr%C3%BC%C3%9F%20dich")
    assert (answer.status, json.loads(answer.body)) == (200, {"name": "Zoë", "greeting": "Grüß dich"})
    assert answer.headers["server"] == "esg"


def test_a_path_without_route_is_the_frameworks_404(server: Server, client: Client) -> None:
    assert client.get(f"{server.url}/nowhere").status == 404


def test_json_in_both_directions(server: Server, client: Client) -> None:
    document = {"text": "Grüße", "numbers": [1, 2.5, None], "long": "x" * 100_000}
    answer = client.post_json(f"{server.url}/echo", json.dumps(document))
    assert answer.status in (200, 201)
    assert json.loads(answer.body) == document


def test_upload_of_a_file(server: Server, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "data.bin"
    file.write_bytes(FILE)
    answer = client.post_file(f"{server.url}/upload", file)
    assert json.loads(answer.body) == {"filename": "data.bin", "size": len(FILE)}


def test_streamed_response(server: Server, client: Client) -> None:
    answer = client.get(f"{server.url}/stream")
    assert answer.body.decode().splitlines() == [f"line {number}" for number in range(100)]
    assert answer.headers["transfer-encoding"] == "chunked"


@pytest.mark.parametrize("framework", WITH_LIFESPAN)
def test_l1_lifespan_brackets_all_requests(framework: str) -> None:
    """L-1, L-2: start-up before the first request, its state in each request, shutdown at the end."""
    with serving(*serve(framework)) as server:
        assert "lifespan: started" in server.lines
        assert Httpx().get(f"{server.url}/state").body == b"at start-up"
        assert "lifespan: stopped" not in server.lines
    assert server.lines.count("lifespan: stopped") == 1
