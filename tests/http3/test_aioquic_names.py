"""What `aioquic_connection` and `aioquic_bounds` know of aioquic that is not public: fails by name if it changes."""

import inspect
import logging
import logging.config
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from aioquic import tls
from aioquic.quic.connection import Limit, QuicConnection, QuicConnectionId
from aioquic.quic.stream import QuicStream, QuicStreamReceiver, QuicStreamSender

import esg_http.h3.aioquic_bounds
import esg_http.h3.aioquic_connection
from esg_http.h3.aioquic_transport import _fault
from tests.support.http3.client import configuration

METHODS: list[tuple[type, str, list[str]]] = [
    (QuicConnection, "_replenish_connection_ids", ["self"]),
    (QuicConnection, "_initialize", ["self", "peer_cid"]),
    (QuicConnection, "_idle_timeout", ["self"]),
    (QuicConnection, "_get_or_create_stream", ["self", "frame_type", "stream_id"]),
    (QuicConnection, "_handle_crypto_frame", ["self", "context", "frame_type", "buf"]),
    (QuicConnection, "_write_connection_limits", ["self", "builder", "space"]),
    (QuicConnection, "_write_stream_limits", ["self", "builder", "space", "stream"]),
    (QuicConnection, "_on_connection_limit_delivery", ["self", "delivery", "limit"]),
    (QuicConnection, "_on_max_stream_data_delivery", ["self", "delivery", "stream"]),
    (tls.Context, "_server_handle_hello", ["self", "input_buf", "initial_buf", "handshake_buf"]),
]
"""What is overridden or called, with its parameters."""

ATTRIBUTES: list[tuple[str, type | tuple[type, ...]]] = [
    ("_close_at", (type(None), float)),
    ("_close_event", type(None)),
    ("_crypto_streams", dict),
    ("_host_cid_seq", int),
    ("_host_cids", list),
    ("_local_initial_source_connection_id", bytes),
    ("_local_max_data", Limit),
    ("_local_max_streams_bidi", Limit),
    ("_local_max_streams_uni", Limit),
    ("_logger", object),
    ("_remote_active_connection_id_limit", int),
    ("_remote_max_data", int),
    ("_remote_max_data_used", int),
    ("_state", object),
    ("_streams", dict),
    ("_streams_queue", list),
]
"""What is read or set on a connection."""

OF_PARTS: list[tuple[Any, list[str]]] = [
    (Limit(0, "", 1), ["frame_type", "sent", "used", "value"]),
    (QuicConnectionId(b"", 0, b"", True), ["cid", "sequence_number", "stateless_reset_token", "was_sent"]),
    (QuicStream(0), ["max_stream_data_local", "max_stream_data_local_sent", "max_stream_data_remote", "stream_id"]),
    (QuicStreamReceiver(0, True), ["_buffer", "_ranges", "is_finished", "starting_offset"]),
    (
        QuicStreamSender(0, True),
        ["_buffer_fin", "_buffer_start", "_buffer_stop", "buffer_is_empty", "highest_offset", "is_finished"],
    ),
]


def new_connection() -> QuicConnection:
    return QuicConnection(configuration=configuration())


@pytest.mark.parametrize(
    ("owner", "name", "parameters"), METHODS, ids=lambda value: str(getattr(value, "__name__", value))
)
def test_methods_have_the_parameters_that_we_know(owner: type, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


@pytest.mark.parametrize(("name", "kind"), ATTRIBUTES, ids=[name for name, _ in ATTRIBUTES])
def test_connections_have_the_attributes_that_we_know(name: str, kind: type | tuple[type, ...]) -> None:
    assert isinstance(getattr(new_connection(), name), kind)


@pytest.mark.parametrize(("part", "names"), OF_PARTS, ids=[type(part).__name__ for part, _ in OF_PARTS])
def test_parts_have_the_attributes_that_we_know(part: object, names: list[str]) -> None:
    assert [name for name in names if not hasattr(part, name)] == []


def test_every_private_name_is_in_these_lists() -> None:
    modules = (esg_http.h3.aioquic_connection, esg_http.h3.aioquic_bounds)
    source = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in modules)
    own = set(re.findall(r"def (_[a-z]\w*)|self\.(_identity|_half_window|_unsent)\b", source))
    known = {name for _, name, _ in METHODS} | {name for name, _ in ATTRIBUTES}
    known |= {name for _, names in OF_PARTS for name in names} | {name for pair in own for name in pair}
    used = set(re.findall(r"\.(_[a-z]\w*)", source)) - {"_buffer"}  # the module of `Buffer`
    assert used <= known


def test_the_release_is_one_that_was_read() -> None:
    assert version("aioquic").startswith("1.7.")


def test_an_idle_connection_is_known_by_its_reason() -> None:
    """aioquic has no code for it."""
    connection = new_connection()
    connection.connect(("127.0.0.1", 9), 0.0)
    connection.handle_timer(1e6)
    assert isinstance(_fault(connection._close_event), TimeoutError)


def test_a_stream_that_is_over_raises_what_we_expect() -> None:
    connection = new_connection()
    connection.connect(("127.0.0.1", 9), 0.0)
    connection.send_stream_data(0, b"", end_stream=True)
    with pytest.raises(RuntimeError):
        connection.send_stream_data(0, b"more")
    with pytest.raises(ValueError, match="unknown"):
        connection.stop_stream(4, 0)
    with pytest.raises(ValueError, match="unknown"):
        connection.reset_stream(1, 0)


def test_no_configuration_of_logging_lets_clients_write_to_the_log() -> None:
    everything = {"version": 1, "disable_existing_loggers": False, "loggers": {"aioquic": {"level": "DEBUG"}}}
    before = logging.getLogger("aioquic").level
    try:
        logging.config.dictConfig(everything)
        assert not esg_http.h3.aioquic_connection._QUIET.isEnabledFor(logging.CRITICAL)
    finally:
        logging.getLogger("aioquic").setLevel(before)
