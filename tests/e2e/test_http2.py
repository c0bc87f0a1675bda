"""HTTP/2 with popular clients, over each HTTP/1.1 parser, loop and transport (rules 2-1, 2-2)."""

import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from tests.e2e.apps.page import PARTS
from tests.support.certificates import CA
from tests.support.e2e.browser import Browser
from tests.support.e2e.clients import PATIENCE, Curl
from tests.support.e2e.programs import needs
from tests.support.e2e.server import Server, serving

KINDS = [
    (parser, loop, tls)
    for parser, loop in (("httptools", "uvloop"), ("h11", "asyncio"), ("httptools", "asyncio"))
    for tls in (False, True)
]
SUCCEEDED = re.compile(r"requests: (\d+) total, .* (\d+) succeeded, (\d+) failed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the certificates of an authority and a server."""
    directory = tmp_path_factory.mktemp("tls")
    authority = CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(directory / "server.key")
    certificate.cert_chain_pems[0].write_to_path(directory / "server.pem")
    return directory


def certificate(authority: Path) -> tuple[str, ...]:
    """The options of a server that speaks TLS."""
    return ("--ssl-certfile", str(authority / "server.pem"), "--ssl-keyfile", str(authority / "server.key"))


def over_tls(app: str, authority: Path, loop: str) -> AbstractContextManager[Server]:
    """A server for one test."""
    return serving(app, "--loop", loop, *certificate(authority))


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}-{'tls' if kind[2] else 'clear'}")
def server(request: pytest.FixtureRequest, authority: Path) -> Iterator[Server]:
    parser, loop, tls = request.param
    options = ("--http", parser, "--loop", loop, *(certificate(authority) if tls else ()))
    with serving("tests.e2e.apps.plain:app", *options) as running:
        yield running


def curl(server: Server, authority: Path, path: str, *more: str) -> bytes:
    is_tls = server.url.startswith("https:")
    how = ["--http2", "--cacert", str(authority / "ca.pem")] if is_tls else ["--http2-prior-knowledge"]
    return Curl().run(*how, *more, f"{server.url}{path}").body


@needs("curl")
def test_2_1_http_2_and_1_1_on_the_same_port(server: Server, authority: Path) -> None:
    for version, more in (("2", []), ("1.1", ["--http1.1"])):
        seen = json.loads(curl(server, authority, "/who", *more))
        assert (seen["http_version"], seen["path"], server.url.partition(":")[0]) == (version, "/who", seen["scheme"])


@needs("curl")
def test_2_2_an_upload_larger_than_every_buffer(server: Server, authority: Path, tmp_path: Path) -> None:
    file = tmp_path / "upload"
    file.write_bytes(b"x" * 3_000_000)
    assert curl(server, authority, "/size", "--data-binary", f"@{file}") == b"3000000"


@needs("nghttp")
def test_2_1_nghttp(server: Server) -> None:
    command = ["nghttp", "--no-verify-peer", f"--timeout={PATIENCE}", f"{server.url}/", f"{server.url}/who"]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    assert b"Hello, world!" in output
    assert b'"http_version": "2"' in output


@needs("h2load")
def test_2_2_h2load(server: Server) -> None:
    """Many concurrent streams, on several connections."""
    command = ["h2load", "-n", "500", "-c", "4", "-m", "20", f"{server.url}/"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=float(PATIENCE)).stdout
    match = SUCCEEDED.search(output)
    assert match is not None, output
    assert match.groups() == ("500", "500", "0")


def test_2_2_httpx(server: Server, authority: Path) -> None:
    trust = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    with httpx.Client(http1=False, http2=True, verify=trust, timeout=float(PATIENCE)) as client:
        assert client.get(f"{server.url}/who").json()["http_version"] == "2"
        assert client.post(f"{server.url}/size", content=b"x" * 200_000).text == "200000"
        assert client.get(f"{server.url}/delayed").text == "first second"


@needs("curl")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_2_2_curl_asks_for_much_at_once(authority: Path, tmp_path: Path, loop: str) -> None:
    """80 transfers, 40 at a time; over TLS, because curl 7.88 makes only one by prior knowledge, with any server."""
    with over_tls("tests.e2e.apps.plain:app", authority, loop) as server:
        how = ["--cacert", str(authority / "ca.pem"), "-Z", "--parallel-max", "40", "-o", f"{tmp_path}/#1"]
        url = f"{server.url}/who?[1-80]"
        subprocess.run(["curl", "-sS", "--fail", "--http2", "--max-time", PATIENCE, *how, url], check=True)
    answers = [json.loads(file.read_bytes()) for file in tmp_path.iterdir()]
    assert len(answers) == 80
    assert {answer["http_version"] for answer in answers} == {"2"}


