"""The figures of a server (rule A-7)."""

import json
import os
from typing import Any

import pytest

from esg_core.context import Context
from esg_core.lifecycle.assembly import install_admission
from esg_core.lifecycle.stats import stats
from esg_core.options.config import Config
from esg_core.testing import ManualLoop

NAMES = {
    "connections",
    "draining",
    "elu",
    "elu_source",
    "h2_streams",
    "h3_streams",
    "inflight",
    "lag",
    "limit",
    "peak_inflight",
    "pid",
    "queue_disconnects",
    "queue_timeouts",
    "queued",
    "queued_total",
    "rejected_total",
    "requests_total",
    "sample_count",
    "smoothed_latency",
    "turn",
    "uptime",
    "websockets",
}

SETTINGS: list[dict[str, Any]] = [{}, {"limit_concurrent_requests": 5}, {"backpressure": True}]


async def app(*_arguments: object) -> None: ...


@pytest.mark.parametrize("settings", SETTINGS, ids=["off", "static", "adaptive"])
def test_the_figures_have_the_same_names_whatever_is_on(settings: dict[str, Any]) -> None:
    """A-7."""
    with ManualLoop() as loop:
        context = Context(Config(app, **settings), app, loop)
        install_admission(context)
        context.open()
        loop.advance(90)
        figures = stats(context)
        context.close()
    assert figures.keys() == NAMES
    assert json.loads(json.dumps(figures)) == figures
    assert (figures["pid"], figures["uptime"], figures["draining"]) == (os.getpid(), 90, False)
    assert (figures["inflight"], figures["queued"], figures["connections"]) == (0, 0, 0)


def test_what_is_not_measured_is_none() -> None:
    with ManualLoop() as loop:
        figures = stats(Context(Config(app), app, loop))
    unknown = {name for name, value in figures.items() if value is None}
    assert unknown == {"limit", "elu", "elu_source", "turn", "lag", "peak_inflight", "smoothed_latency"}


def test_connections_may_carry_streams_and_websockets() -> None:
    class Plain:
        def drain(self) -> None: ...

    class Carrying(Plain):
        protocol_name = "HTTP/2"
        streams = 3
        websockets = 1

    class OfHTTP3(Carrying):
        protocol_name = "HTTP/3"
        streams = 4

    with ManualLoop() as loop:
        context = Context(Config(app), app, loop)
        connections: set[Any] = context.connections
        connections.update([Plain(), Carrying(), Carrying(), OfHTTP3()])
        figures = stats(context)
    assert (figures["connections"], figures["websockets"]) == (4, 3)
    assert (figures["h2_streams"], figures["h3_streams"]) == (6, 4)
