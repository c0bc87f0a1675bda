"""The formats of access lines: default, json and atoms (rule R-3)."""

import json
import os
import re
from typing import Any

import pytest

from esg_core.access.atoms import ATOMS
from esg_core.access.exchange import NO_REQUEST, NO_TARGET, ScopeLike
from esg_core.access.formats import line_format
from esg_core.errors import UsageError
from tests.support.core.access_log import HOSTILE, scope

TLS = {"tls": {"tls_version": 0x0304}}
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


def line(text: str, request: ScopeLike, target: bytes = b"/x?y", *, status: int = 200, aborted: bool = False) -> str:
    return line_format(text).line(request, target, status, 13, 1.2345678, aborted)


def parsed(request: ScopeLike, target: bytes = b"/x?y", **outcome: Any) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(line("json", request, target, **outcome))
    return entry


# The default line.


@pytest.mark.parametrize(
    ("request_scope", "target", "status", "expected"),
    [
        (scope(), b"/x?y", 200, 'INFO:     127.0.0.1:1234 - "GET /x?y HTTP/1.1" 200 OK'),
        (scope(method="POST"), b"/", 503, 'INFO:     127.0.0.1:1234 - "POST / HTTP/1.1" 503 Service Unavailable'),
        (scope(http_version="2"), b"/", 413, 'INFO:     127.0.0.1:1234 - "GET / HTTP/2" 413 Content Too Large'),
        (scope(client=None), b"/", 299, 'INFO:     - - "GET / HTTP/1.1" 299'),
        (NO_REQUEST, NO_TARGET, 400, 'INFO:     - - "- - HTTP/-" 400 Bad Request'),
    ],
)
def test_the_default_line(request_scope: ScopeLike, target: bytes, status: int, expected: str) -> None:
    assert line("default", request_scope, target, status=status) == expected


def test_the_default_line_in_colours() -> None:
    made = line_format("default", coloured=True).line(scope(), b"/x", 404, 0, 0.0, False)
    assert made == (
        '\x1b[32mINFO\x1b[0m:     127.0.0.1:1234 - "\x1b[1mGET /x HTTP/1.1\x1b[0m" \x1b[31m404 Not Found\x1b[0m'
    )


def test_the_line_of_a_websocket_in_colours() -> None:
    accepted = line_format("default", coloured=True).accepted
    assert accepted is not None
    assert accepted(scope(), b"/x", 101, 0, 0.0, False) == (
        '\x1b[32mINFO\x1b[0m:     127.0.0.1:1234 - "\x1b[1mWebSocket /x\x1b[0m" \x1b[32m[accepted]\x1b[0m'
    )


def test_the_default_line_needs_no_clock() -> None:
    assert not line_format("default").timed


# JSON.


def test_json_has_everything() -> None:
    headers = [
        (b"x-request-id", b"abc-123"),
        (b"referer", b"https://example.org/"),
        (b"user-agent", b"curl/8"),
    ]
    entry = parsed(scope(headers=headers, extensions=TLS))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
    assert entry == {
        "client": "127.0.0.1:1234",
        "method": "GET",
        "target": "/x?y",
        "version": "1.1",
        "status": 200,
        "size": 13,
        "duration_ms": 1234.568,
        "request_id": "abc-123",
        "referer": "https://example.org/",
        "user_agent": "curl/8",
        "tls": "TLSv1.3",
        "aborted": False,
    }


def test_json_has_null_for_what_is_not_known() -> None:
    entry = parsed(NO_REQUEST, NO_TARGET, status=400, aborted=True)
    assert {name for name, value in entry.items() if value is None} == {
        "client", "method", "target", "version", "request_id", "referer", "user_agent", "tls",
    }  # fmt: skip
    assert entry["aborted"] is True


def test_json_without_tls_on_a_server_that_offers_other_extensions() -> None:
    assert parsed(scope(extensions={"http.response.trailers": {}}))["tls"] is None
    assert parsed(scope(extensions=None))["tls"] is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({b"x-request-id": b"a.b~c+d/e=f:g@h_i-1"}, "a.b~c+d/e=f:g@h_i-1"),
        ({b"x-request-id": b"x" * 128}, "x" * 128),
        ({b"x-request-id": b"x" * 129}, None),
        ({b"x-request-id": b""}, None),
        ({b"x-request-id": b'forged" "y'}, None),
        ({b"x-request-id": b"\xe9"}, None),
        ({b"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01".encode()}, TRACE_ID),
        ({b"traceparent": f"cc-{TRACE_ID}-b7ad6b7169203331-01-what-comes-later".encode()}, TRACE_ID),
        ({b"traceparent": b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01"}, None),
        ({b"traceparent": b"nonsense"}, None),
        ({b"x-request-id": b"a", b"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01".encode()}, "a"),
        ({b"x-request-id": b"no id", b"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01".encode()}, TRACE_ID),
    ],
)
def test_the_request_id(headers: dict[bytes, bytes], expected: str | None) -> None:
    assert parsed(scope(headers=list(headers.items())))["request_id"] == expected


# Atoms.

REQUEST = scope(
    headers=[
        (b"authorization", b"Basic YWxpY2U6c2VjcmV0"),
        (b"referer", b"https://example.org/"),
        (b"user-agent", b"curl/8"),
        (b"accept", b"*/*"),
        (b"x-request-id", b"abc"),
    ],
    extensions=TLS,
)


