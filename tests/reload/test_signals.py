"""The signals that end the reloader: handled while it runs, and restored afterwards."""

import os
import signal
import threading

import pytest

from esg_reload.signals import handled, named

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in ENDING]
    came: list[int] = []
    with handled(came.append):
        for number in ENDING:
            os.kill(os.getpid(), number)
    assert came == list(ENDING)
    assert [signal.getsignal(number) for number in ENDING] == before


def test_handlers_are_given_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), handled(print):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) == before


def test_sighup_stays_ignored_where_it_is() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    came: list[int] = []
    try:
        with handled(came.append):
            os.kill(os.getpid(), signal.SIGHUP)
        assert came == []
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)


def test_another_thread_handles_none() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def look() -> None:
        with handled(print):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (15, "SIGTERM"), (200, "signal 200")])
def test_signals_are_called_by_their_names(number: int, name: str) -> None:
    assert named(number) == name
