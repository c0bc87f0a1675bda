"""M-11: `esg ctl`: what scripts get, and how it fails."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, cast

import pytest

from esg_admin.terminal.client import PATIENCE as SILENCE
from esg_admin.terminal.writing import UNKNOWN
from esg_core.admin.contracts import Action, Answer, Question, Stats
from tests.support.admin.client import TOKEN
from tests.support.admin.server import AdminServer
from tests.support.admin.source import ANSWERS, MovingSource, StillSource
from tests.support.admin.terminal import esg, esg_process

ACTIONS = {
    "restart": Action.RESTART,
    "add": Action.ADD,
    "remove": Action.REMOVE,
    "drain": Action.DRAIN,
    "reopen": Action.REOPEN,
}

HOSTILE = "\x1b[2J/\N{SNOWMAN}"


class AnsweringSource(StillSource):
    """Answers at once."""

    def ask(self, question: Question, answered: Callable[[Sequence[Answer]], None]) -> None:
        answered(ANSWERS[question])


class HostileSource(AnsweringSource):
    """What clients send is in its answers."""

    def ask(self, question: Question, answered: Callable[[Sequence[Answer]], None]) -> None:
        answered([Answer(0, 71, {"running": [{"path": HOSTILE, "method": HOSTILE}], "ended": []})])


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    path = tmp_path / "token"
    path.write_bytes(TOKEN + b"\n")
    return str(path)


@pytest.fixture(params=["tcp", "unix", "url"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A server that answers, as each form of ADDRESS names it."""
    path = tmp_path / "admin.sock" if request.param == "unix" else None
    with AdminServer(AnsweringSource(), path=path) as server:
        yield f"{server.url}/" if request.param == "url" else server.address


def error_of(*arguments: str) -> tuple[int, str]:
    """Exit code and the one line on standard error, of a command that prints nothing else."""
    done = esg(*arguments)
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr.removeprefix("Error: ").rstrip("\n")


