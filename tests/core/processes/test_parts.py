"""The parts around the worker policy, each alone: messages on a line, which sockets belong to which worker, memory."""

import errno
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esg_core.errors import StartupError, UsageError
from esg_core.figures import memory
from esg_core.figures.memory import MIB, resident
from esg_core.options.addresses import Address, TCPAddress, UnixAddress
from esg_core.options.config import Config
from esg_core.processes.fork import Forked
from esg_core.processes.handover import VARIABLE, Predecessor, take_over
from esg_core.processes.messages import ALIVE, FAILED, LIMIT_REACHED, READY, LineReader, as_text
from esg_core.processes.policy import BEATS, FAILED_TO_START, Act, Patience, Step, WorkerPolicy
from esg_core.processes.shared_sockets import SharedSockets
from esg_core.processes.spawn import Running
from esg_core.processes.worker_config import MARGIN, check, patience, task_for
from esg_core.processes.workers import RunningWorkers, _how
from esg_core.sockets.bound import bind_all

# The line.


def test_messages_and_text_are_told_apart_however_they_come() -> None:
    heard = LineReader()
    assert heard.feed(READY + ALIVE + b"Thread 0x1:\n") == [READY, ALIVE]
    assert heard.feed(b"  File " + LIMIT_REACHED + b"x\n") == [LIMIT_REACHED]
    assert heard.take() == "Thread 0x1:\n  File x"
    assert heard.take() == ""


def test_no_message_hides_in_a_text() -> None:
    text = "".join(map(chr, range(0x300))) + "\ud800"
    heard = LineReader()
    assert heard.feed(FAILED + as_text(text)) == [FAILED]
    assert heard.take().endswith("\\ud800")


def test_a_text_stays_as_it_is() -> None:
    text = "no database\nTraceback:\n\tin schön"
    heard = LineReader()
    heard.feed(as_text(text))
    assert heard.take() == text


# Sockets.


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SharedSockets]:
    addresses: list[Address] = [TCPAddress("127.0.0.1", 0), UnixAddress(str(tmp_path / "esg.sock"))]
    shared = SharedSockets(bind_all(addresses, reuse_port=True), reuse_port=True)
    yield shared
    shared.close()


def test_with_reuse_port_each_place_has_its_own_on_the_same_port_and_shares_the_rest(shared: SharedSockets) -> None:
    first, second = shared.of(0), shared.of(1)
    assert first[0].sock is not second[0].sock
    assert first[0].sock.getsockname() == second[0].sock.getsockname()
    assert first[1] is second[1]
    assert second[0].sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
    assert shared.of(1) is second


def test_a_place_that_is_given_up_is_closed_without_what_others_have_too(shared: SharedSockets) -> None:
    second = shared.of(1)
    shared.forget(1)
    shared.forget(0)
    assert second[0].sock.fileno() == -1
    assert shared.of(0)[0].sock.fileno() != -1
    assert second[1].sock.fileno() != -1
    assert shared.of(1)[0].sock.fileno() != -1


def test_otherwise_all_places_have_the_same() -> None:
    shared = SharedSockets(bind_all([TCPAddress("127.0.0.1", 0)]), reuse_port=False)
    assert shared.of(0) is shared.of(5)
    shared.close_others(5)
    assert shared.sockets[0].fileno() != -1
    shared.close()


def test_leaving_keeps_the_files_of_unix_sockets_until_the_end(shared: SharedSockets, tmp_path: Path) -> None:
    shared.close_sockets()
    assert (tmp_path / "esg.sock").exists()
    shared.close()
    assert not (tmp_path / "esg.sock").exists()


def test_who_has_handed_the_files_over_does_not_remove_them(shared: SharedSockets, tmp_path: Path) -> None:
    shared.keep_files()
    shared.close()
    assert (tmp_path / "esg.sock").exists()


def test_nobody_takes_over_what_nobody_hands_over() -> None:
    environment = {"PATH": "/bin"}
    assert take_over(environment) is None
    assert environment == {"PATH": "/bin"}
    assert VARIABLE not in os.environ


@pytest.mark.parametrize("text", ["", "nonsense", "7,nonsense", "99999"])
def test_w3_what_cannot_be_taken_over_is_an_error(text: str) -> None:
    with pytest.raises(StartupError, match=r"^cannot take over the sockets of the previous program: "):
        take_over({VARIABLE: text})


def test_w3_a_former_program_that_has_gone_is_not_missed() -> None:
    line, theirs = socket.socketpair()
    theirs.close()
    predecessor = Predecessor(line, [])
    with line:
        predecessor.report_ready()
    assert predecessor.has_been_told


# Tasks.


def test_a_worker_is_one_process_and_leaves_to_the_parent_what_is_the_parents() -> None:
    config = Config(
        "main:app",
        workers=4,
        preload=True,
        pid_file="x",
        limit_worker_memory=1,
        limit_worker_lifetime=1,
        prometheus_multiproc="on",
    )
    task = task_for(config)
    assert task.config == Config("main:app")
    assert not task.config.has_parent
    assert task.beat == 30 / BEATS


