"""Handlers of signals are there while a server runs, and only then."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from esg_core.lifecycle.stop_signals import STOP_SIGNALS, borrowed, handled


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


def test_borrowed_signals_are_raised_again_for_the_former_handlers() -> None:
    order: list[tuple[str, int]] = []
    former = {
        number: signal.signal(number, lambda number, _: order.append(("program", number))) for number in STOP_SIGNALS
    }
    try:
        with borrowed(lambda number: order.append(("server", number))):
            for number in STOP_SIGNALS:
                os.kill(os.getpid(), number)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    came = [("server", number) for number in STOP_SIGNALS]
    assert order == [*came, *(("program", number) for number in reversed(STOP_SIGNALS))]


@pytest.mark.parametrize("manager", [handled, borrowed])
def test_other_threads_have_no_signals(manager: Callable[..., AbstractContextManager[None]]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    during = []

    def serve() -> None:
        with manager(lambda _: None):
            during.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert during == [before]
