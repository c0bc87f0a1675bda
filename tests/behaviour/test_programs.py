"""U-2 and C-2: `esg.run()` in a program, and the exit codes that a supervisor sees."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import Clock, get
from tests.support.e2e.server import ROOT, Program, Server

HEAD = """
import esg

async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

"""


class Script(Server):
    """A program that calls `esg.run()`."""

    def __init__(self, text: str, env: dict[str, str] | None = None) -> None:
        Program.__init__(self, sys.executable, "-c", HEAD + textwrap.dedent(text), env=env)


def test_u2_run_an_application_object_and_go_on_after_a_clean_stop() -> None:
    with Script("esg.run(app, port=0)\nprint('goes on')") as program:
        with program.connect() as connection:
            assert get(connection).body == b"ok"
        assert program.stop(signal.SIGINT) == 0
        assert program.lines[-1] == "goes on"


def test_u2_handlers_of_the_program_are_back_afterwards() -> None:
    text = """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        interrupt = signal.getsignal(signal.SIGINT)  # ignored, if a shell has put the tests into the background
        esg.run(app, port=0)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is interrupt
    """
    with Script(text) as program:
        assert program.url
        assert program.stop() == 0


@pytest.mark.needs("gc.freeze")
def test_what_start_up_has_made_is_exempt_from_garbage_collection_until_the_end() -> None:
    text = """
        import gc

        async def counts(scope, receive, send):
            assert scope["type"] == "http"
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"%d" % gc.get_freeze_count()})

        esg.run(counts, port=0)
        print(gc.get_freeze_count())
    """
    with Script(text) as program:
        with program.connect() as connection:
            assert int(get(connection).body) > 1000
        assert program.stop() == 0
        assert program.lines[-1] == "0"


@pytest.mark.parametrize("loop", ["'none'", "asyncio.SelectorEventLoop"])
def test_u8_a_program_made_for_uvicorn(loop: str) -> None:
    """Its keywords take effect."""
    text = f"""
        import asyncio, logging
        logging.basicConfig(format="mine: %(message)s", level="INFO")
        esg.run(
            app=app, port=0, loop={loop}, ws="websockets-sansio", log_config=None, log_level=logging.INFO,
            headers=[("X-Frame-Options", "DENY"), ("server", "mine")], forwarded_allow_ips=None, reload_dirs=None,
        )
    """
    with Script(text) as program, program.connect() as connection:
        answer = get(connection)
        assert (answer.header("x-frame-options"), answer.header("server")) == ("DENY", "mine")
        program.wait_for(r"(?m)^mine: Started server process \[\d+\] with asyncio, \w+, websockets$")
        program.wait_for(r'(?m)^mine: 127\.0\.0\.1:\d+ - "GET / HTTP/1.1" 200$')
        assert program.stop() == 0


def test_u2_variables_count_below_keywords() -> None:
    with Script("esg.run(app, log_level='info')", env={"ESG_PORT": "0", "ESG_LOG_LEVEL": "critical"}) as program:
        assert program.url
        assert program.stop() == 0


@pytest.mark.parametrize(
    ("call", "code", "line"),
    [
        ("esg.run(app, prot=1)", 2, "Error: prot: no such option; did you mean port?"),
        ("esg.run(app, port='high')", 2, "Error: port='high': must be a whole number from 0 to 65535"),
        ("esg.run(app, port=0, http='htptools')", 2, "Error: http: unknown name 'htptools'"),
        ("esg.run(app, port=0, loop='nonsense')", 2, "Error: loop: unknown name 'nonsense'"),
        ("esg.run('nothing:app', port=0)", 3, "Error: cannot import the application 'nothing:app'"),
        ("esg.run(app, port=0, lifespan='on')", 3, "Error: the application raised AssertionError in its startup"),
        ("esg.run(app, fd=987)", 3, "Error: cannot listen on fd://987: there is no such open descriptor"),
    ],
)
def test_c2_run_ends_the_program_when_it_cannot_serve(call: str, code: int, line: str) -> None:
    with Script(f"{call}\nprint('goes on')") as program:
        assert program.wait() == code
        assert program.lines[-1].startswith(line)
        assert not {"goes on", "Started"} & set(program.output.split())


def test_c2_program_may_catch_the_exit() -> None:
    text = """
        try:
            esg.run("nothing:app")
        except SystemExit as exit:
            print("caught", exit.code)
    """
    with Script(text) as program:
        assert program.wait() == 0
        assert program.lines[-1] == "caught 3"


def test_c2_end_by_force_does_not_wait_for_anything() -> None:
    """The cancelled request leaves a thread behind."""
    text = """
        import threading, time

        async def app(scope, receive, send):
            threading.Thread(target=time.sleep, args=(60,), name="left-behind").start()
            print("started a thread", flush=True)
            import asyncio
            await asyncio.sleep(60)

        esg.run(app, port=0, lifespan="off", timeout_graceful_shutdown=0.2)
    """
    with Script(text) as program, program.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n")
        program.wait_for("started a thread")
        clock = Clock()
        assert program.stop() == 1
        assert clock.seconds < 5
        assert "threads are still running: left-behind" in program.output


def test_command_and_module_are_the_same() -> None:
    """U-1: `esg` and `python -m esg`."""
    script = Path(sys.executable).with_name("esg")
    for command in ([str(script)], [sys.executable, "-m", "esg"]):
        found = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, timeout=30, check=True, cwd=ROOT
        )
        assert found.stdout.startswith("Running esg ")