def test_an_application_that_is_there_is_not_looked_for_again() -> None:
    async def app(scope: object, receive: object, send: object) -> None: ...

    task = task_for(Config("main:create", factory=True, workers=4, env_file=".env"), app)
    assert task.config == Config(app, interface="asgi3")


def test_patience_is_that_of_the_options() -> None:
    waits = patience(Config("main:app", shutdown_delay=3, timeout_graceful_shutdown=10, timeout_worker_healthcheck=7))
    assert (waits.drain, waits.beat, waits.lifetime) == (13 + MARGIN, 7, float("inf"))
    endless = patience(Config("main:app", timeout_graceful_shutdown=0, timeout_worker_healthcheck=0))
    assert (endless.drain, endless.beat) == (float("inf"), float("inf"))
    assert task_for(Config("main:app", timeout_worker_healthcheck=0)).beat == float("inf")


def test_options_that_cannot_be_handed_over_are_an_error() -> None:
    config = Config("main:app", workers=2, log_config={"version": 1, "filters": {"x": {"()": lambda: None}}})
    with pytest.raises(UsageError, match="workers: the options cannot be passed to a new process: "):
        check(config)


# Memory.


def test_memory_is_that_in_use() -> None:
    before = resident(os.getpid())
    assert before is not None
    hoard = bytearray(b"x") * (100 * MIB)
    after = resident(os.getpid())
    assert after is not None
    assert 90 * MIB < after - before < 200 * MIB
    assert len(hoard)
    assert resident(2**22 + 1) is None


def test_where_there_is_no_proc_the_memory_is_what_ps_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS and the BSDs: the same figure, obtained in another way."""
    by_proc = resident(os.getpid())
    assert by_proc is not None
    monkeypatch.setattr(memory, "_pages", lambda pid: None)
    by_ps = resident(os.getpid())
    assert by_ps is not None, f"ps is {shutil.which('ps')}"
    assert abs(by_ps - by_proc) < 8 * MIB
    assert resident(2**22 + 1) is None
    monkeypatch.setenv("PATH", "")
    assert resident(os.getpid()) is None


# Starts and ends.


def test_w1_a_first_worker_that_cannot_be_started_ends_the_server(caplog: pytest.LogCaptureFixture) -> None:
    def start(slot: int) -> Running:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    ended: list[int] = []
    policy = WorkerPolicy(1, Patience())
    with selectors.DefaultSelector() as selector:
        RunningWorkers(policy, selector, start, ended.append).do(Step(Act.START), 0)
    assert (policy.code, policy.is_over, ended) == (FAILED_TO_START, True, [])
    assert caplog.messages == [f"cannot start a worker: [Errno {errno.EAGAIN}] Resource temporarily unavailable"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (3, "ended with exit code 3"),
        (-signal.SIGKILL, "was ended by SIGKILL"),
        (-signal.SIGRTMIN - 1, f"was ended by signal {signal.SIGRTMIN + 1}"),
    ],
)
def test_w1_how_a_worker_has_ended_is_said_in_words(code: int, text: str) -> None:
    assert _how(code) == text


ORPHANS = """
import ctypes, os, subprocess, sys
from esg_core.lifecycle.orphans import reap_orphans

assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # orphans become this process's children, as they do process 1's
reap_orphans(set())  # there are none
mother = [sys.executable, "-c", "import os; child = os.fork(); print(child) if child else None"]
orphan = int(subprocess.run(mother, capture_output=True, text=True, check=True).stdout)
os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
ours = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
reap_orphans({ours.pid})
print("left" if os.path.exists(f"/proc/{orphan}") else "reaped")
ours.stdin.close()
os.waitid(os.P_PID, ours.pid, os.WEXITED | os.WNOWAIT)
reap_orphans({ours.pid})
print(ours.wait())
"""


def test_l8_as_process_1_the_parent_sees_the_end_of_orphans_and_leaves_its_own_children_alone() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux lets a process adopt orphans")
    answer = subprocess.run([sys.executable, "-c", ORPHANS], capture_output=True, text=True, check=False, timeout=30)
    assert (answer.stdout.split(), answer.returncode) == (["reaped", "1"], 0), answer.stderr


@pytest.mark.skipif(not hasattr(os, "posix_spawn"), reason="PyPy has no posix_spawn()")
@pytest.mark.parametrize(("end", "code"), [(Forked.kill, -signal.SIGKILL), (lambda one: one.send_signal(15), -15)])
def test_w2_a_forked_worker_is_ended_once(end: Callable[[Forked], None], code: int) -> None:
    pid = os.posix_spawn("/bin/sleep", ["sleep", "30"], {})
    worker = Forked(pid)
    assert worker.poll() is None
    end(worker)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert worker.poll() == code
    end(worker)
    assert worker.poll() == code
