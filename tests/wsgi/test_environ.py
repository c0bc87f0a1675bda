"""The environ of a request: what PEP 3333 and RFC 3875 require, and nothing that a client could forge (rule I-3)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.e2e.server import Server
from tests.support.wsgi.http2 import Http2Client
from tests.support.wsgi.serving import VERSIONS, connect, request, serving_wsgi


@pytest.fixture(scope="module")
def server(stack: tuple[str, ...]) -> Iterator[Server]:
    with serving_wsgi("plain:app", *stack) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def environ_of(server: Server, version: str, path: str = "/environ", fields: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the application is given for a GET."""
    if version == "HTTP/2":
        with Http2Client(server) as client:
            lower = tuple(name.lower() + colon + value for name, colon, value in (f.partition(":") for f in fields))
            status, body = client.response(client.begin(path, fields=lower))
    else:
        with connect(server) as raw:
            response = raw.ask(request(path, *fields))
        status, body = response.status, response.body
    assert status == 200, server.output
    environ: dict[str, Any] = json.loads(body)
    return environ


def test_i3_what_each_request_has(server: Server, version: str) -> None:
    """I-3: the variables of PEP 3333, as native strings in a dictionary."""
    environ = environ_of(server, version, "/environ?a=%20b&c=+")
    assert environ["REQUEST_METHOD"] == "GET"
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/environ")
    assert environ["QUERY_STRING"] == "a=%20b&c=+"
    assert environ["SERVER_PROTOCOL"] in ({"HTTP/2", "HTTP/2.0"} if version == "HTTP/2" else {"HTTP/1.1"})
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", str(server.port))
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["HTTP_HOST"] == "127.0.0.1"
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.version"] == [1, 0]
    assert (environ["wsgi.multithread"], environ["wsgi.run_once"]) == (True, False)
    assert isinstance(environ["wsgi.multiprocess"], bool)
    assert (environ["kind"], environ["foreign"]) == ("dict", [])


def test_i3_each_request_has_its_own_environ(server: Server, version: str) -> None:
    """I-3: an application may change it, unseen by the next request."""
    assert [environ_of(server, version)["found"] for _ in range(3)] == [False] * 3


def test_i3_a_query_may_be_missing(server: Server, version: str) -> None:
    """I-3: its variable may not."""
    assert environ_of(server, version)["QUERY_STRING"] == ""


def test_i3_names_with_an_underscore_are_dropped(server: Server, version: str) -> None:
    """I-3: they would pass for names with hyphens, which a proxy sets or removes."""
    forged = ("X_Remote_User: admin", "Content_Type: text/forged", "Content_Length: 7", "X_Other: forged")
    environ = environ_of(server, version, fields=(*forged, "X-Remote-User: jane"))
    assert environ["HTTP_X_REMOTE_USER"] == "jane"
    assert {"HTTP_X_OTHER", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & set(environ) == set()
    assert environ.get("CONTENT_TYPE", "") == ""
    assert environ.get("CONTENT_LENGTH", "") in ("", "0")
    assert "HTTP_X_REMOTE_USER" not in environ_of(server, version, fields=("X_Remote_User: admin",))


def test_i3_the_field_proxy_is_dropped(server: Server, version: str) -> None:
    """I-3: `HTTP_PROXY` is where HTTP clients look for their own proxy."""
    environ = environ_of(server, version, fields=("Proxy: http://127.0.0.1:9", "Proxy-Other: kept"))
    assert "HTTP_PROXY" not in environ
    assert environ["HTTP_PROXY_OTHER"] == "kept"


def test_i3_repeated_fields_are_joined(server: Server, version: str) -> None:
    """I-3: by commas, and cookies by semicolons."""
    fields = ("X-List: a", "Cookie: a=1", "X-List: b, c", "Cookie: b=2", "X-List: d")
    environ = environ_of(server, version, fields=fields)
    assert [part.strip() for part in environ["HTTP_X_LIST"].split(",")] == ["a", "b", "c", "d"]
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_i3_type_and_length_of_the_body(server: Server) -> None:
    """I-3: the two fields whose variables do not begin with `HTTP_`."""
    fields = ("Content-Type: text/plain; charset=utf-8", "Content-Length: 4")
    with connect(server) as client:
        environ = json.loads(client.ask(request("/environ", *fields, method="PUT") + b"body").body)
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain; charset=utf-8", "4")
    assert environ["REQUEST_METHOD"] == "PUT"
    assert {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & set(environ) == set()


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("/%FF%FE", "/\xff\xfe"),
        ("/%C3%BC", "/\xc3\xbc"),
        ("/a%2Fb%20c", "/a/b c"),
        ("/%25FF", "/%FF"),
        ("//twice", "//twice"),
        ("/a+b;c=1", "/a+b;c=1"),
    ],
)
def test_i3_a_path_is_its_bytes(server: Server, version: str, sent: str, path: str) -> None:
    """I-3: percent-encoding is undone, and each byte becomes one character, even if the bytes are not UTF-8."""
    environ = environ_of(server, version, f"/environ{sent}")
    assert environ["PATH_INFO"] == f"/environ{path}"
    assert environ["foreign"] == []


