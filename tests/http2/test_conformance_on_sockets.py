"""The cases of conformance over real sockets: both loops, cleartext and TLS (rule 2-1).

Everything is checked in memory; here, that sockets and TLS change nothing, and that no GOAWAY is lost to a reset.
"""

import pytest

from tests.http2.conformance import CASES
from tests.http2.conformance.case import LAST_PING, Case, Outcome, check
from tests.support.http.memory import Recorder
from tests.support.http.sockets import SocketServer, Wiring
from tests.support.http2.wire import ACK, Frame, Kind, read
from tests.support.installed import LOOPS

ON_SOCKETS = [case for case in CASES if len(case.steps) == 1 and not case.outcome.sizes]


def is_complete(outcome: Outcome, frames: list[Frame]) -> bool:
    """Whether everything that a case waits for has come; a connection that ends must be read to its end."""
    ended = {frame.stream for frame in frames if frame.ends}
    is_answered = Frame(Kind.PING, ACK, 0, LAST_PING) in frames
    return not outcome.ends and is_answered and ended >= {*outcome.answers, *outcome.resets}


def whole_frames(data: bytes) -> bytes:
    """Without a partial frame at the end."""
    at = 0
    while len(data) >= at + 9 and len(data) >= (end := at + 9 + int.from_bytes(data[at : at + 3], "big")):
        at = end
    return data[:at]


def run(server: SocketServer, case: Case) -> None:
    data, frames = b"", list[Frame]()
    with server.connect(protocols=("h2",)) as client:
        client.send(b"".join(case.segments))
        while not is_complete(case.outcome, frames) and (part := client.socket.recv(65536)):
            data += part
            frames = list(read(whole_frames(data)))
        has_ended = not is_complete(case.outcome, frames)
    check(case, frames, has_ended)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("wire", ["tcp", "tls"])
def test_sockets_change_nothing(loop: str, wire: str) -> None:
    """All cases over each of them would take too long, and TLS changes least."""
    cases = ON_SOCKETS if wire == "tcp" else ON_SOCKETS[len(loop) % 4 :: 4]
    wrong = []
    with SocketServer(Recorder(), Wiring(loop=loop, wire=wire)) as server:
        for case in cases:
            try:
                run(server, case)
            except (AssertionError, OSError) as error:
                wrong.append(f"{case.id}: {error!r}")
    assert not wrong, "\n".join(wrong)
