"""HTTP/3 as users run it: the command, and clients of three implementations (rules Q-10 to Q-19)."""

import asyncio
import base64
import hashlib
import json
import signal
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.core.loops import run_in
from tests.support.e2e.programs import find, needs
from tests.support.e2e.server import PATIENCE, Server, serving
from tests.support.http.sockets import authority
from tests.support.http3.asking import H3Client
from tests.support.installed import LOOPS

APP = "tests.e2e.apps.http3:app"


def options(certificate: Path, loop: str = "uvloop") -> tuple[str, ...]:
    return ("--http3", "--ssl-certfile", str(certificate), "--loop", loop)


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


@pytest.mark.parametrize("loop", LOOPS)
def test_q10_requests_of_every_kind(certificate: Path, loop: str) -> None:
    async def main(server: Server) -> None:
        async with H3Client(server.port) as client:
            answer = await client.request("GET", "/")
            told = json.loads(answer.body)
            address = list(client.transport.get_extra_info("sockname"))
            assert told == {
                "method": "GET",
                "version": "3",
                "scheme": "https",
                "size": 0,
                "client": address,
                "server": ["127.0.0.1", server.port],
                "tls": 0x0304,
            }
            assert b"alt-svc" not in answer.headers
            assert (await client.request("HEAD", "/1000")).body == b""
            assert (await client.request("GET", "/empty")).status == 204
            assert (await client.request("GET", "/1048576")).body == b"x" * 1048576
            answer = await client.request("POST", "/", bytes(1048576))
            assert json.loads(answer.body)["size"] == 1048576
            for _ in range(30):
                answers = await asyncio.gather(*(client.request("GET", "/13") for _ in range(10)))
                assert [one.body for one in answers] == [b"x" * 13] * 10

    with serving(APP, *options(certificate, loop)) as server:
        assert server.wait_for(r"HTTP/3 \(experimental\) on UDP 127\.0\.0\.1:(\d+)")[1] == str(server.port)
        run_in("asyncio", main(server))
        server.wait_for(r'"GET /empty HTTP/3" 204')


def test_q17_responses_over_tls_name_http3_until_the_server_drains(certificate: Path) -> None:
    """Q-17: in HTTP/1.1 and HTTP/2; a connection that is open when the end is announced says it no more."""
    extra = ("--http3-alt-svc-max-age", "60", "--shutdown-delay", "3")
    with Server(APP, *options(certificate), *extra) as server:
        expected = f'h3=":{server.port}"; ma=60'
        with (
            httpx.Client(verify=trusting()) as old,
            httpx.Client(verify=trusting(), http1=False, http2=True) as new,
        ):
            for client, version in ((old, "HTTP/1.1"), (new, "HTTP/2")):
                for _ in range(2):
                    answer = client.get(server.url)
                    assert (answer.http_version, answer.headers["alt-svc"]) == (version, expected)
            server.process.send_signal(signal.SIGTERM)
            server.wait_for("Shutting down")
            assert "alt-svc" not in old.get(server.url).headers
        assert server.wait() == 0


@pytest.mark.parametrize("extra", [(), ("--http3", "--http3-alt-svc-max-age", "0")])
def test_q17_nothing_is_named_when_it_is_off(certificate: Path, extra: tuple[str, ...]) -> None:
    with (
        serving(APP, "--ssl-certfile", str(certificate), *extra) as server,
        httpx.Client(verify=trusting()) as client,
    ):
        assert "alt-svc" not in client.get(server.url).headers


def test_q18_running_responses_end_before_the_server_does(certificate: Path) -> None:
    async def main(server: Server) -> bytes:
        async with H3Client(server.port) as client:
            stream = client.start("GET", "/slow")
            await client.head(stream)
            server.process.send_signal(signal.SIGTERM)
            answer = await client.answer(stream)
            await client.until(lambda: client.over)
            return answer.body

    with Server(APP, *options(certificate)) as server:
        server.wait_for("running on")
        assert run_in("asyncio", main(server)) == b"begun, ended"
        assert server.wait() == 0


GTLSCLIENT = [
    (),
    ("--scid=",),
    ("--change-local-addr=100ms", "--delay-stream=500ms"),
    ("--scid=", "--change-local-addr=100ms", "--nat-rebinding", "--delay-stream=500ms"),
    ("--key-update=100ms", "--delay-stream=500ms"),
    ("--tx-loss=0.1", "--rx-loss=0.1"),
]
"""Options of ngtcp2's client: an empty connection ID, migration, a new port of a NAT, new keys, loss."""


@needs("gtlsclient")
def test_q11_ngtcp2(certificate: Path, tmp_path: Path) -> None:
    client, common = find("gtlsclient") or "", ("--exit-on-all-streams-close", "-q")
    with serving(APP, *options(certificate)) as server:
        for number, flags in enumerate(GTLSCLIENT):
            directory = tmp_path / str(number)
            directory.mkdir()
            urls = [f"https://localhost:{server.port}/{path}" for path in ("13", "20000", "300000")]
            subprocess.run(
                [client, *flags, *common, f"--download={directory}", "127.0.0.1", str(server.port), *urls],
                timeout=3 * PATIENCE,
                check=False,  # its exit code says little
            )
            sizes = {file.name: file.stat().st_size for file in directory.iterdir()}
            assert sizes == {"13": 13, "20000": 20000, "300000": 300000}, flags


def key_hash(certificate: Path) -> str:
    """What Chromium calls a key that it shall trust."""
    key = x509.load_pem_x509_certificates(certificate.read_bytes())[0].public_key()
    public = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(public).digest()).decode()


@needs("chromium")
def test_q10_chromium(certificate: Path, tmp_path: Path) -> None:
    with serving(APP, *options(certificate)) as server:
        flags = (
            f"--user-data-dir={tmp_path}",
            f"--origin-to-force-quic-on=localhost:{server.port}",
            f"--ignore-certificate-errors-spki-list={key_hash(certificate)}",
            "--host-resolver-rules=MAP localhost 127.0.0.1",
        )
        command = [find("chromium") or "", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        shown = subprocess.run(
            [*command, "--enable-quic", *flags, "--dump-dom", f"https://localhost:{server.port}/"],
            capture_output=True,
            text=True,
            timeout=6 * PATIENCE,
            check=True,
        )
        assert '"version": "3"' in shown.stdout
