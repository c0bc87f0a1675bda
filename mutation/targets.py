"""Which tests judge which module: the quick ones in memory, those that notice most first.

A mutated module exists in one process only, so tests that start servers as programs see nothing of it.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_CORE = "tests/core/"
_HTTP = "tests/http/"
_HTTP2 = "tests/http2/"
_MULTIPLEXED = "tests/multiplexed/"
_SESSION = tuple(
    _HTTP2 + name
    for name in (
        "test_bounds.py",
        "engine/test_requests.py",
        "engine/test_allowances.py",
        "engine/test_states.py",
        "test_session.py",
    )
)
_SENDING = (_HTTP2 + "engine/test_sending.py", _HTTP2 + "engine/test_turns.py")

_HTTP3 = "tests/http3/"
_CASES = (_HTTP3 + "test_conformance.py",)
_CONNECTIONS = (_HTTP3 + "test_connection.py", "tests/multiplexed/test_connection.py")
_CLIENT = (_HTTP3 + "engine/test_client_streams.py",)

TARGETS: dict[str, tuple[str, ...]] = {
    "esg_http.message.grammar": (
        _HTTP + "message/test_grammar.py",
        _HTTP + "message/test_rules.py",
        _HTTP + "h1/test_request_fields.py",
        _HTTP + "h1/test_head_intake.py",
    ),
    "esg_http.h1.request_fields": (_HTTP + "h1/test_request_fields.py",),
    "esg_http.h1.body": (
        _HTTP + "message/test_grammar.py",
        _HTTP + "h1/test_body.py",
        _HTTP + "h1/test_body_limits.py",
    ),
    "esg_http.h1.head_intake": (_HTTP + "h1/test_head_intake.py",),
    "esg_http.message.response_head": (_HTTP + "message/test_response_head.py",),
    "esg_http.message.field_names": (
        _HTTP + "message/test_grammar.py",
        _HTTP + "message/test_field_names.py",
        _HTTP + "message/test_response_head.py",
    ),
    "esg_http.call.message_checks": (_HTTP + "call/test_message_checks.py",),
    "esg_http.call.target": (_HTTP + "call/test_target.py",),
    "esg_http.call.entrance": (
        _HTTP + "call/test_entrance.py",
        "tests/behaviour/test_health.py",
        "tests/behaviour/test_admission.py",
        "tests/behaviour/test_visitors.py",
    ),
    "esg_http.h1.input": (
        _HTTP + "h1/test_heads.py",
        _HTTP + "h1/test_input.py",
        "tests/behaviour/test_http_deadlines.py",
        _HTTP + "h1/test_upgrade.py",
        "tests/behaviour/test_admission.py",
    ),
    "esg_http.h1.output": (_HTTP + "h1/test_output.py",),
    "esg_core.overload.admission": (_CORE + "overload/test_admission.py", _CORE + "overload/test_admission_edges.py"),
    "esg_core.overload.line": (_CORE + "overload/test_line.py",),
    "esg_core.overload.aimd": (_CORE + "overload/test_aimd.py",),
    "esg_core.overload.backpressure": (_CORE + "overload/test_backpressure.py",),
    "esg_core.turns": (_CORE + "test_turns.py",),
    "esg_core.calls.deadlines": (
        "tests/behaviour/test_late_responses.py",
        "tests/behaviour/test_calls_of_departed_clients.py",
    ),
    "esg_core.sockets.shares": (_CORE + "sockets/test_shares.py",),
    "esg_core.figures.tally": (
        _CORE + "figures/test_tally.py",
        _CORE + "figures/test_publishing.py",
        _HTTP + "test_counting.py",
    ),
    "esg_core.figures.merging": (_CORE + "figures/test_merging.py",),
    "esg_core.app.wsgi.bridge": (
        "tests/wsgi/test_bridge.py",
        "tests/wsgi/test_direct.py",
        "tests/wsgi/test_interface.py",
        _CORE + "app/test_interfaces.py",
    ),
    "esg_http.call.cycle": (
        _HTTP + "call/test_cycle.py",
        _HTTP + "call/test_asgi_misbehaviour.py",
        _HTTP + "call/test_asgi_lifetimes.py",
        _HTTP + "call/test_direct_calls.py",
        _HTTP + "call/test_extensions.py",
        _HTTP + "test_counting.py",
        "tests/behaviour/test_http_hooks.py",
        "tests/behaviour/test_admission.py",
    ),
    "esg_http.h1.connection": (
        _HTTP + "h1/test_connection.py",
        "tests/behaviour/test_http_deadlines.py",
        "tests/behaviour/test_http_half_closed.py",
        _HTTP + "h1/test_upgrade.py",
        _HTTP + "h1/test_states.py",
        _HTTP + "h1/test_turns.py",
        "tests/behaviour/test_admission.py",
    ),
    "esg_admin.responder": (
        "tests/admin/test_answers.py",
        "tests/admin/test_bad_input.py",
        "tests/admin/test_access.py",
    ),
    "esg_core.deadlines": (_CORE + "test_deadlines.py",),
    "esg_http.h2.engine.states": (_HTTP2 + "engine/test_states.py",),
    "esg_http.multiplexed.base_stream": (*_SESSION, _HTTP2 + "test_tunnel.py", _HTTP2 + "test_stalls.py"),
    "esg_http.h2.engine.windows": (_HTTP2 + "engine/test_windows.py", _HTTP2 + "test_session.py"),
    "esg_http.h2.engine.control": (*_SESSION, *_SENDING),
    "esg_http.h2.engine.receiving": _SESSION,
    "esg_http.h2.engine.requests": _SESSION,
    "esg_http.h2.engine.data": _SESSION,
    "esg_http.h2.engine.endings": _SESSION,
    "esg_http.multiplexed.account": (_MULTIPLEXED + "test_account.py", *_SESSION),
    "esg_http.multiplexed.engine.sending": (*_SENDING, *_SESSION),
    "esg_http.multiplexed.engine.requests": (*_SESSION, *_CASES, _HTTP2 + "test_turns.py"),
    "esg_http.multiplexed.engine.bodies": (*_SESSION, *_CASES),
    "esg_http.multiplexed.engine.endings": (*_SESSION, *_CASES),
    "esg_http.h2.engine.streams": (_HTTP2 + "engine/test_states.py", *_SESSION),
    "esg_http.h2.coding.frames": (_HTTP2 + "test_bounds.py", _HTTP2 + "test_session.py"),
    "esg_http.h2.engine.sending": (*_SENDING, *_SESSION),
    "esg_http.h2.coding.hpack": (_HTTP2 + "coding/test_hpack_examples.py", _HTTP2 + "coding/test_hpack.py"),
    "esg_http.coding.literals": (_HTTP2 + "coding/test_hpack_examples.py", _HTTP2 + "coding/test_hpack.py"),
    "esg_http.h3.coding.varints": (_HTTP3 + "coding/test_frames.py", *_CASES),
    "esg_http.h3.coding.frames": (_HTTP3 + "coding/test_frames.py", *_CASES, *_CONNECTIONS),
    "esg_http.h3.coding.qpack": (_HTTP3 + "coding/test_qpack.py", *_CASES),
    "esg_http.h3.engine.states": (*_CASES, _HTTP + "test_states_page.py"),
    "esg_http.h3.engine.streams": (_HTTP3 + "test_stream_numbers.py", *_CASES, *_CONNECTIONS),
    "esg_http.h3.engine.qpack_streams": (*_CASES, *_CONNECTIONS),
    "esg_http.h3.engine.unidirectional": (*_CLIENT, *_CASES, *_CONNECTIONS),
    "esg_http.h3.engine.control": (*_CLIENT, *_CASES, *_CONNECTIONS),
    "esg_http.h3.engine.requests": (*_CLIENT, *_CASES, *_CONNECTIONS),
    "esg_http.h3.engine.bodies": (*_CLIENT, *_CASES, *_CONNECTIONS, _HTTP3 + "test_websocket.py"),
    "esg_http.h3.engine.sending": (*_CASES, *_CONNECTIONS),
}
"""Module -> the files of its tests."""


def source_of(module: str) -> Path:
    """The file of a module of one of the packages; raises `ValueError` if there is none."""
    file = Path(*module.split(".")).with_suffix(".py")
    for package in sorted((ROOT / "packages").iterdir()):
        if (package / "src" / file).is_file():
            return package / "src" / file
    raise ValueError(f"no package has a module {module!r}")