def printed(*arguments: str) -> str:
    done = esg(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_m11_each_document_as_json(address: str) -> None:
    """In one line, as the server has sent it."""
    documents = {what: printed("ctl", address, what, "--json") for what in ("stats", "workers", "stacks", "requests")}
    assert all(text.count("\n") == 1 for text in documents.values())
    parsed = {what: json.loads(text) for what, text in documents.items()}
    assert parsed["stats"] == StillSource().stats()
    assert parsed["workers"] == []
    assert [one["worker"] for one in parsed["stacks"]["processes"]] == [0]
    assert [one["seconds"] for one in parsed["requests"]["running"]] == [7.5, 2.5]


def test_m11_each_document_as_text(address: str) -> None:
    stats = dict(line.split(maxsplit=1) for line in printed("ctl", address, "stats").splitlines())
    assert stats["version"] == "0.2.0"
    assert stats["totals.requests_total"] == "42"
    assert stats["totals.refused_total.queue_full"] == "0"
    assert stats["is_ready"] == "true"
    assert printed("ctl", address, "workers").split()[:3] == ["worker", "state", "running"]
    stacks = printed("ctl", address, "stacks").splitlines()
    assert stacks[:2] == ["worker 0 (process 71), thread MainThread:", "  ..."]
    assert stacks[-1] == "worker 1 (process 72) has not answered"
    requests = printed("ctl", address, "requests").splitlines()
    assert requests[1].split() == ["7.50", "s", "application", "2", "GET", "/", "1.1", "192.0.2.7", "a1"]
    assert requests[-1] == "worker 1 (process 72) has not answered"


def test_m11_workers_one_a_row() -> None:
    with AdminServer(MovingSource()) as server:
        rows = [line.split() for line in printed("ctl", server.address, "workers").splitlines()]
        listed = json.loads(printed("ctl", server.address, "workers", "--json"))
    assert [row[:2] for row in rows[1:]] == [["0", "ready"], ["1", "ready"], ["2", "ready"], ["3", "draining"]]
    assert [str(one["pid"]) for one in listed] == [row[-1] for row in rows[1:]]


@pytest.mark.parametrize("word", ACTIONS)
def test_m11_each_action(word: str, tmp_path: Path) -> None:
    source = StillSource()
    with AdminServer(source, path=tmp_path / "admin.sock") as server:
        assert printed("ctl", server.address, word) == f"{word}: accepted\n"
        accepted = json.loads(printed("ctl", server.address, word, "--json"))
    assert accepted == {"action": ACTIONS[word].value, "accepted": True}
    assert source.acted == [ACTIONS[word]] * 2


def test_m11_what_the_server_refuses(tmp_path: Path) -> None:
    """409: the reason, and for scripts the document."""
    source = StillSource()
    source.refusal = "one worker is left"
    with AdminServer(source, path=tmp_path / "admin.sock") as server:
        line = "the server refused (409): one worker is left"
        assert error_of("ctl", server.address, "remove") == (1, line)
        done = esg("ctl", server.address, "remove", "--json")
    assert (done.returncode, done.stderr) == (1, f"Error: {line}\n")
    assert json.loads(done.stdout) == {"action": "workers/remove", "accepted": False, "reason": source.refusal}


def test_m11_the_token(token_file: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("other")
    source = AnsweringSource()
    with AdminServer(source, token=TOKEN) as server:
        needed = "the server refused (401): a token is needed: authorization: Bearer TOKEN"
        assert error_of("ctl", server.address, "stats") == (1, needed)
        assert error_of("top", server.address) == (1, needed)
        mistaken = error_of("ctl", server.address, "restart", "--token-file", str(wrong))
        assert mistaken == (1, "the server refused (401): the token is wrong")
        assert source.acted == []
        assert printed("ctl", server.address, "restart", "--token-file", token_file) == "restart: accepted\n"
        assert json.loads(printed("ctl", server.address, "stats", "--json", "--token-file", token_file))


def test_m11_what_is_forbidden() -> None:
    """403: an action over the loopback without a token that is configured."""
    with AdminServer(StillSource()) as server:
        code, line = error_of("ctl", server.address, "drain")
    assert (code, line) == (1, "the server refused (403): that needs a token from this address, and none is configured")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["ctl"], "Missing argument 'ADDRESS'; see esg ctl --help"),
        (["ctl", "unix:/x"], "Missing argument 'stats|workers|stacks|requests|restart|add|remove|drain|reopen'"),
        (["ctl", "unix:/x", "boot"], "ACTION boot: must be one of stats, workers, stacks, requests, restart"),
        (["ctl", "nowhere", "stats"], "ADDRESS nowhere: must be HOST:PORT, [IPv6]:PORT, unix:PATH or an http:// URL"),
        (["ctl", "fd://3", "stats"], "ADDRESS fd://3: must be HOST:PORT"),
        (["ctl", "http://u:p@h/", "stats"], "ADDRESS http://u:p@h/: must be"),
        (["ctl", "http://h:x/", "stats"], "ADDRESS http://h:x/: must be"),
        (["ctl", "http://h/a b", "stats"], "ADDRESS http://h/a b: must be"),
        (["ctl", "unix:/x", "stats", "--jsn"], "--jsn: no such option; see esg ctl --help"),
        (
            ["ctl", "unix:/x", "stats", "--token-file", "/none"],
            "--token-file /none: cannot be read: no such file or directory",
        ),
        (["top", "unix:/x", "--interval", "0"], "--interval 0: must be a number of seconds from 0.1 to 86400"),
        (["top", "unix:/x", "--interval", "1e9"], "--interval 1e9: must be a number of seconds from 0.1 to 86400"),
        (["top", "unix:/x", "--interval", "nan"], "--interval nan: must be a number of seconds from 0.1 to 86400"),
        (["top", "unix:/x", "more"], "Got unexpected extra argument (more); see esg top --help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_m11_wrong_use(arguments: list[str], line: str) -> None:
    code, said = error_of(*arguments)
    assert code == 2
    assert said.startswith(line)


@pytest.mark.parametrize("content", [b"", b"a b", b"a\nb", b"\xff\xfe", "ä".encode()])
def test_m11_a_token_that_cannot_be_sent(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    said = "must hold one word of at most 4096 visible ASCII characters" if content else "the file is empty"
    assert error_of("ctl", "unix:/x", "stats", "--token-file", str(path)) == (2, f"--token-file {path}: {said}")


@pytest.mark.parametrize("command", [["ctl", "ADDRESS", "stats"], ["top", "ADDRESS"]], ids=lambda words: words[0])
@pytest.mark.parametrize("kind", ["tcp", "unix", "name", "label"])
def test_m11_where_no_server_is(kind: str, command: list[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    address = {
        "tcp": f"127.0.0.1:{port}",
        "unix": f"unix:{tmp_path}/none.sock",
        "name": "nowhere.invalid:80",
        "label": f"{'x' * 70}.invalid:80",
    }[kind]
    code, line = error_of(*(address if word == "ADDRESS" else word for word in command))
    assert code == 3
    assert line.startswith(f"cannot connect to {address}: ")


class Answering:
    """A server that sends each client the same bytes, or None: nothing, until it ends."""

    def __init__(self, data: bytes | None) -> None:
        self._data = data
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for one in (self._listener, *self._clients):
            one.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.append(client)
            if self._data is not None:
                client.recv(65536)
                client.sendall(self._data)
                client.shutdown(socket.SHUT_WR)


def test_m11_a_silent_server() -> None:
    with Answering(None) as server:
        line = f"{server.address} does not answer within {SILENCE:g} s"
        assert error_of("ctl", server.address, "stats") == (3, line)


def response(status: str, body: bytes, length: int | None = None) -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status.encode(), length or len(body), body)


def without(key: str) -> bytes:
    return json.dumps({name: value for name, value in StillSource().stats().items() if name != key}).encode()


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"-ERR unknown command\r\n", 3, "ADDRESS does not speak HTTP: -ERR unknown command"),
        (b"", 3, "ADDRESS does not speak HTTP: Remote end closed connection without response"),
        (response("200 OK", b"half", 99), 3, "ADDRESS does not speak HTTP: IncompleteRead(4 bytes read, 95 more"),
        (response("200 OK", b"<html>"), 3, "ADDRESS answers, but is not the admin address of ESG"),
        (response("200 OK", b"[]"), 3, "ADDRESS answers, but is not the admin address of ESG"),
        (response("302 Found", b""), 3, "ADDRESS answers, but is not the admin address of ESG"),
        (response("200 OK", b"{}"), 3, "ADDRESS is of another version of ESG: its figures have no is_draining"),
        (response("200 OK", without("workers")), 3, "ADDRESS is of another version of ESG: its figures have no worker"),
        (response("404 Not Found", b"\x1b[2Jno\nmore"), 1, "the server refused (404): [2Jno"),
        (response("500 Oh", b""), 1, "the server refused (500): no reason given"),
    ],
)
@pytest.mark.parametrize("command", ["ctl", "top"])
def test_m11_servers_of_another_kind(command: str, data: bytes, code: int, said: str) -> None:
    with Answering(data) as server:
        words: dict[str, list[str]] = {"ctl": ["ctl", server.address, "stats"], "top": ["top", server.address]}
        found = error_of(*words[command])
    assert found[0] == code
    assert found[1].startswith(said.replace("ADDRESS", server.address))


def test_m11_text_of_clients_cannot_control_the_terminal() -> None:
    with AdminServer(HostileSource()) as server:
        text = printed("ctl", server.address, "requests")
        assert "\N{REPLACEMENT CHARACTER}[2J/\N{SNOWMAN}" in text
        assert "\x1b" not in text
        done = esg_process("ctl", server.address, "requests", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "?[2J/?" in done.stdout


def test_m11_a_figure_that_is_not_known_is_a_dash() -> None:
    class Source(MovingSource):
        def stats(self) -> Stats:
            stats: Any = super().stats()
            stats["workers"][0]["lag"] = float("nan")
            return cast("Stats", {**stats, "workers": stats["workers"][:2]})

    with AdminServer(Source()) as server:
        assert printed("ctl", server.address, "workers").splitlines()[1].split()[6] == UNKNOWN
        row = printed("top", server.address, "--interval", "0.1").splitlines()[-2]
        assert row.split()[5] == UNKNOWN


def test_m11_needs_the_standard_library_only() -> None:
    """Of what is not ours: click is the command line's."""
    program = (
        "import sys, esg_admin.terminal.ctl, esg_admin.terminal.commands\n"
        "print(*({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names - set(sys.argv)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert {name for name in done.stdout.split() if name in ("click", "rich", "esg_cli")} == set()