@pytest.mark.parametrize(
    ("atom", "expected"),
    [
        ("h", "127.0.0.1"),
        ("l", "-"),
        ("u", "alice"),
        ("r", "GET /x?y HTTP/1.1"),
        ("R", "GET /x HTTP/1.1"),
        ("m", "GET"),
        ("U", "/x"),
        ("q", "y"),
        ("Uq", "/x?y"),
        ("H", "HTTP/1.1"),
        ("S", "http"),
        ("s", "200"),
        ("st", "OK"),
        ("b", "13"),
        ("B", "13"),
        ("f", "https://example.org/"),
        ("a", "curl/8"),
        ("T", "1"),
        ("M", "1234"),
        ("D", "1234567"),
        ("L", "1.234568"),
        ("X", "-"),
        ("id", "abc"),
        ("tls", "TLSv1.3"),
        ("{accept}i", "*/*"),
        ("{Accept}i", "*/*"),
        ("{X-Not-There}i", "-"),
    ],
)
def test_an_atom(atom: str, expected: str) -> None:
    assert line(f"%({atom})s", REQUEST) == expected


@pytest.mark.parametrize(
    ("atom", "pattern"),
    [("t", r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"), ("iso", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")],
)
def test_an_atom_of_time(atom: str, pattern: str) -> None:
    assert re.fullmatch(pattern, line(f"%({atom})s", REQUEST))


def test_all_atoms_do_without_anything_known() -> None:
    text = " ".join(f"%({name})s" for name in ATOMS)
    fields = line(text, NO_REQUEST, NO_TARGET, aborted=True).split()
    assert "X" in fields
    assert len(fields) >= len(ATOMS)


def test_an_atom_of_the_process() -> None:
    assert line("%(p)s", REQUEST) == f"<{os.getpid()}>"


def test_an_atom_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGION", "eu")
    assert line("%(m)s %({REGION}e)s", REQUEST) == "GET eu"
    assert line("%({NO_SUCH_VARIABLE}e)s", REQUEST) == "-"


def test_the_combined_format_of_other_servers() -> None:
    text = '%(h)s %(l)s %(u)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s" %(L)s'
    expected = '127.0.0.1 - alice "GET /x?y HTTP/1.1" 200 13 "https://example.org/" "curl/8" 1.234568'
    assert line(text, REQUEST) == expected


def test_percent_signs_and_widths() -> None:
    assert line("100%% %(s)5s|%(m)-5s|", REQUEST) == "100%   200|GET  |"


def test_an_empty_body_and_a_client_without_address() -> None:
    made = line_format("%(b)s %(B)s %(h)s").line(scope(client=None), b"/", 204, 0, 0.0, False)
    assert made == "- 0 -"


@pytest.mark.parametrize(
    ("authorization", "user"),
    [
        (b"Bearer abc", "-"),
        (b"Basic not/base64!", "-"),
        (b"Basic ", "-"),
        (b"basic YWxpY2U=", "alice"),
        (b"Basic ZXZpbAo6eA==", r"evil\x0a"),
        (b"Basic //8=", r"\ufffd\ufffd"),
    ],
)
def test_the_user_is_whom_the_client_says(authorization: bytes, user: str) -> None:
    assert line("%(u)s", scope(headers=[(b"authorization", authorization)])) == user


@pytest.mark.parametrize("atom", ["T", "M", "D", "L"])
def test_only_atoms_of_duration_need_a_clock(atom: str) -> None:
    assert line_format(f"%(h)s %({atom})s").timed
    assert not line_format("%(h)s %(t)s %(s)s").timed


def test_an_unknown_atom_is_named_with_those_that_there_are() -> None:
    with pytest.raises(
        UsageError, match=r"^access_log_format: unknown atom %\(x\)s; known atoms are %\(h\)s"
    ) as raised:
        line_format("%(h)s %(x)s")
    assert all(f"%({name})s" in str(raised.value) for name in ATOMS)
    assert "%({NAME}i)s" in str(raised.value)


@pytest.mark.parametrize("text", ["%({server}x)s", "%({x})s", "%()s"])
def test_atoms_that_other_servers_have_or_nobody(text: str) -> None:
    with pytest.raises(UsageError, match="unknown atom"):
        line_format(text)


@pytest.mark.parametrize("text", ["%(h)s %d", "%(h)", "100%", "%(h)x", "% (h)s", "%s"])
def test_a_stray_percent_sign(text: str) -> None:
    with pytest.raises(UsageError, match="%%"):
        line_format(text)


@pytest.mark.parametrize("text", ["jsno", "combined", "{client} {status}"])
def test_a_name_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="is neither default nor json"):
        line_format(text)


# Injection.

EVERYWHERE = scope(
    client=(HOSTILE.decode("latin-1"), 1),
    method=HOSTILE.decode("latin-1"),
    http_version=HOSTILE.decode("latin-1"),
    scheme=HOSTILE.decode("latin-1"),
    headers=[(name, HOSTILE) for name in (b"referer", b"user-agent", b"x-request-id", b"traceparent", b"x")],
)


@pytest.mark.parametrize("text", ["default", "json", " ".join(f"%({name})s" for name in (*ATOMS, "{x}i"))])
def test_nothing_that_a_client_sends_gets_out_of_its_line(text: str) -> None:
    """Rule R-3: log injection is impossible."""
    made = line(text, EVERYWHERE, HOSTILE)
    assert made.isascii()
    assert made.isprintable()


def test_nothing_that_a_client_sends_gets_out_of_its_quotes() -> None:
    made = line('"%(r)s" "%(f)s" "%(a)s" "%({x}i)s"', EVERYWHERE, HOSTILE)
    assert made.count('"') == 8
    assert json.loads(line("json", EVERYWHERE, HOSTILE))["user_agent"] == HOSTILE.decode("latin-1")
