"""Each case of what RFC 9114 and RFC 9204 require, however the bytes of its streams are cut (rule Q-1)."""

import logging
import re

import pytest

from esg_http.h3.coding.codes import H3_REQUEST_CANCELLED
from tests.http3.conformance import CASES
from tests.http3.conformance.case import ENDED, RESET, STOPPED, Case
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http3.driven import Client
from tests.support.http3.wire import headers

LAST = 400
"""A stream that no case uses: a connection that goes on answers on it."""

FAULT = re.compile(r"refused what \S+ sent: \w[^()]+ \((RFC \d+ section [\d.]+(, )?)+\)")
"""How the log tells of a fault: what it is, and which section says so."""

LONGEST = 3000
"""Bytes of a stream that are still delivered one by one."""


def play(case: Case, client: Client) -> None:
    for stream, data, how in case.steps:
        if client.quic.closed:
            return
        if how == RESET:
            client.user.stream_reset(stream, H3_REQUEST_CANCELLED)
        elif how == STOPPED:
            client.user.stream_stopped(stream, H3_REQUEST_CANCELLED)
        else:
            client.send(stream, data, end=how == ENDED)
        client.turn()


def check(case: Case, client: Client) -> None:
    outcome, quic = case.outcome, client.quic
    if outcome.ends:
        assert quic.closed is not None, "the connection goes on"
        assert quic.closed[0] in outcome.ends
        return
    assert quic.closed is None
    client.send(LAST, headers(), end=True)
    client.turn()
    assert client.answer(LAST).status == 200
    for stream, code in outcome.resets.items():
        assert quic.resets.get(stream) == code
    for stream, (status, body) in outcome.answers.items():
        answer = client.answer(stream)
        assert (answer.status, answer.body, answer.complete) == (status, body, True)
    for stream, code in outcome.stops.items():
        assert quic.stops.get(stream) == code


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_outcome(case: Case) -> None:
    short = all(len(step.data) <= LONGEST for step in case.steps)
    for cut in (False, True)[: 1 + short]:
        with MemoryServer(Recorder()) as server:
            client = Client(server, cut=cut, opening=case.opening)
            play(case, client)
            check(case, client)
            said = server.log.texts(logging.WARNING)
        assert [text for text in said if text.startswith("refused what") and not FAULT.fullmatch(text)] == []
        statuses = [status for status, _ in case.outcome.answers.values() if status >= 400]
        cancelled = H3_REQUEST_CANCELLED in case.outcome.resets.values()
        assert len(said) == len(case.outcome.ends) + len(case.outcome.resets) - cancelled + len(statuses)
