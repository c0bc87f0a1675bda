"""M-7: who may do what on the admin address, as one table, and the traps that browsers are."""

import itertools

import pytest

from esg_core.admin.contracts import Action, Peer
from tests.support.admin.client import TOKEN, Answered, Client
from tests.support.admin.source import StillSource

OPEN = ("/", "/metrics", "/health", "/ready")
READ = ("/stats", "/stacks", "/requests", "/events")
ACT = tuple(f"/{action.value}" for action in Action)

RIGHT, WRONG, NONE = f"Bearer {TOKEN.decode()}", "Bearer s3cret-tokem", None

NEEDED = {
    Peer.UNIX: (),
    Peer.LOOPBACK: ACT,
    Peer.OTHER: READ + ACT,
}
"""The paths that need the token."""


def answered(peer: Peer, path: str, token: bytes | None = TOKEN, method: str = "", **fields: str | None) -> Answered:
    source = StillSource()
    client = Client(source, peer, token)
    given = {name: value for name, value in fields.items() if value is not None}
    client.ask(path, method or ("POST" if path in ACT else "GET"), **given)
    if source.asked:
        source.answer()
    answer = parse_stream(client) if client.exchange.is_stream else client.answer()
    assert bool(source.acted) == (answer.status == 202)
    return answer


def parse_stream(client: Client) -> Answered:
    client.exchange.is_over = True
    return client.answer()


@pytest.mark.parametrize(("peer", "path"), [*itertools.product(Peer, OPEN + READ + ACT)])
def test_m7_who_needs_the_token(peer: Peer, path: str) -> None:
    served = 202 if path in ACT else 200
    assert answered(peer, path, authorization=RIGHT).status == served
    for authorization in (WRONG, NONE):
        answer = answered(peer, path, authorization=authorization)
        assert answer.status == (401 if path in NEEDED[peer] else served)
        assert ("www-authenticate" in answer.fields) == (answer.status == 401)
    without = answered(peer, path, token=None, authorization=RIGHT)
    assert without.status == (403 if path in NEEDED[peer] else served)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic czNjcmV0LXRva2Vu",
        TOKEN.decode(),
        f"Bearer {TOKEN.decode()} x",
        "Bearer \xe4\xf6",
    ],
)
def test_m7_what_is_not_the_token(authorization: str) -> None:
    assert answered(Peer.OTHER, "/stats", authorization=authorization).status == 401


def test_m7_the_scheme_of_a_token_has_no_case() -> None:
    assert answered(Peer.OTHER, "/stats", authorization=f"bearer  {TOKEN.decode()}").status == 200


def test_m7_the_token_is_never_taken_from_a_query() -> None:
    token = TOKEN.decode()
    for name in ("token", "access_token", "authorization"):
        assert answered(Peer.OTHER, f"/stats?{name}={token}").status == 401


OURS = (
    "127.0.0.1",
    "127.0.0.1:9099",
    "[::1]",
    "[::1]:9099",
    "10.2.3.4:80",
    "localhost",
    "LocalHost:1",
    "Admin.Example:9",
)
FOREIGN = (
    *("evil.example", "evil.example:9099", "127.0.0.1.evil.example", "localhost.evil.example", "x@127.0.0.1", ""),
    *("[evil.example]", "[::1", "::1", "localhost:x", "127.0.0.1:9099, localhost", "0x7f000001", "127.1"),
)


@pytest.mark.parametrize(("peer", "path"), [*itertools.product((Peer.LOOPBACK, Peer.OTHER), OPEN + READ + ACT)])
def test_m7_a_rebound_name_gets_nothing(peer: Peer, path: str) -> None:
    """Not even with the token, and not even that there is no such path."""
    for host in FOREIGN:
        assert answered(peer, path, host=host, authorization=RIGHT).status == 403
        assert answered(peer, "/nothing", host=host, authorization=RIGHT).status == 403


@pytest.mark.parametrize("peer", Peer)
def test_m7_names_of_the_server(peer: Peer) -> None:
    for host in OURS:
        assert answered(peer, "/stats", host=host, authorization=RIGHT).status == 200


def test_m7_a_socket_file_may_be_called_anything() -> None:
    assert answered(Peer.UNIX, "/stats", host="anything").status == 200


@pytest.mark.parametrize(("peer", "path"), [*itertools.product(Peer, ACT)])
def test_m7_a_page_of_another_origin_changes_nothing(peer: Peer, path: str) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:9098", "ftp://127.0.0.1:9099"):
        assert answered(peer, path, origin=origin, authorization=RIGHT).status == 403
    for ours in ("http://127.0.0.1:9099", "https://127.0.0.1:9099", None):
        assert answered(peer, path, origin=ours, authorization=RIGHT).status == 202


@pytest.mark.parametrize(("peer", "path", "method"), [*itertools.product(Peer, ACT, ("GET", "HEAD"))])
def test_m7_a_link_changes_nothing(peer: Peer, path: str, method: str) -> None:
    answer = answered(peer, path, method=method, authorization=RIGHT)
    assert (answer.status, answer.fields["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", [*OPEN, *READ, *ACT, "/nothing"])
def test_m7_no_browser_is_told_to_share_or_keep_what_it_gets(path: str) -> None:
    fields = answered(Peer.LOOPBACK, path, authorization=RIGHT, origin="http://127.0.0.1:9099").fields
    assert not [name for name in fields if name.startswith("access-control-")]
    assert fields["cache-control"] == "no-store"
    assert fields["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in fields["content-security-policy"]
    assert "frame-ancestors 'none'" in fields["content-security-policy"]


def test_m7_the_page_runs_nothing_but_itself() -> None:
    """Its script and style have a nonce, which is another one in each response."""
    nonces = set()
    for _ in range(2):
        answer = answered(Peer.OTHER, "/")
        policy = dict(part.split(" ", 1) for part in answer.fields["content-security-policy"].split("; "))
        assert (
            policy["default-src"]
            == policy["frame-ancestors"]
            == policy["base-uri"]
            == policy["form-action"]
            == "'none'"
        )
        assert policy["script-src"] == policy["style-src"]
        assert policy["connect-src"] == "'self'"
        nonce = policy["script-src"].removeprefix("'nonce-").removesuffix("'")
        assert answer.text.count(f'nonce="{nonce}"') == answer.text.count("nonce=") == 2
        nonces.add(nonce)
    assert len(nonces) == 2