def test_i3_values_are_their_bytes(server: Server) -> None:
    """I-3: fields and queries are latin-1."""
    environ = environ_of(server, "HTTP/1.1", fields=("X-Bytes: \xff\xc3\xbc",))
    assert environ["HTTP_X_BYTES"] == "\xff\xc3\xbc"


@pytest.mark.parametrize(
    ("root", "script"), [("/shop", "/shop"), ("/a/b", "/a/b"), ("/gr\xfc\xdf", "/gr\xc3\xbc\xc3\x9f")]
)
def test_i3_the_root_path_is_the_script_name(version: str, root: str, script: str) -> None:
    """I-3: `PATH_INFO` is what follows it, even if that is not UTF-8."""
    with serving_wsgi("plain:app", "--root-path", root) as server:
        environ = environ_of(server, version, "/environ/%FF")
        assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script, "/environ/\xff")


def test_i3_a_trusted_proxy_tells_client_and_scheme(server: Server, version: str) -> None:
    """I-3, H-19."""
    fields = ("X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https")
    environ = environ_of(server, version, fields=fields)
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("192.0.2.7", "https")
    with serving_wsgi("plain:app", "--forwarded-allow-ips", "192.0.2.1") as other:
        environ = environ_of(other, version, fields=fields)
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")


def test_i3_one_thread_is_not_many(version: str) -> None:
    """I-3, I-4: `wsgi.multithread` tells whether calls of the application may overlap."""
    with serving_wsgi("plain:app", "--wsgi-threads", "1") as server:
        assert environ_of(server, version)["wsgi.multithread"] is False


def test_i3_workers_are_many_processes(version: str) -> None:
    """I-3: `wsgi.multiprocess` tells whether there may be another process of the application."""
    with serving_wsgi("plain:app", "--workers", "2") as server:
        assert environ_of(server, version)["wsgi.multiprocess"] is True


def test_i3_http_1_0(server: Server) -> None:
    """I-3: the version of the request, and the server's name without a host."""
    with connect(server) as client:
        environ = json.loads(client.send(b"GET /environ HTTP/1.0\r\n\r\n").response().body)
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert "HTTP_HOST" not in environ
    assert environ["SERVER_NAME"]


def test_i3_a_wsgi_application_is_found(stack: tuple[str, ...]) -> None:
    """I-3: `--interface auto` recognises WSGI by the two parameters, Flask and Django included."""
    for app in ("plain", "flask_app", "django_app"):
        with Server(f"tests.wsgi.apps.{app}:app", *stack) as server, connect(server) as client:
            assert client.ask(request("/")).body == b"hello"
