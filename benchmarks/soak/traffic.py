"""The kinds of traffic: each sends requests to one server until it is told to stop."""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Collection

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from benchmarks.soak import http3
from benchmarks.soak.http1 import PATIENCE, Connection, Target, Unanswered
from benchmarks.soak.http2 import ask_together
from benchmarks.soak.tally import Tally

Kind = Callable[[Target, Tally, str, random.Random], Awaitable[None]]
PAUSE = 0.005
"""Seconds between two rounds of one client, so that the clients leave the servers some CPU."""

MALFORMED = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
    b"\x00\x01\x02\x03\r\n\r\n",
    b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
)


async def drive(kind: str, target: Target, tally: Tally, stop: asyncio.Event, seed: int) -> None:
    """Send requests of one kind until `stop`."""
    rng = random.Random(seed)
    name = f"{kind} {target.name}"
    while not stop.is_set():
        try:
            await KINDS[kind](target, tally, name, rng)
        except Exception as error:  # noqa: BLE001 - every failure is counted here
            tally.fail(name, f"{type(error).__name__}: {error}")
        await asyncio.sleep(PAUSE)


async def _ask(target: Target, tally: Tally, name: str, requests: list[tuple[bytes, bytes | None]]) -> None:
    """Requests with the expected bodies, one after another, on as few connections as possible."""
    connection = await Connection.to(target)
    try:
        for request, wanted in requests:
            if connection.is_over:
                await connection.close()
                connection = await Connection.to(target)
            try:
                answer = await connection.ask(request)
            except Unanswered:
                if not connection.served:
                    raise
                tally.again[name] += 1
                await connection.close()
                connection = await Connection.to(target)
                answer = await connection.ask(request)
            if answer.status != 200 or (wanted is not None and answer.body != wanted):
                raise ValueError(f"{answer.status}: {answer.body[:80]!r}")
            tally.done[name] += 1
    finally:
        await connection.close()


async def _get(target: Target, tally: Tally, name: str, rng: random.Random) -> None:
    fields = b"".join(b"x-%d: %d\r\n" % (number, rng.random() * 1e9) for number in range(rng.randrange(12)))
    request = b"GET /?%d HTTP/1.1\r\nhost: esg\r\n%b\r\n" % (rng.randrange(1000), fields)
    empty = hashlib.sha256().hexdigest().encode()
    await _ask(target, tally, name, [(request, empty)] * rng.randrange(1, 40))


async def _upload(target: Target, tally: Tally, name: str, rng: random.Random) -> None:
    requests: list[tuple[bytes, bytes | None]] = []
    for _ in range(rng.randrange(1, 4)):
        body = rng.randbytes(int(10 ** rng.uniform(0, 6)))
        head = b"POST / HTTP/1.1\r\nhost: esg\r\n"
        if rng.random() < 0.5:
            request = head + b"content-length: %d\r\n\r\n" % len(body) + body
        else:
            size = rng.randrange(1000, 100_000)
            parts = [body[at : at + size] for at in range(0, len(body), size)]
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
            request = head + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
        requests.append((request, hashlib.sha256(body).hexdigest().encode()))
    await _ask(target, tally, name, requests)


async def _file(target: Target, tally: Tally, name: str, rng: random.Random) -> None:
    await _ask(target, tally, name, [(b"GET /file HTTP/1.1\r\nhost: esg\r\n\r\n", None)] * rng.randrange(1, 5))


async def _events(target: Target, tally: Tally, name: str, _: random.Random) -> None:
    connection = await Connection.to(target)
    try:
        answer = await connection.ask(b"GET /events HTTP/1.1\r\nhost: esg\r\n\r\n")
    finally:
        await connection.close()
    if not answer.body.endswith(b"data: end\n\n"):
        raise ValueError(f"an unfinished stream: {answer.body[-80:]!r}")
    tally.done[name] += 1


