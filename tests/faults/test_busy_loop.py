"""What clients notice when one of them has kept the loop busy for a while (rules H-17, H-22)."""

import threading
import time

import pytest

from esg_http.h1.connection import H1Connection
from tests.http.corpus.case import get
from tests.support.http.memory import Recorder
from tests.support.http.sockets import PATIENCE, TCP, SocketServer, Wiring


@pytest.mark.parametrize("wiring", TCP, ids=str)
def test_h17_a_kept_connection_is_not_closed_with_its_next_request_unread(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time ran out while the loop was busy; libuv runs timers before it looks at sockets again."""
    is_busy = threading.Event()
    read = H1Connection.data_received

    def data_received(self: H1Connection, data: bytes) -> None:
        if b"/busy" in data:
            is_busy.set()
            time.sleep(2.5)
        read(self, data)

    monkeypatch.setattr(H1Connection, "data_received", data_received)
    with SocketServer(Recorder(), wiring, timeout_keep_alive=1) as server, server.connect() as kept:
        assert kept.ask(get()).status == 200
        with server.connect() as busy:
            busy.send(get(target=b"/busy"))
            assert is_busy.wait(PATIENCE)
            assert kept.ask(get()).status == 200
            assert busy.response().status == 200