@needs("nghttp")
@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--continuation"], 1),
        (["--trailer", "x-sum: 1", "--padding=200"], 1),
        (["--expect-continue"], 1),
        (["--weight=200", "--multiply=20"], 20),
        (["--no-dep", "--no-rfc7540-pri", "-H", "priority: u=0, i", "--multiply=20"], 20),
        (["--window-bits=1", "--connection-window-bits=16"], 1),
        (["--header-table-size=0", "--encoder-header-table-size=0", "--multiply=20"], 20),
        (["--max-concurrent-streams=1", "--no-content-length", "--no-push", "--multiply=5"], 5),
    ],
    ids=lambda part: part[0].strip("-") if isinstance(part, list) else "",
)
def test_2_1_nghttp_in_every_way(server: Server, tmp_path: Path, options: list[str], count: int) -> None:
    """CONTINUATION, padding, trailers, priorities of both kinds, windows and tables of each size."""
    file = tmp_path / "upload"
    file.write_bytes(b"x" * 100_000)
    command = ["nghttp", "-y", f"--timeout={PATIENCE}", f"--data={file}", *options, f"{server.url}/size"]
    output = subprocess.run(command, capture_output=True, check=True, timeout=float(PATIENCE)).stdout
    assert output.count(b"100000") == count


@needs("h2load")
@pytest.mark.parametrize("options", [["-w", "1", "-W", "16"], ["-f", "16777215"], ["--header-table-size=0"]])
def test_2_2_h2load_with_a_body(server: Server, tmp_path: Path, options: list[str]) -> None:
    file = tmp_path / "upload"
    file.write_bytes(b"x" * 40_000)
    command = ["h2load", "-n", "100", "-c", "2", "-m", "10", "-d", str(file), *options, f"{server.url}/size"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=float(PATIENCE)).stdout
    match = SUCCEEDED.search(output)
    assert match is not None, output
    assert match.groups() == ("100", "100", "0")


@needs("chromium")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_2_1_chromium_gets_a_page_over_one_connection(authority: Path, tmp_path: Path, loop: str) -> None:
    """30 parts that it requests at once."""
    with (
        over_tls("tests.e2e.apps.page:app", authority, loop) as server,
        Browser(tmp_path, "--ignore-certificate-errors") as browser,
    ):
        page = browser.open(f"{server.url}/")
        page.wait_for(f"window.document.title === 'parts' && parts.length === {PARTS}")
        parts = page.evaluate("parts")
        kinds = page.evaluate("[...new Set(performance.getEntriesByType('resource').map(one => one.nextHopProtocol))]")
    assert kinds == ["h2"]
    assert sorted(part["path"] for part in parts) == sorted(f"/part/{number}" for number in range(PARTS))
    assert {part["version"] for part in parts} == {"2"}
    assert len({tuple(part["client"]) for part in parts}) == 1


TALK = """
new Promise(done => {
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/echo", "a");
  const seen = [];
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    seen.push(socket.protocol, socket.extensions.split(";")[0]);
    socket.send("Grüße".repeat(1000));
    socket.send(new Uint8Array(300000));
  };
  socket.onmessage = event => {
    seen.push(typeof event.data === "string" ? event.data : event.data.byteLength);
    if (seen.length === 4) socket.close(3000, "enough");
  };
  socket.onclose = event => done([...seen, event.code, event.reason, event.wasClean]);
})
"""


@needs("chromium")
@pytest.mark.parametrize(("loop", "ws"), [("uvloop", "websockets"), ("asyncio", "wsproto")])
def test_2_4_chromium_opens_a_websocket_on_the_connection_of_its_page(
    authority: Path, tmp_path: Path, loop: str, ws: str
) -> None:
    """RFC 8441: a CONNECT from the same port as the request for the page, and not a second connection."""
    options = ("--loop", loop, "--ws", ws, "--access-log-format", "json")
    with (
        serving("tests.behaviour.apps.websocket:app", *options, *certificate(authority)) as server,
        Browser(tmp_path, "--ignore-certificate-errors") as browser,
    ):
        page = browser.open(f"{server.url}/")
        page.wait_for("document.body !== null && document.body.innerText === 'plain'")
        seen = page.evaluate(TALK)
        server.wait_for('"target":"/echo"')
        lines = [json.loads(line) for line in server.lines if line.startswith("{")]
    told = {line["target"]: (line["client"], line["version"], line["status"]) for line in lines}
    assert seen == ["a", "permessage-deflate", "Grüße" * 1000, 300_000, 3000, "enough", True]
    assert told["/echo"] == told["/"] == (told["/"][0], "2", 200)


@needs("curl")
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_2_5_a_stop_lets_responses_end(loop: str) -> None:
    """L-2: one client is in the middle of a response, another one is idle; exit code 0."""
    with (
        Server("tests.e2e.apps.plain:app", "--loop", loop) as server,
        httpx.Client(http1=False, http2=True, timeout=float(PATIENCE)) as idle,
    ):
        assert idle.get(f"{server.url}/").status_code == 200
        command = ["curl", "--silent", "--no-buffer", "--http2-prior-knowledge", f"{server.url}/delayed"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as reading:
            assert reading.stdout is not None
            assert reading.stdout.read(6) == b"first "
            server.process.terminate()
            assert reading.stdout.read() == b"second"
        assert reading.returncode == 0
        assert server.wait() == 0, server.output
        assert "error" not in server.output.lower()
