"""L-2: a signal ends a server that waits, even if the system hands it to another thread, or just before the wait.

Python handles it in the main thread, whose wait it does not interrupt then.
"""

import sys

import pytest

from tests.support.e2e.server import Program

SERVER = """
import signal, threading
import esg
from tests.behaviour.apps.lifecycle import app

def take_signals():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    threading.Event().wait()

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
threading.Thread(target=take_signals, daemon=True).start()
signal.signal(signal.SIGTERM, lambda *_: None)
"""

ALONE = """
esg.run(app, port=0, loop={loop!r})
"""

IN_A_PROGRAM = """
import asyncio
import {loop} as loops

async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)
    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    server = esg.Server(esg.Config(app, port=0))
    serving = asyncio.ensure_future(server.serve())
    await server.started
    print("ESG running on", server.urls, flush=True)
    await serving
    assert signal.set_wakeup_fd(-1) == before != -1

loops.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no masks of signals")
@pytest.mark.parametrize("program", [ALONE, IN_A_PROGRAM], ids=["alone", "in a program"])
def test_a_signal_in_another_thread_ends_a_server(program: str, loop: str) -> None:
    with Program(sys.executable, "-c", SERVER + program.format(loop=loop)) as server:
        server.wait_for("ESG running on")
        assert server.stop() == 0, server.output
        server.wait_for("shutdown")
