"""Chromium: the example chat between two pages, and what a page can see of a connection (S-1, S-2, S-4)."""

import signal
from collections.abc import Iterator

import pytest

from tests.support.e2e.browser import Browser, Page
from tests.support.e2e.programs import needs
from tests.support.e2e.server import Server, serving

pytestmark = needs("chromium")

LINES = "[...document.querySelectorAll('#talk li')].map(line => line.textContent)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


def say(page: Page, text: str) -> None:
    page.evaluate(f"document.querySelector('input').value = {text!r}; document.querySelector('form').requestSubmit()")


def wait_for_line(page: Page, text: str) -> None:
    page.wait_for(f"{LINES}.includes({text!r})")


@pytest.mark.parametrize("ws", ["websockets", "wsproto"])
def test_two_pages_talk_to_each_other(browser: Browser, ws: str) -> None:
    """S-1: both get all messages, in the same order; both are told when the server stops (S-4)."""
    with Server("examples.chat:app", "--ws", ws) as server:
        ada = browser.open(f"{server.url}/?name=Ada")
        wait_for_line(ada, "Ada has joined")
        bob = browser.open(f"{server.url}/?name=Bob")
        wait_for_line(ada, "Bob has joined")
        say(ada, "Hello, Bob!")
        wait_for_line(bob, "Ada: Hello, Bob!")
        say(bob, "Grüße, Ada! " + "la " * 50)
        for page in (ada, bob):
            wait_for_line(page, "Bob: Grüße, Ada! " + "la " * 50)
        expected = ["Bob has joined", "Ada: Hello, Bob!", "Bob: Grüße, Ada! " + "la " * 50]
        assert bob.evaluate(LINES) == expected
        assert ada.evaluate(LINES) == ["Ada has joined", *expected]
        server.process.send_signal(signal.SIGTERM)
        for page in (ada, bob):
            wait_for_line(page, "the room is closed (1012)")
        assert server.wait() == 0


ECHO = """
new Promise(done => {
  const socket = new WebSocket(location.origin.replace("http", "ws") + "%s", %s);
  const seen = [];
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { seen.push(socket.protocol, socket.extensions); %s };
  socket.onmessage = event => {
    seen.push(typeof event.data === "string" ? event.data : new Uint8Array(event.data).length);
    if (seen.length === %d) socket.close(3000, "enough");
  };
  socket.onclose = event => done([...seen, event.code, event.reason, event.wasClean]);
})
"""


@pytest.mark.parametrize("ws", ["websockets", "wsproto"])
def test_what_a_page_can_tell(browser: Browser, ws: str) -> None:
    """S-2: subprotocol, compression, texts, bytes, codes and reasons."""
    with serving("tests.behaviour.apps.websocket:app", "--ws", ws) as server:
        page = browser.open(server.url)
        page.wait_for("document.readyState === 'complete'")
        sends = "socket.send('Grüße'.repeat(1000)); socket.send(new Uint8Array(300000)); socket.send('');"
        seen = page.evaluate(ECHO % ("/echo", "['a', 'b']", sends, 5))
        assert seen[0] == "a"
        assert seen[1].startswith("permessage-deflate; ")
        assert seen[2:] == ["Grüße" * 1000, 300_000, "", 3000, "enough", True]
        assert page.evaluate(ECHO % ("/closes", "[]", "", 9))[2:] == [4000, "full", True]
        assert page.evaluate(ECHO % ("/raises", "[]", "", 9))[2:] == [1011, "internal error", True]
        assert page.evaluate(ECHO % ("/denies", "[]", "", 9)) == [1006, "", False]


def test_a_page_is_told_when_there_is_no_websocket(browser: Browser) -> None:
    """S-1: with `none`, the request is answered in HTTP."""
    with serving("examples.chat:app", "--ws", "none") as server:
        wait_for_line(browser.open(f"{server.url}/?name=Eve"), "the room is closed (1006)")
