"""Handlers of signals are there while a server runs, and only then."""

import os
import signal
import threading

from esg_core.lifecycle.stop_signals import STOP_SIGNALS, handled


def test_handlers_are_installed_and_put_back() -> None:
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    seen: list[signal.Signals] = []
    with handled(seen.append):
        for number in STOP_SIGNALS:
            os.kill(os.getpid(), number)
    assert seen == [signal.SIGINT, signal.SIGTERM]
    assert {number: signal.getsignal(number) for number in STOP_SIGNALS} == before


def test_handlers_are_put_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        with handled(lambda _: None):
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_have_no_signals() -> None:
    before = signal.getsignal(signal.SIGTERM)
    during = []

    def serve() -> None:
        with handled(lambda _: None):
            during.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert during == [before]
