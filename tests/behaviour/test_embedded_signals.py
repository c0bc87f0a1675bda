"""L-2: signals that stop an embedded server also end its program, as they would without the server."""

import signal
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.behaviour.lifecycle import get
from tests.support.behaviour.working import connect_to
from tests.support.e2e.server import URL, Program

HEAD = """
import asyncio, logging, signal, sys, threading
import esg
from tests.behaviour.apps.lifecycle import app

async def other():
    try:
        await asyncio.sleep(60)
    finally:
        print("other has ended", flush=True)

server = esg.Server(esg.Config(app, port=0, loop=LOOP))

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")

def run(main):
    if LOOP == "uvloop":
        import uvloop
        uvloop.run(main)
    else:
        asyncio.run(main)
"""

GATHER = """
async def main():
    await asyncio.gather(server.serve(), other())
run(main())
"""

OWN_HANDLER = """
async def main():
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await asyncio.gather(server.serve(), stop.wait())
    print("all has ended", flush=True)
run(main())
"""

ITS_OWN_LOOP = """
server.run()
print("not reached", flush=True)
"""

IN_A_THREAD = """
threading.Thread(target=server.run, daemon=True).start()
run(other())
"""


@contextmanager
def program(text: str, loop: str) -> Iterator[Program]:
    source = f"LOOP = {loop!r}\n{HEAD}{textwrap.dedent(text)}"
    with Program(sys.executable, "-c", source) as running:
        port = int(running.wait_for(URL)[3])
        with connect_to(port) as connection:
            assert get(connection).body == b"hello"
        yield running


@pytest.mark.parametrize("text", [GATHER, ITS_OWN_LOOP])
def test_l2_interrupt_ends_the_program_as_it_ends_others(text: str, loop: str) -> None:
    """The lifespan is over then, and everything else that runs is cancelled."""
    with program(text, loop) as running:
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == -signal.SIGINT
        assert running.lines[-1] == "KeyboardInterrupt"
        assert "shutdown" in running.lines
        assert ("other has ended" in running.lines) == (text is GATHER)


@pytest.mark.parametrize("text", [GATHER, ITS_OWN_LOOP])
def test_l2_sigterm_ends_the_program_as_it_ends_others(text: str, loop: str) -> None:
    with program(text, loop) as running:
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == -signal.SIGTERM
        assert "shutdown" in running.lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_l2_handlers_of_the_loop_have_their_effect(loop: str, number: signal.Signals) -> None:
    """The program ends by itself."""
    with program(OWN_HANDLER, loop) as running:
        running.process.send_signal(number)
        assert running.wait() == 0
        assert running.lines[-1] == "all has ended"
        assert "shutdown" in running.lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_l2_a_server_in_a_thread_touches_no_signal(loop: str, number: signal.Signals) -> None:
    with program(IN_A_THREAD, loop) as running:
        running.process.send_signal(number)
        assert running.wait() == -number
        assert "shutdown" not in running.lines
