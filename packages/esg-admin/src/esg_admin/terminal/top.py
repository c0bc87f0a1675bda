"""Runs `esg top`: asks for the figures again and again, in a thread, and listens to the keyboard meanwhile.

Knows terminals and threads; neither HTTP nor how figures are drawn.
"""

import os
import select
import signal
import socket
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from esg_admin.terminal.client import Client
from esg_admin.terminal.figures import Documents
from esg_admin.terminal.screen import Screen, Show
from esg_core.admin.contracts import Stats
from esg_core.errors import CommandError

RETRY = 1.0
"""Seconds after which a server that was lost is asked again, and after which the screen is drawn at the latest."""

QUIT = b"qQ\x03\x04"


def run(client: Client, address: str, interval: float) -> int:
    """Show the figures until the user quits; once where there is no terminal. Raises `CommandError` at the start."""
    screen = Screen()
    documents = Documents()
    documents.add(client.stats())
    if not screen.is_live:
        time.sleep(interval)
        documents.add(client.stats())
        screen.show_once(documents, address)
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the terminal is put back as it was
    follower = _Follower(client, interval)
    try:
        with _keys() as keyboard, screen.live(address) as show:
            _watch(follower, keyboard, show, documents)
    except KeyboardInterrupt:
        pass
    finally:
        follower.stop()
    return 0


class _Follower:
    """A thread that asks for the figures; `bell` can be read when there is something new."""

    def __init__(self, client: Client, interval: float) -> None:
        self.news: SimpleQueue[Stats | CommandError] = SimpleQueue()
        self.bell, self._rope = socket.socketpair()
        self._client = client
        self._interval = interval
        self._is_over = threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()

    def stop(self) -> None:
        """The thread ends after its next answer, which is not waited for."""
        self._is_over.set()

    def _follow(self) -> None:
        pause = self._interval
        while not self._is_over.wait(pause):
            try:
                self.news.put(self._client.stats())
                pause = self._interval
            except CommandError as error:
                self.news.put(error)
                pause = min(self._interval, RETRY)
            self._rope.send(b".")


def _watch(follower: _Follower, keyboard: int | None, show: Show, documents: Documents) -> None:
    """Show what comes, until a key quits or the terminal is gone."""
    problem = ""
    bell = follower.bell.fileno()
    awaited = [bell] if keyboard is None else [bell, keyboard]
    while True:
        show(documents, problem)
        ready, _, _ = select.select(awaited, [], [], RETRY)
        if keyboard is not None and keyboard in ready and _quits(keyboard):
            return
        if bell in ready:
            follower.bell.recv(1)
            news = follower.news.get()
            if isinstance(news, CommandError):
                problem = str(news)
            else:
                problem = ""
                documents.add(news)


def _quits(keyboard: int) -> bool:
    try:
        typed = os.read(keyboard, 64)
    except OSError:  # the terminal is gone
        return True
    return not typed or any(key in QUIT for key in typed)


@contextmanager
def _keys() -> Iterator[int | None]:
    """Standard input, which gives each key at once and shows none; None if it is no terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield None
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)
    attributes = termios.tcgetattr(keyboard)
    attributes[6][termios.VSUSP] = b"\0"  # CTRL+Z would leave the screen as it is
    termios.tcsetattr(keyboard, termios.TCSANOW, attributes)
    try:
        yield keyboard
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
