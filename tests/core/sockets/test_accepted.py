"""Accepted connections are sockets like any other, made with less work."""

import socket
import sys
from contextlib import closing
from pathlib import Path
from types import FrameType

import pytest

from esg_core.sockets.accepted import AcceptedSocket, accepting


@pytest.mark.parametrize("is_unix", [False, True])
def test_an_accepted_connection_is_a_socket(is_unix: bool, tmp_path: Path) -> None:
    family = socket.AF_UNIX if is_unix else socket.AF_INET
    with socket.socket(family) as listening, socket.socket(family) as client:
        listening.bind(str(tmp_path / "sock") if is_unix else ("127.0.0.1", 0))
        listening.listen()
        client.connect(listening.getsockname())
        with closing(accepting(listening, AcceptedSocket)()) as accepted, closing(accepted.dup()) as duplicate:
            for one in (accepted, duplicate):
                assert (one.family, one.type, one.proto) == (listening.family, listening.type, listening.proto)
                assert one.getpeername() == client.getsockname()
                assert f"family={one.family}, type={one.type}" in repr(one)
            duplicate.sendall(b"hello")
            assert client.recv(5) == b"hello"


def test_asking_for_family_and_type_runs_nothing() -> None:
    """A plain socket calls four functions each time; event loops ask three times for each connection."""
    called = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.append(frame.f_code.co_name)

    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()),
        closing(accepting(listening, AcceptedSocket)()) as accepted,
    ):
        before = sys.getprofile()
        sys.setprofile(note)
        try:
            facts = accepted.family, accepted.type
        finally:
            sys.setprofile(before)
    assert (facts, called) == ((socket.AF_INET, socket.SOCK_STREAM), [])
