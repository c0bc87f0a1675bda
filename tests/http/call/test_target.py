"""Targets and scopes (rule H-15)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from esg_http.call.peer import Peer, request_scope, scope_template
from esg_http.call.target import SHORT_TARGET, Target, known_target, read_target


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/", Target("/", b"/", b"")),
        (b"/?", Target("/", b"/", b"")),
        (b"/a?b?c", Target("/a", b"/a", b"b?c")),
        (b"/%61%2F?%61", Target("/a/", b"/%61%2F", b"%61")),
        (b"/%e2%82%ac", Target("/\u20ac", b"/%e2%82%ac", b"")),
        (b"/%ff", Target("/\ufffd", b"/%ff", b"")),
        (b"/%zz%", Target("/%zz%", b"/%zz%", b"")),
        (b"/+", Target("/+", b"/+", b"")),
        (b"*", Target("*", b"*", b"")),
    ],
)
def test_targets(target: bytes, expected: Target) -> None:
    """H-15: the path decoded as UTF-8, everything else as it came."""
    assert read_target(target) == expected
    assert known_target(target) == expected
    assert known_target(target) == expected


def test_long_targets_are_not_remembered() -> None:
    """H-20."""
    longest = b"/" + b"a" * (SHORT_TARGET - 1)
    assert known_target(longest) is known_target(longest)
    target = longest + b"a"
    assert known_target(target) == read_target(target)
    assert known_target(target) is not known_target(target)


def peer(**more: Any) -> Peer:
    given = {"server": ("a", 1), "client": ("b", 2), "scheme": "http", "root_path": "", "extensions": {"x": {}}}
    made = cast(Peer, SimpleNamespace(**given | more))
    made.scope = scope_template(made)
    return made


A_B = read_target(b"/a?b")


def test_the_parts_of_a_scope() -> None:
    """H-15."""
    headers = [(b"host", b"t")]
    both_ends = peer()
    scope = request_scope(both_ends, "GET", read_target(b"/a%20?b"), headers)
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("a", 1),
        "client": ("b", 2),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": "/a ",
        "raw_path": b"/a%20",
        "query_string": b"b",
        "headers": headers,
        "extensions": {"x": {}},
        "state": None,
    }
    assert scope["headers"] is not headers
    assert scope["extensions"] is not both_ends.extensions


def test_a_scope_is_its_requests_own() -> None:
    """H-15: no other request sees what an application does to it."""
    both_ends = peer()
    request_scope(both_ends, "GET", A_B, []).clear()
    scope = request_scope(both_ends, "PUT", A_B, [])
    scope["extensions"]["y"] = scope["client"] = scope["more"] = None
    assert request_scope(both_ends, "PUT", A_B, []) == request_scope(peer(), "PUT", A_B, [])


def test_a_root_path() -> None:
    """H-15: even before targets that have been seen without it."""
    request_scope(peer(), "GET", A_B, [])
    scope = request_scope(peer(root_path="/\u20ac"), "GET", A_B, [])
    assert (scope["root_path"], scope["path"]) == ("/\u20ac", "/\u20ac/a")
    assert scope["raw_path"] == "/\u20ac".encode() + b"/a"
    assert request_scope(peer(), "GET", A_B, [])["path"] == "/a"


def test_the_server_itself_is_below_no_root_path() -> None:
    """H-15: `OPTIONS *` (RFC 9110 section 9.3.7)."""
    scope = request_scope(peer(root_path="/app"), "OPTIONS", read_target(b"*"), [])
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/app", "*", b"*")