async def _websocket(target: Target, tally: Tally, name: str, rng: random.Random) -> None:
    tls = target.tls.get("http/1.1")
    url = f"{'wss' if tls else 'ws'}://127.0.0.1:{target.port}/"
    async with asyncio.timeout(PATIENCE), connect(url, ssl=tls, proxy=None, open_timeout=None) as client:
        try:
            for _ in range(rng.randrange(1, 30)):
                message = rng.randbytes(int(10 ** rng.uniform(0, 5)))
                await client.send(message)
                if await client.recv() != message:
                    raise ValueError("a different message came back")
        except ConnectionClosed:
            if client.close_code != 1012:
                raise
            tally.again[name] += 1
            return
    tally.done[name] += 1


def _note_digests(tally: Tally, name: str, bodies: list[bytes], answers: Collection[bytes], refused: int) -> None:
    """Count the answers to uploads; each must be the digest of one of them."""
    wanted = {hashlib.sha256(body).hexdigest().encode() for body in bodies}
    if not set(answers) <= wanted:
        raise ValueError("a wrong answer")
    tally.done[name] += len(answers)
    tally.again[name] += refused


async def _http2(target: Target, tally: Tally, name: str, rng: random.Random) -> None:
    bodies = [rng.randbytes(rng.randrange(6000)) for _ in range(rng.randrange(1, 9))]
    answers, refused = await ask_together(target, bodies)
    _note_digests(tally, name, bodies, answers, refused)


async def _http3(target: Target, tally: Tally, name: str, rng: random.Random) -> None:
    bodies = [rng.randbytes(int(10 ** rng.uniform(0, 5))) for _ in range(rng.randrange(1, 9))]
    answers, refused = await http3.ask_together(target, [("/", body) for body in bodies])
    _note_digests(tally, name, bodies, answers, refused)


async def _http3_events(target: Target, tally: Tally, name: str, _: random.Random) -> None:
    answers, refused = await http3.ask_together(target, [("/events", b""), ("/file", b"")])
    if not refused and not answers[0].endswith(b"data: end\n\n"):
        raise ValueError(f"an unfinished stream: {answers[0][-80:]!r}")
    tally.done[name] += len(answers)
    tally.again[name] += refused


async def _http3_abort(target: Target, tally: Tally, name: str, rng: random.Random) -> None:
    """Leave in the middle of the exchanges."""
    await http3.ask_together(target, [("/events", b""), ("/", rng.randbytes(rng.randrange(1, 100_000)))], leaves=True)
    tally.done[name] += 1


async def _abort(target: Target, tally: Tally, name: str, rng: random.Random) -> None:
    """Break the connection somewhere in an exchange."""
    connection = await Connection.to(target)
    body = rng.randbytes(rng.randrange(100_000))
    request = b"POST / HTTP/1.1\r\nhost: esg\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    if rng.random() < 0.5:
        request = b"GET /events HTTP/1.1\r\nhost: esg\r\n\r\n"
    connection.writer.write(request[: rng.randrange(len(request) + 1)])
    await asyncio.sleep(rng.random() * 0.1)
    connection.reset()
    tally.done[name] += 1


async def _malformed(target: Target, tally: Tally, name: str, rng: random.Random) -> None:
    connection = await Connection.to(target)
    try:
        answer = await connection.ask(rng.choice(MALFORMED))
    finally:
        await connection.close()
    if not 400 <= answer.status < 600:
        raise ValueError(f"{answer.status} for nonsense")
    tally.done[name] += 1


KINDS: dict[str, Kind] = {
    "get": _get,
    "upload": _upload,
    "file": _file,
    "events": _events,
    "websocket": _websocket,
    "http2": _http2,
    "abort": _abort,
    "malformed": _malformed,
    "http3": _http3,
    "http3-events": _http3_events,
    "http3-abort": _http3_abort,
}


def kinds_for(target: Target) -> list[str]:
    """The kinds of traffic that a server understands."""
    return [kind for kind in KINDS if target.authority or not kind.startswith("http3")]
