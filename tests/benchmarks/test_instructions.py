"""The rows in process: each server answers there as it does on a socket, and what a request runs is counted exactly."""

import asyncio

import pytest

from benchmarks.exchanges import request_of
from benchmarks.in_process import PROTOCOLS, Client
from benchmarks.instructions import ROWS_IN_PROCESS
from benchmarks.opcodes import count_opcodes
from benchmarks.rows import ROWS
from tests.support.http2.wire import Kind, read


class Recorded(Client):
    """A client that keeps what the server has written."""

    written: bytearray

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.__dict__.setdefault("written", bytearray()).extend(data)
        super().write(data)


HTTP2 = ["h2-get", "h2-headers", "h2-get-10k", "h2-get-1m", "h2-post-10k", "h2-stream"]


@pytest.mark.parametrize("row", ["get", "headers", "post-10k", "stream", "starlette", *HTTP2])
def test_esg_answers_a_row_in_process(row: str) -> None:
    async def ask() -> None:
        client = Client(asyncio.get_running_loop(), ROWS[row], PROTOCOLS["esg"](ROWS[row])())
        async with asyncio.timeout(10):
            await client.ask(3)

    asyncio.run(ask())


def test_the_request_is_that_of_the_load() -> None:
    assert request_of(ROWS["get"]) == b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
    assert request_of(ROWS["headers"]).count(b"\r\n") == 13
    assert b'sec-ch-ua: "Chromium"' in request_of(ROWS["headers"])
    assert request_of(ROWS["post-10k"]).endswith(b"Content-Length: 10240\r\n\r\n" + ROWS["post-10k"].question.answer)


@pytest.mark.parametrize("row", HTTP2)
def test_the_floor_answers_each_request(row: str) -> None:
    async def ask() -> None:
        client = Client(asyncio.get_running_loop(), ROWS[row], PROTOCOLS["floor"](ROWS[row])())
        async with asyncio.timeout(10):
            await client.ask(3)

    asyncio.run(ask())


@pytest.mark.parametrize("row", HTTP2)
def test_a_row_of_http_2_is_answered_whole(row: str) -> None:
    async def answer() -> bytes:
        client = Recorded(asyncio.get_running_loop(), ROWS[row], PROTOCOLS["esg"](ROWS[row])())
        async with asyncio.timeout(10):
            await client.ask(2)
        return bytes(client.written)

    got = [frame for frame in read(asyncio.run(answer())) if frame.stream == 3]
    assert [frame.kind for frame in got if frame.kind != Kind.DATA] == [Kind.HEADERS]
    assert b"".join(frame.payload for frame in got if frame.kind == Kind.DATA) == ROWS[row].question.answer
    assert [frame.ends for frame in got] == [False] * (len(got) - 1) + [True]


def test_what_is_counted_in_process_are_rows() -> None:
    assert set(ROWS_IN_PROCESS) <= set(ROWS)


def test_opcodes_are_counted_by_function_and_exactly() -> None:
    first, second = (
        {code.co_qualname: figures for code, figures in counted.items() if "benchmarks" in code.co_filename}
        for counted in (count_opcodes("floor", "get", asyncio.run) for _ in range(2))
    )
    assert first["_Floor.data_received"][0] == 1
    assert second == first
